"""The error of a scan that cannot be segmented."""

__all__ = ["SegmentationError"]


class SegmentationError(ValueError):
    """A scan in which no brain could be segmented, with the reason in one sentence.

    A study that meets one leaves the scan out and goes on.

    Example:
        >>> issubclass(SegmentationError, ValueError)
        True
    """

"""What turns scaled intensities back to the units of the scan."""

from typing import Any

from monai.data.meta_tensor import MetaTensor
from monai.utils.enums import TraceKeys

__all__ = ["intensity_scale"]


def intensity_scale(image: MetaTensor) -> tuple[float, float]:
    """Slope and offset of an image that ``ScaleIntensityRobustd`` scaled: units = slope * value + offset.

    Args:
        image: image with its trace, alone or in a batch of one.

    Returns:
        (1, 0) for an image that was not scaled; (0, its constant) for a constant one.

    Example:
        >>> intensity_scale(MetaTensor([[1.0]]))
        (1.0, 0.0)
    """
    trace: Any = image.applied_operations
    if trace and isinstance(trace[0], list):
        trace = trace[0]
    for step in trace:
        if step[TraceKeys.CLASS_NAME] == "ScaleIntensityRobustd":
            info = step[TraceKeys.EXTRA_INFO]
            return 0.0 if info["constant"] else float(info["spread"]), float(info["low"])
    return 1.0, 0.0

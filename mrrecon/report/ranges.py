"""Intensities worth showing."""

import numpy as np
from jaxtyping import Float

__all__ = ["display_window", "typical_error", "value_range"]

_SAMPLE = 500_000


def value_range(
    original: Float[np.ndarray, "_ _ _"], reconstruction: Float[np.ndarray, "_ _ _"]
) -> tuple[float, float]:
    """Intensities that the page shows, all of them unless a few lie far out.

    With ``w`` the width between the 0.1st and the 99.9th percentile of the original, what lies more than
    ``w`` beyond them is cut off: a single bright vessel would leave few of the 256 levels to the tissue.

    Args:
        original: intensities.
        reconstruction: intensities.

    Returns:
        Lowest and highest intensity, never equal: a constant pair gets a range of 1 above it.

    Example:
        >>> value_range(np.linspace(0, 1, 8).reshape(2, 2, 2), np.full((2, 2, 2), 0.5))
        (0.0, 1.0)
    """
    low = float(min(original.min(), reconstruction.min()))
    high = float(max(original.max(), reconstruction.max()))
    first, last = _percentiles(original, 0.1, 99.9)
    if last > first:
        low, high = max(low, first - (last - first)), min(high, last + (last - first))
    # Intensities are shown in float32; a range below its precision is none.
    if np.float32(high) - np.float32(low) <= 1e-6 * max(abs(low), abs(high)):
        high = low + max(1.0, abs(low))
    return low, high


def display_window(original: Float[np.ndarray, "_ _ _"]) -> tuple[float, float]:
    """Intensities that are black and white at first: the 0.5th and the 99.7th percentile.

    Args:
        original: intensities.

    Returns:
        Black and white, never equal.

    Example:
        >>> display_window(np.zeros((2, 2, 2)))
        (0.0, 1.0)
    """
    low, high = _percentiles(original, 0.5, 99.7)
    return (low, high) if high > low else value_range(original, original)


def typical_error(difference: Float[np.ndarray, "_ _ _"]) -> float:
    """Absolute difference that one voxel in a thousand exceeds.

    Args:
        difference: intensities.

    Example:
        >>> typical_error(np.full((2, 2, 2), -0.5))
        0.5
    """
    (error,) = _percentiles(np.abs(difference), 99.9)
    return error


def _percentiles(volume: Float[np.ndarray, "_ _ _"], *percents: float) -> list[float]:
    # Every k-th voxel along each axis is plenty for a scale, and sorting all of a large volume is slow.
    step = max(1, round((volume.size / _SAMPLE) ** (1 / 3)))
    sample = volume[::step, ::step, ::step]
    return [float(value) for value in np.percentile(sample, percents)]

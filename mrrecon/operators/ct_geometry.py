"""What the arguments of a CT scan must be."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

__all__ = ["Angles", "Spacing", "check_angles", "check_detectors", "check_distance", "check_grid"]

Angles = Sequence[int | float] | Tensor
Spacing = int | float | Sequence[int | float]


def check_angles(angles: Angles) -> tuple[np.ndarray, float]:
    """Angles in radians, float64, and how far two of them may differ and be the same to their precision.

    Raises:
        TypeError: they are no real numbers.
        ValueError: there is none, they have more than one axis, or one is NaN or infinite.
    """
    given = torch.as_tensor(angles)
    if given.is_complex() or given.dtype == torch.bool:
        raise TypeError(f"angles must be real numbers, in radians, got {given.dtype}")
    if given.ndim != 1 or given.numel() == 0:
        raise ValueError(
            f"angles of shape {tuple(given.shape)} must be a list of at least one angle, in radians"
        )
    # A list of Python's numbers is in double precision, whatever torch makes of it.
    exact = isinstance(angles, Tensor) and angles.dtype in (torch.float32, torch.float16, torch.bfloat16)
    views = (
        given.detach().cpu().double().numpy() if isinstance(angles, Tensor) else np.array(angles, dtype=float)
    )
    if not np.isfinite(views).all():
        raise ValueError("angles must be finite, they hold NaN or infinity")
    rounding = torch.finfo(given.dtype).eps if exact else np.finfo(float).eps
    return views, 4 * rounding * max(2 * math.pi, float(np.abs(views).max()))


def check_grid(shape: Sequence[int], spacing: Spacing) -> tuple[tuple[int, int], tuple[float, float]]:
    """Rows and columns of an image, and their distances in mm.

    Raises:
        ValueError: they are not two, or one is not positive.
    """
    if len(shape) != 2 or any(int(n) != n or n < 1 for n in shape):
        raise ValueError(f"shape={tuple(shape)} must be the rows and columns of an image, each at least 1")
    sides = (spacing, spacing) if isinstance(spacing, int | float) else tuple(spacing)
    if len(sides) != 2:
        raise ValueError(
            f"spacing={spacing} must be one distance in mm, or that of the rows and of the columns"
        )
    for side in sides:
        check_distance("spacing", side)
    return (int(shape[0]), int(shape[1])), (float(sides[0]), float(sides[1]))


def check_detectors(n_detectors: int, detector_spacing: int | float, detector_offset: int | float) -> None:
    """Refuse a detector that sees nothing.

    Raises:
        ValueError: it has no element, their distance is not positive, or its offset not finite.
    """
    if int(n_detectors) != n_detectors or n_detectors < 1:
        raise ValueError(f"n_detectors={n_detectors} must be a whole number, at least 1")
    check_distance("detector_spacing", detector_spacing)
    if not math.isfinite(detector_offset):
        raise ValueError(f"detector_offset={detector_offset} mm must be finite")


def check_distance(name: str, value: int | float, *, zero: bool = False) -> None:
    """Refuse a length that is not positive and finite; or 0, where that is allowed.

    Raises:
        ValueError: it is not.
    """
    if not 0 <= value < math.inf or (value == 0 and not zero):
        raise ValueError(f"{name}={value} mm must be {'0 or ' if zero else ''}positive, and finite")

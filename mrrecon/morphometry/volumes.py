"""Volumes of the tissues in ml."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Real
from torch import Tensor

__all__ = ["tissue_volumes", "voxel_volume"]


def voxel_volume(affine: Real[np.ndarray, "4 4"]) -> float:
    """Volume of a voxel in mm³, whatever the axes' directions and angles.

    Args:
        affine: voxel indices to mm.

    Raises:
        ValueError: the affine is not finite or has no inverse.

    Example:
        >>> round(voxel_volume(np.diag([-2.0, 2.0, 2.0, 1.0])), 6)
        8.0
    """
    volume = abs(float(np.linalg.det(np.asarray(affine[:3, :3], np.float64))))
    if not (np.isfinite(affine).all() and volume > 1e-12):
        raise ValueError(f"affine={np.asarray(affine).tolist()} must be finite and have an inverse")
    return volume


def tissue_volumes(
    probabilities: Float[Tensor, "tissues x y z"],
    affine: Real[np.ndarray, "4 4"],
    *,
    names: Sequence[str] = ("csf", "gm", "wm"),
) -> dict[str, float]:
    """Volume of each tissue, a voxel counted by its probability.

    Args:
        probabilities: of the tissues, in [0, 1].
        affine: voxel indices to mm.
        names: of the tissues.

    Returns:
        ml by name.

    Raises:
        ValueError: the affine has no inverse, names and tissues do not match, or the sum is not finite.

    Example:
        >>> tissue_volumes(torch.ones(1, 10, 10, 10), np.eye(4), names=["gm"])
        {'gm': 1.0}
    """
    if len(names) != len(probabilities):
        raise ValueError(f"names={list(names)} must name {len(probabilities)} tissues, one each")
    sums = probabilities.flatten(1).sum(1, dtype=torch.float64)
    if not sums.isfinite().all():
        raise ValueError("probabilities must be finite, got NaN or infinity")
    ml = voxel_volume(affine) / 1000
    return {name: ml * total for name, total in zip(names, sums.tolist(), strict=True)}

"""Gaussian smoothing of maps, its width in mm."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Real
from torch import Tensor

__all__ = ["smooth_maps"]

_FWHM = 2 * math.sqrt(2 * math.log(2))
_TRUNCATE = 4.0  # standard deviations, as scipy and nilearn do


def smooth_maps(
    maps: Float[Tensor, "*batch x y z"],
    affine: Real[np.ndarray, "4 4"],
    *,
    fwhm: float | int | Sequence[float | int],
    mask: Bool[Tensor, "x y z"] | None = None,
) -> Float[Tensor, "*batch x y z"]:
    r"""Maps under a Gaussian, along each axis a product with a banded matrix; 0 outside the grid.

    Within a mask $m$ only voxels of the mask are averaged: $G (m x) / G m$ there, 0 elsewhere.

    Args:
        maps: values, any number of maps on one grid.
        affine: voxel indices to mm; the axes at right angles.
        fwhm: full width at half maximum, mm, one number or one for each axis of the array; 0: no smoothing.
        mask: where the values count.

    Returns:
        Maps of the same type.

    Raises:
        ValueError: ``fwhm`` is negative or not finite, the axes are not at right angles, or the affine has no
            inverse.

    Example:
        >>> spike = torch.zeros(1, 9, 9, 9)
        >>> spike[0, 4, 4, 4] = 1
        >>> smoothed = smooth_maps(spike, np.eye(4), fwhm=2.0)
        >>> round((smoothed[0, 5, 4, 4] / smoothed[0, 4, 4, 4]).item(), 4)
        0.5
    """
    widths = [float(fwhm)] * 3 if isinstance(fwhm, int | float) else [float(width) for width in fwhm]
    if len(widths) != 3 or not all(math.isfinite(width) and width >= 0 for width in widths):
        raise ValueError(f"fwhm={fwhm} must be one or three widths in mm, none negative")
    sizes = _spacing(affine)
    # Half precision is only for keeping maps: its products are slow and coarse on a processor.
    work = torch.promote_types(maps.dtype, torch.float32)
    kernels = [
        _band(n, width / _FWHM / size, like=torch.empty(0, dtype=work, device=maps.device))
        for n, width, size in zip(maps.shape[-3:], widths, sizes, strict=True)
    ]
    if mask is None:
        return _along_axes(maps.to(work), kernels).to(maps.dtype)
    weights = mask.to(maps.device, work)
    # Within the mask the weight is at least that of the voxel itself.
    total = _along_axes(weights, kernels)
    smoothed = _along_axes(maps.to(work).where(mask, 0), kernels)
    return (smoothed / total.where(mask, 1)).where(mask, 0).to(maps.dtype)


def _along_axes(maps: Tensor, kernels: Sequence[Tensor]) -> Tensor:
    shape = maps.shape
    maps = maps @ kernels[2]  # symmetric
    maps = kernels[1] @ maps
    return (kernels[0] @ maps.flatten(-2)).view(shape)


def _band(n: int, sigma: float, *, like: Tensor) -> Tensor:
    """Matrix of a Gaussian with standard deviation ``sigma``, in voxels, on ``n`` places."""
    distance = torch.arange(n, dtype=torch.float64)[:, None] - torch.arange(n, dtype=torch.float64)
    radius = int(_TRUNCATE * sigma + 0.5)
    if radius == 0:
        return torch.eye(n, dtype=like.dtype, device=like.device)
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float64)
    total = torch.exp(-0.5 * (offsets / sigma).square()).sum()
    band = torch.exp(-0.5 * (distance / sigma).square()).where(distance.abs() <= radius, 0) / total
    return band.to(like)


def _spacing(affine: Real[np.ndarray, "4 4"]) -> list[float]:
    axes = np.asarray(affine[:3, :3], np.float64)
    sizes = np.sqrt((axes**2).sum(0))
    if not np.isfinite(affine).all() or abs(np.linalg.det(axes)) < 1e-12:
        raise ValueError(f"affine={np.asarray(affine).tolist()} must be finite and have an inverse")
    unit = axes / sizes
    if np.abs(unit.T @ unit - np.eye(3)).max() > 1e-3:
        raise ValueError(
            f"affine={np.asarray(affine).tolist()} must have axes at right angles: resample the maps first"
        )
    return [float(size) for size in sizes]

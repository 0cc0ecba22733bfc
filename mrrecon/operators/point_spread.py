"""Point-spread functions: what becomes of one bright voxel."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["box_psf", "gaussian_psf", "motion_psf"]


def gaussian_psf(
    fwhm: Sequence[int | float], *, spacing: Sequence[int | float] | None = None, cut: int | float = 4.0
) -> Float[Tensor, "*size"]:
    """Gaussian with the sum 1, in double precision, of odd sizes.

    Args:
        fwhm: full width at half maximum along each axis, in the unit of ``spacing``; 0 leaves the axis as it
            is. It is 2.355 standard deviations.
        spacing: size of a voxel along each axis, in mm, say. None: widths are in voxels.
        cut: number of standard deviations after which the function ends, positive.

    Raises:
        ValueError: a width is negative, or a spacing or ``cut`` is not positive.

    Example:
        >>> gaussian_psf([2.0]).argmax(), gaussian_psf([2.0, 0.0]).shape
        (tensor(4), torch.Size([9, 1]))
    """
    voxels = _in_voxels("fwhm", fwhm, spacing)
    if any(width < 0 for width in voxels):
        raise ValueError(f"fwhm={tuple(fwhm)} must not be negative")
    if not 0 < cut < math.inf:
        raise ValueError(f"cut={cut} must be a positive number of standard deviations")
    lines = []
    for width in voxels:
        sigma = width / (2 * math.sqrt(2 * math.log(2)))
        radius = math.ceil(cut * sigma)
        places = torch.arange(-radius, radius + 1, dtype=torch.float64)
        lines.append(torch.exp(-0.5 * (places / (sigma or 1.0)) ** 2))
    return _outer(lines)


def box_psf(
    width: Sequence[int | float], *, spacing: Sequence[int | float] | None = None
) -> Float[Tensor, "*size"]:
    """Mean over a box, in double precision. Voxels that the box covers in part count in part.

    Args:
        width: side of the box along each axis, in the unit of ``spacing``, positive. An even whole number of
            voxels gives an even size, whose centre is half a voxel past the middle; any other an odd one.
        spacing: size of a voxel along each axis, in mm, say. None: widths are in voxels.

    Raises:
        ValueError: a width or a spacing is not positive.

    Example:
        >>> box_psf([2.0]), box_psf([4.0], spacing=[2.0]), box_psf([2.5])
        (tensor([0.5000, 0.5000], ...), tensor([0.5000, 0.5000], ...), tensor([0.3000, 0.4000, 0.3000], ...))
    """
    voxels = _in_voxels("width", width, spacing)
    if any(side <= 0 for side in voxels):
        raise ValueError(f"width={tuple(width)} must be positive")
    lines = []
    for side in voxels:
        if side % 2 == 0:
            lines.append(torch.ones(int(side), dtype=torch.float64))
            continue
        radius = math.ceil((side - 1) / 2)
        places = torch.arange(-radius, radius + 1, dtype=torch.float64)
        lines.append((side / 2 + 0.5 - places.abs()).clamp(0, 1))
    return _outer(lines)


def motion_psf(
    shift: Sequence[int | float], *, spacing: Sequence[int | float] | None = None
) -> Float[Tensor, "*size"]:
    """Mean over a straight, even movement from ``-shift / 2`` to ``shift / 2``, in double precision.

    The moved image is interpolated linearly at 64 places a voxel of the way.

    Args:
        shift: way along each axis, in the unit of ``spacing``, of either sign.
        spacing: size of a voxel along each axis, in mm, say. None: the way is in voxels.

    Raises:
        ValueError: the way is not finite, or a spacing is not positive.

    Example:
        >>> motion_psf([0.0, 2.0])
        tensor([[0.2500, 0.5000, 0.2500]], dtype=torch.float64)
    """
    way = torch.tensor(_in_voxels("shift", shift, spacing), dtype=torch.float64)
    # An even number of places in the middles of equal pieces: none but their mean lies on a voxel's edge.
    n_places = 2 * math.ceil(32 * way.abs().max().item()) or 1
    times = (torch.arange(n_places, dtype=torch.float64) + 0.5) / n_places - 0.5
    sizes = [2 * math.ceil(abs(part) / 2) + 1 for part in way.tolist()]
    psf = torch.ones(n_places, *(1,) * len(sizes), dtype=torch.float64)
    for axis, n in enumerate(sizes):
        voxels = torch.arange(n, dtype=torch.float64) - n // 2
        hats = (1 - (times[:, None] * way[axis] - voxels).abs()).clamp(min=0)
        psf = psf * hats.reshape(n_places, *(n if other == axis else 1 for other in range(len(sizes))))
    return psf.mean(0)


def _in_voxels(
    name: str, lengths: Sequence[int | float], spacing: Sequence[int | float] | None
) -> list[float]:
    spacing = [1.0] * len(lengths) if spacing is None else spacing
    if not lengths or not all(math.isfinite(length) for length in lengths):
        raise ValueError(f"{name}={tuple(lengths)} must be finite numbers, one for each axis")
    if len(spacing) != len(lengths) or not all(0 < size < math.inf for size in spacing):
        raise ValueError(f"spacing={tuple(spacing)} must be positive numbers, one for each of {name}")
    # 0.6 mm of 0.2 mm voxels are 3 voxels, whatever rounding makes of them.
    return [round(length / size, 9) for length, size in zip(lengths, spacing, strict=True)]


def _outer(lines: list[Tensor]) -> Tensor:
    psf = torch.ones((), dtype=torch.float64)
    for line in lines:
        psf = psf[..., None] * (line / line.sum())
    return psf

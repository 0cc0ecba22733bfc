"""Local atrophy of known size: a ball of tissue shrinks, and what surrounds it follows."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Real
from torch import Tensor

from mrrecon.simulate.fields import Number

__all__ = ["LEFT_HIPPOCAMPUS", "shrink_region"]

LEFT_HIPPOCAMPUS = (-26.0, -20.0, -16.0)
"""Its middle in the MNI152 template, mm."""

_MOST = 60.0
_MARGIN = 12  # voxels around the region that the spline is fitted to: its memory ends within them


def shrink_region(
    image: Float[Tensor, "x y z"],
    affine: Real[np.ndarray, "4 4"],
    *,
    centre: Sequence[Number],
    radius: Number,
    percent: Number,
    interpolation: Literal["cubic", "linear"] = "cubic",
) -> tuple[Float[Tensor, "x y z"], Float[Tensor, "x y z"]]:
    r"""Image after a ball has lost ``percent`` of its volume, and what part of its volume each place keeps.

    Tissue at distance $r$ of the centre moves towards it, to $g(r) = r - (1 - k)\, r\, w(r / R - 1)$, with
    $k^3 = 1 - \text{percent} / 100$ and $w$ falling from 1 inside the ball to 0 at $2 R$ with continuous
    second derivatives. As $w' \le 0$, $g' \ge k > 0$: nothing folds. The ball shrinks alike everywhere and
    the shell around it expands; beyond $2 R$ the image keeps its values to the last bit.

    Args:
        image: intensities or a map, resampled once.
        affine: voxel indices to mm.
        centre: of the ball, mm.
        radius: R, mm, at least two voxels.
        percent: loss of volume of the ball, from 0 to 60.
        interpolation: cubic spline, cut to the range of the image, or linear, which blurs: a structure of a
            few voxels seems to lose up to a tenth less than asked for.

    Returns:
        The image, and the Jacobian determinant $g'(r)\,(g(r) / r)^2$ of the movement on the grid of the image
        as it was: below 1 where tissue shrinks, its sum over a region the region's later volume in voxels.

    Raises:
        ValueError: the centre is outside of the image, ``radius`` is below two voxels, ``percent`` is out of
            its range, the affine has no inverse, or the image is not finite.

    Example:
        >>> ball, keeps = shrink_region(
        ...     torch.ones(16, 16, 16), np.eye(4), centre=[8, 8, 8], radius=4, percent=30
        ... )
        >>> round(keeps[8, 8, 8].item(), 4), keeps[0, 0, 0].item()
        (0.7, 1.0)
    """
    from scipy import ndimage

    affine = np.asarray(affine, np.float64)
    place = _check(image, affine, centre=centre, radius=radius, percent=percent)
    k = (1 - percent / 100) ** (1 / 3)
    region = _box(affine, place, 2 * radius, image.shape)
    moved, keeps = image.clone(), torch.ones_like(image)
    if percent == 0:
        return moved, keeps

    axes = [np.arange(part.start, part.stop) for part in region]
    offsets = np.stack(np.meshgrid(*axes, indexing="ij")).reshape(3, -1) - place[:, None]
    mm = affine[:3, :3] @ offsets
    distance = np.linalg.norm(mm, axis=0)
    shape = [len(axis) for axis in axes]
    keeps[region] = torch.from_numpy(_jacobian(distance, k, radius).reshape(shape)).to(keeps)

    inside = distance < 2 * radius
    source = _source(distance[inside], k, radius)
    # Tissue comes from farther out on the same ray.
    stretch = source / np.maximum(distance[inside], 1e-12)
    stretch[distance[inside] < 1e-9] = 1 / k
    wide = tuple(
        slice(max(part.start - _MARGIN, 0), min(part.stop + _MARGIN, n))
        for part, n in zip(region, image.shape, strict=True)
    )
    points = place[:, None] + offsets[:, inside] * stretch - np.array([[part.start] for part in wide])
    order = 3 if interpolation == "cubic" else 1
    values = image[wide].double().cpu().numpy()
    found = ndimage.map_coordinates(values, points, order=order, mode="nearest")
    found = torch.from_numpy(found.clip(float(image.min()), float(image.max()))).to(moved)
    where = torch.from_numpy(inside.reshape(shape)).to(moved.device)
    moved[region] = moved[region].masked_scatter(where, found)
    return moved, keeps


def _weight(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The weight w and its derivative: 1 below 0, 0 above 1, a polynomial of degree 5 between."""
    x = x.clip(0, 1)
    return 1 - x**3 * (10 - 15 * x + 6 * x**2), -30 * x**2 * (1 - x) ** 2


def _jacobian(distance: np.ndarray, k: float, radius: Number) -> np.ndarray:
    w, slope = _weight(distance / radius - 1)
    stretch = 1 - (1 - k) * w
    return stretch**2 * (stretch - (1 - k) * distance / radius * slope)


def _source(distance: np.ndarray, k: float, radius: Number) -> np.ndarray:
    """Where what is now at a distance was before: g inverted by Newton's method from a table."""
    table = np.linspace(0, 2 * radius, 4097)
    source = np.interp(distance, table * (1 - (1 - k) * _weight(table / radius - 1)[0]), table)
    for _ in range(3):
        w, slope = _weight(source / radius - 1)
        stretch = 1 - (1 - k) * w
        source -= (source * stretch - distance) / (stretch - (1 - k) * source / radius * slope)
    return source


def _box(
    affine: np.ndarray, place: np.ndarray, reach: Number, shape: Sequence[int]
) -> tuple[slice, slice, slice]:
    # Farthest that a ball reaches along an index is its radius times the length of that row of the inverse.
    far = reach * np.linalg.norm(np.linalg.inv(affine[:3, :3]), axis=1)
    first, second, third = (
        slice(max(math.floor(at - by), 0), min(math.ceil(at + by) + 1, n))
        for at, by, n in zip(place, far, shape, strict=True)
    )
    return first, second, third


def _check(
    image: Tensor,
    affine: np.ndarray,
    *,
    centre: Sequence[Number],
    radius: Number,
    percent: Number,
) -> np.ndarray:
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-12:
        raise ValueError(f"affine={affine.tolist()} must be finite and have an inverse")
    if not 0 <= percent <= _MOST:
        raise ValueError(f"percent={percent} must lie from 0 to {_MOST:g}")
    voxel = float(np.sqrt((affine[:3, :3] ** 2).sum(0)).max())
    if not (math.isfinite(radius) and radius >= 2 * voxel):
        raise ValueError(f"radius={radius} mm must be at least two voxels, which is {2 * voxel:g} mm")
    if len(centre) != 3 or not all(math.isfinite(mm) for mm in centre):
        raise ValueError(f"centre={list(centre)} must be three coordinates in mm")
    place = np.linalg.solve(affine, [*centre, 1.0])[:3]
    if not all(-0.5 <= at <= n - 0.5 for at, n in zip(place, image.shape, strict=True)):
        raise ValueError(
            f"centre={list(centre)} mm lies outside of the image: its voxel would be "
            f"{[round(float(at), 1) for at in place]} of {list(image.shape)}"
        )
    if not image.isfinite().all():
        raise ValueError("image must be finite, got NaN or infinity")
    return place

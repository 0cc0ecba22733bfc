"""Which voxels are brain: of a scan whose skull was removed, and of a segmented head."""

import math

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage
from torch import Tensor

__all__ = ["clean_brain", "extracted_brain", "foreground", "head_starts"]

CLEAR = 0.08
"""What is farther from the background than this part of the brightest is no remainder of a codec."""

FRINGE = 1.05
"""Ringing of a codec (AV1, JPEG XL) makes what differs from 0 a quarter larger than the brain, resampling by
8 %; an untouched brain whose background is exactly 0 has at most 2 % of darker voxels."""

LARGEST_BRAIN = 2400.0
"""Volume, in ml, above which what stands out from the background is a head: no brain is so large."""


def foreground(scan: Float[np.ndarray, "x y z"]) -> Bool[np.ndarray, "x y z"]:
    """Largest connected part that is brighter than background, by Otsu's threshold on a square-root scale.

    Example:
        >>> scan = np.zeros((4, 4, 4))
        >>> scan[1:3, 1:3, 1:3] = 1
        >>> int(foreground(scan).sum())
        8
    """
    counts, edges = np.histogram(np.sqrt(scan.clip(min=0)), bins=128)
    middles = (edges[1:] + edges[:-1]) / 2
    below, sums = counts.cumsum(), (counts * middles).cumsum()
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    threshold = edges[1 + int(np.nanargmax(np.where((below > 0) & (above > 0), between, np.nan)))]
    return _largest(np.sqrt(scan.clip(min=0)) >= threshold)


def extracted_brain(
    scan: Float[np.ndarray, "x y z"], *, voxel_volume: float
) -> Bool[np.ndarray, "x y z"] | None:
    """Mask of a brain whose surroundings were removed, or None if the scan does not look like one.

    It does if all but one blob, no larger than a brain, has exactly the value of the corners; or, where a
    codec has touched the background, about that value.

    Args:
        scan: brightness.
        voxel_volume: in mm³.
    """
    background = np.median([scan[i, j, k] for i in (0, -1) for j in (0, -1) for k in (0, -1)])
    change = np.abs(scan - background)
    exact = _one_brain(change > 0, voxel_volume=voxel_volume)
    clear = _one_brain(change > CLEAR * float(np.percentile(change, 99.5)), voxel_volume=voxel_volume)
    if exact is None or (clear is not None and exact.sum() > FRINGE * clear.sum()):
        return clear
    return exact


def _one_brain(inside: Bool[np.ndarray, "x y z"], *, voxel_volume: float) -> Bool[np.ndarray, "x y z"] | None:
    """The only large blob without its holes, or None if there are others or it is too large for a brain."""
    blob = _largest(inside)
    kept = blob.sum() >= 0.9 * inside.sum() > 0
    if not kept:
        return None
    blob = _without_holes(blob)
    if blob.mean() > 0.7 or blob.sum() * voxel_volume / 1000 > LARGEST_BRAIN:
        return None
    return blob


def head_starts(
    mask: Bool[np.ndarray, "x y z"], affine: np.ndarray, *, extracted: bool
) -> list[tuple[float, float, float, float]]:
    """Where the middle of the brain may be, in mm, and how far the head may nod, in radians.

    Args:
        mask: brain, or head.
        affine: 4 x 4, its voxels to mm; its axes point about right, front and up.
        extracted: the mask is a brain.
    """
    if extracted:
        right, front, up = _mm(np.array(ndimage.center_of_mass(mask)), affine)
        return [(right, front, up, nod) for nod in (-0.3, 0.0, 0.3)]
    # The middle of a brain lies about 75 mm below the top of the head.
    areas = mask.sum((0, 1))
    top = int(np.flatnonzero(areas > 0.2 * areas.max()).max())
    height = float(np.linalg.norm(affine[:3, 2]))
    upper = mask.copy()
    upper[:, :, : max(0, top - math.ceil(130 / height))] = False
    middle = np.array(ndimage.center_of_mass(upper))
    middle[2] = top - 70 / height
    right, front, up = _mm(middle, affine)
    return [(right, front, up + above, nod) for above in (-15.0, 5.0) for nod in (-0.35, 0.0, 0.35, 0.65)]


def clean_brain(brain: Float[Tensor, "x y z"], *, spacing: tuple[float, ...]) -> Bool[np.ndarray, "x y z"]:
    """Brain without what hangs on it by thin bridges, such as dura and the nerves of the eyes.

    Args:
        brain: probability of being brain.
        spacing: of the voxels, in mm.
    """
    mask = brain.cpu().numpy() > 0.5
    if not mask.any():
        return mask
    distance = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=spacing)[1:-1, 1:-1, 1:-1]
    core = _largest(distance > 3.0)
    if not core.any():
        return _largest(mask)
    reach = ndimage.distance_transform_edt(~core, sampling=spacing)
    return _without_holes(mask & (reach <= 4.5))


def _without_holes(mask: np.ndarray) -> np.ndarray:
    """Mask with what it encloses on all sides. Many times as fast as scipy's, which dilates from outside."""
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    parts, _ = ndimage.label(np.pad(~mask[box], 1, constant_values=True))
    filled = np.zeros_like(mask)
    filled[box] = (parts != parts[0, 0, 0])[1:-1, 1:-1, 1:-1]
    return filled


def _largest(mask: np.ndarray) -> np.ndarray:
    parts, n = ndimage.label(mask)
    if n < 2:
        return mask
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return parts == sizes.argmax()


def _mm(voxel: np.ndarray, affine: np.ndarray) -> tuple[float, float, float]:
    right, front, up = affine[:3, :3] @ voxel + affine[:3, 3]
    return float(right), float(front), float(up)

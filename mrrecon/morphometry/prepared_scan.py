"""A scan made ready for segmentation: its axes right, front and up, its brightness in units of its own."""

from dataclasses import dataclass

import nibabel
import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from mrrecon.morphometry.brain_mask import extracted_brain, foreground
from mrrecon.morphometry.grid import Grid
from mrrecon.morphometry.segmentation_error import SegmentationError

__all__ = ["PreparedScan", "prepare_scan"]

SHORTEST_SIDE = 90.0
"""Length, in mm, below which a field of view holds no brain: the smallest adult brain is 100 mm high."""

LARGEST_VOXEL = 5.0
"""Size of a voxel, in mm, above which the cortex, 2 to 4 mm thick, cannot be seen."""

MARGIN = 10.0
"""What is kept around a head, in mm: parts of it may be too dark to stand out."""

SMALLEST_BRAIN = 300.0
"""Volume, in ml, below which a foreground holds no brain: a newborn's has about 350."""


@dataclass(frozen=True)
class PreparedScan:
    """Scan to be segmented.

    Args:
        values: brightness, 0 background, about 1 the brightest of the foreground.
        mask: brain if it was extracted, else head.
        extracted: whether only the brain is left.
        grid: where the voxels lie, the axes pointing about right, front and up.
        own: the grid as it was given.
        turns: nibabel's orientation of ``own``.
        box: the part of the scan, its axes in order, that ``grid`` is.
    """

    values: Float[Tensor, "x y z"]
    mask: Bool[Tensor, "x y z"]
    extracted: bool
    grid: Grid
    own: Grid
    turns: np.ndarray
    box: tuple[slice, slice, slice]

    def as_given(
        self, maps: Float[Tensor, "c x y z"], *, around: str = "constant"
    ) -> Float[Tensor, "c i j k"]:
        """Maps on ``grid``, stored as the scan was.

        Args:
            maps: to be stored.
            around: ``"constant"`` puts 0 outside of ``box``, ``"replicate"`` what the nearest voxel has.
        """
        sizes = [self.own.shape[int(axis)] for axis in np.argsort(self.turns[:, 0])]
        widths = [(side.start, n - side.stop) for side, n in zip(self.box, sizes, strict=True)]
        maps = F.pad(maps[None], [width for pair in reversed(widths) for width in pair], mode=around)[0]
        back = nibabel.orientations.ornt_transform(
            np.array([[0, 1], [1, 1], [2, 1]]), self.turns.astype(np.int64)
        )
        turned = [nibabel.orientations.apply_orientation(one.cpu().numpy(), back) for one in maps]
        return torch.from_numpy(np.stack(turned))


def prepare_scan(
    image: Tensor | np.ndarray,
    affine: np.ndarray,
    *,
    brain_extracted: bool | None,
    device: torch.device,
) -> PreparedScan:
    """Scan with its axes in order, scaled, with its foreground found.

    Args:
        image: three-dimensional, any unit; what is negative, as interpolation leaves it, becomes 0.
        affine: 4 x 4, voxel to mm.
        brain_extracted: whether only the brain is left; None finds out.
        device: where the result is.

    Raises:
        ValueError: the image has not three axes, no voxels, or values that are no numbers.
        SegmentationError: it cannot show a whole brain.
    """
    array = image.detach().cpu().numpy() if isinstance(image, Tensor) else np.asarray(image)
    if array.ndim != 3:
        raise ValueError(f"image has {array.ndim} axes, {array.shape}: give one volume with three")
    if array.size == 0:
        raise ValueError(f"image has no voxels, its shape is {array.shape}")
    if np.iscomplexobj(array):
        raise ValueError(f"image is complex ({array.dtype}): give its absolute value")
    array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise ValueError(f"image has {int((~np.isfinite(array)).sum())} voxels that are NaN or infinite")
    own = Grid(array.shape, affine)
    _can_hold_a_brain(array, own)
    turns = nibabel.orientations.io_orientation(own.affine)
    scan = np.ascontiguousarray(nibabel.orientations.apply_orientation(array, turns))
    grid = Grid(scan.shape, own.affine @ nibabel.orientations.inv_ornt_aff(turns, own.shape))
    brain = None
    if brain_extracted is not False:
        brain = extracted_brain(scan, voxel_volume=grid.voxel_volume)
    scan = scan.clip(min=0)
    mask = foreground(scan) if brain is None else brain
    volume = float(mask.sum()) * grid.voxel_volume / 1000
    if volume < SMALLEST_BRAIN:
        raise SegmentationError(
            f"the image shows no brain: what stands out from the background has {volume:.0f} ml, "
            f"a brain at least {SMALLEST_BRAIN:.0f}"
        )
    extracted = brain is not None or brain_extracted is True
    # The brightest voxels are vessels and fat: a percentile is the same in every scan.
    top = float(np.percentile(scan[mask], 99.5 if extracted else 99.0))
    if top <= 0:
        raise SegmentationError("the image shows no brain: its foreground is dark")
    box = _around(mask, margin=[0 if extracted else round(MARGIN / size) for size in grid.spacing])
    corner = np.eye(4)
    corner[:3, 3] = [side.start for side in box]
    return PreparedScan(
        torch.from_numpy(scan[box] / top).to(device),
        torch.from_numpy(mask[box]).to(device),
        extracted,
        Grid(mask[box].shape, grid.affine @ corner),
        own,
        turns,
        box,
    )


def _around(mask: np.ndarray, *, margin: list[int]) -> tuple[slice, slice, slice]:
    """Smallest box that holds the mask, and a margin in voxels as far as the scan goes."""
    sides = []
    for axis, width in enumerate(margin):
        filled = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        sides.append(
            slice(max(0, int(filled[0]) - width), min(mask.shape[axis], int(filled[-1]) + 1 + width))
        )
    return sides[0], sides[1], sides[2]


def _can_hold_a_brain(array: np.ndarray, grid: Grid) -> None:
    if array.min() == array.max():
        raise SegmentationError(f"the image shows no brain: all its voxels have the value {array.min():g}")
    if max(grid.spacing) > LARGEST_VOXEL:
        sizes = " x ".join(f"{size:.3g}" for size in grid.spacing)
        raise SegmentationError(
            f"the voxels of {sizes} mm are too large: at most {LARGEST_VOXEL:g} mm will do"
        )
    sides = [n * size for n, size in zip(grid.shape, grid.spacing, strict=True)]
    if min(sides) < SHORTEST_SIDE:
        lengths = " x ".join(f"{side:.0f}" for side in sides)
        raise SegmentationError(
            f"the image shows a slab of {lengths} mm: a whole brain needs {SHORTEST_SIDE:g} mm each way"
        )

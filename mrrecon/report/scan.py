"""What the report is told about one scan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

import numpy as np
from jaxtyping import Float, Int

from mrrecon.report.curve import Curve
from mrrecon.report.orientation import check_axis_codes
from mrrecon.report.strip import Picture

__all__ = ["CodeLevel", "ScanReport"]


@dataclass(frozen=True)
class CodeLevel:
    """Codes of one level of a scan.

    Args:
        name: what the level is called on the page.
        indices: index into the codebook at each place of the grid, from 0 to ``n_codes - 1``.
        n_codes: size of the codebook, at least 1.

    Raises:
        ValueError: there is no index, or one lies outside the codebook.

    Example:
        >>> CodeLevel("top", np.zeros((2, 2, 2), dtype=np.int64), 256).n_codes
        256
    """

    name: str
    indices: Int[np.ndarray, "depth height width"]
    n_codes: int

    def __post_init__(self) -> None:
        if self.n_codes < 1:
            raise ValueError(f"n_codes={self.n_codes} must be at least 1")
        if self.indices.ndim != 3 or self.indices.size == 0:
            raise ValueError(
                f"indices must be a grid of three axes with at least one place, got {self.indices.shape}"
            )
        low, high = int(self.indices.min()), int(self.indices.max())
        if low < 0 or high >= self.n_codes:
            raise ValueError(
                f"indices must lie from 0 to n_codes - 1 = {self.n_codes - 1}, got {low} to {high}"
            )


@dataclass(frozen=True)
class ScanReport:
    """A scan, its reconstruction, and what was measured on them.

    Args:
        name: what the scan is called on the page; any text.
        original: intensities, three axes.
        reconstruction: intensities in the same units and on the same grid.
        spacing: distance of neighbouring voxels along each axis of the array, mm.
        axis_codes: the direction of the patient in which each index grows, three letters of R, L, A, P, S, I.
            ``spacing_and_axes`` gives both for an affine.
        metrics: what stands in the table, by name.
        codes: levels of the codes, none where the method has no codes.
        pictures: what the still shows, from left to right; by default three planes of both volumes and of
            their difference.
        curves: how the solver converged, none where there is no solver.
        note: what the reader of the two volumes must know; any text.

    Raises:
        ValueError: the volumes differ in shape, are empty or not finite, or an argument is out of its range.

    Example:
        >>> image = np.zeros((4, 4, 4))
        >>> ScanReport(
        ...     "sub-01", image, image, spacing=(1.0, 1.0, 2.0), metrics={"PSNR (dB)": 31.4}
        ... ).axis_codes
        'RAS'
    """

    name: str
    original: Float[np.ndarray, "_ _ _"]
    reconstruction: Float[np.ndarray, "_ _ _"]
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    axis_codes: str = "RAS"
    metrics: Mapping[str, float | int | str] = field(default_factory=dict)
    codes: Sequence[CodeLevel] = ()
    pictures: Sequence[Picture] = ()
    curves: Sequence[Curve] = ()
    note: str = ""

    def __post_init__(self) -> None:
        check_axis_codes(self.axis_codes)
        check_spacing(self.spacing)
        check_volumes(self.original, self.reconstruction)


def check_spacing(spacing: tuple[float, float, float]) -> None:
    """Refuses spacings that are not lengths.

    Args:
        spacing: mm, one per axis.

    Raises:
        ValueError: one is not positive and finite.

    Example:
        >>> check_spacing((1.0, 1.0, 5.0))
    """
    if not all(isfinite(size) and size > 0 for size in spacing):
        raise ValueError(f"spacing={spacing} must be positive and finite, mm")


def check_volumes(original: Float[np.ndarray, "_ _ _"], reconstruction: Float[np.ndarray, "_ _ _"]) -> None:
    """Refuses a pair that cannot be compared voxel by voxel.

    Args:
        original: intensities.
        reconstruction: intensities.

    Raises:
        ValueError: the shapes differ, or a volume is empty or not finite.

    Example:
        >>> check_volumes(np.zeros((2, 2, 2)), np.ones((2, 2, 2)))
    """
    if original.shape != reconstruction.shape or original.ndim != 3 or original.size == 0:
        raise ValueError(
            "original and reconstruction must be volumes of one shape with at least one voxel, "
            f"got {original.shape} and {reconstruction.shape}"
        )
    for name, volume in (("original", original), ("reconstruction", reconstruction)):
        if not np.isfinite(volume).all():
            raise ValueError(f"{name} must be finite, got NaN or infinity: mend the volume before the report")

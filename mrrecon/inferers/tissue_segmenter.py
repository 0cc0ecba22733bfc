"""Tissues of a scan, as a solver that the evaluator of this package can run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from mrrecon.morphometry import TEMPLATE_GRID, Grid, TissueMaps, segment_tissues

__all__ = ["Segmentation", "TissueSegmenter"]


@dataclass(frozen=True)
class Segmentation:
    """Tissues of a scan as a ``SolverEvaluator`` hands them on.

    Args:
        image: fraction of CSF, grey and white matter in each voxel, (1, 3, x, y, z).
        start: the scan, (1, 1, x, y, z).
        maps: the same tissues, with the coil gain and the alignment.
        others: further images by name, each with the affine of its own grid.
        pixel_spacing: None: the geometry is the scan's.
    """

    image: Tensor
    start: Tensor
    maps: TissueMaps
    others: Mapping[str, tuple[Tensor, np.ndarray]] = field(default_factory=dict)
    pixel_spacing: None = None


class TissueSegmenter(nn.Module):
    """``segment_tissues`` as a network without weights: a scan in, the fractions of three tissues out.

    ``solve`` also gives ``labels`` (0 not brain, 1 CSF, 2 grey matter, 3 white matter) and ``template``: the
    tissues on a grid of the MNI152 template, multiplied by the local change of volume, so that what is summed
    over a region is its volume in the scan. Those are the maps of voxel-based morphometry.

    Args:
        brain_extracted: whether the scan shows the brain alone; None: seen from the scan.
        template_spacing: mm between voxels of the template's grid, 0.5 to 8.

    Raises:
        ValueError: the spacing is out of its range.

    Reference:
        Ashburner, Friston. Unified segmentation. NeuroImage 2005. https://doi.org/10.1016/j.neuroimage.2005.02.018
    """

    n_space = 3
    method = "mixture"

    def __init__(
        self, *, brain_extracted: bool | None = None, template_spacing: int | float | None = None
    ) -> None:
        super().__init__()
        if template_spacing is not None and not 0.5 <= template_spacing <= 8:
            raise ValueError(f"template_spacing={template_spacing} must lie between 0.5 and 8 mm")
        self.brain_extracted = brain_extracted
        self.grid = TEMPLATE_GRID if template_spacing is None else _resized(TEMPLATE_GRID, template_spacing)

    def forward(self, image: Num[Tensor, "batch 1 x y z"]) -> Float[Tensor, "batch 3 x y z"]:
        """Tissues of scans whose voxels are those of a MetaTensor, or else cubes of 1 mm in RAS."""
        affine = getattr(image, "affine", None)
        affines = np.eye(4) if affine is None else np.asarray(affine, dtype=np.float64)
        scans = zip(torch.as_tensor(image)[:, 0], np.broadcast_to(affines, (len(image), 4, 4)), strict=True)
        return torch.stack([self._segment(scan, affine).probabilities for scan, affine in scans])

    def solve(
        self,
        image: Num[Tensor, "1 1 x y z"],
        *,
        meta: Mapping[str, Any] | None = None,
        method: str | None = None,
        callback: Callable[..., None] | None = None,  # noqa: ARG002 - the solvers'
    ) -> Segmentation:
        """Tissues of one scan.

        Args:
            image: the scan.
            meta: metadata with the ``affine``.
            method: ``"mixture"`` or None.
            callback: not called.

        Raises:
            ValueError: the scan is none of a brain, or is broken; another method is asked for.
        """
        if method not in (None, self.method):
            raise ValueError(f"method={method!r} must be {self.method!r}")
        if image.ndim != 5 or image.shape[:2] != (1, 1):
            raise ValueError(f"image of shape {tuple(image.shape[1:])} must be one volume of one channel")
        given = (meta or {}).get("affine")
        affine = np.eye(4) if given is None else np.asarray(given, dtype=np.float64).reshape(4, 4)
        maps = self._segment(image[0, 0], affine)
        others = {"labels": (maps.labels[None, None].to(torch.uint8), affine)}
        if maps.alignment is not None:
            there = maps.alignment.to_template(maps.probabilities, grid=self.grid, modulated=True)
            others["template"] = (there[None], self.grid.affine)
        return Segmentation(maps.probabilities[None], image, maps, others)

    def _segment(self, scan: Tensor, affine: np.ndarray) -> TissueMaps:
        return segment_tissues(scan, affine, brain_extracted=self.brain_extracted, device=scan.device)


def _resized(grid: Grid, spacing: float) -> Grid:
    """The same box with cubes of another size."""
    scale = spacing / np.asarray(grid.spacing)
    x, y, z = (int(np.ceil(n / s - 1e-6)) for n, s in zip(grid.shape, scale, strict=True))
    change = np.diag([*scale, 1.0])
    # Voxel 0 begins where it began.
    change[:3, 3] = (scale - 1) / 2
    return Grid((x, y, z), grid.affine @ change)

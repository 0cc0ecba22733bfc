"""A scan of a table of reconstructions: its views, their tissues, and how near a reconstruction comes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from mrrecon.files import atomic_path
from mrrecon.metrics import log_mmd, ms_ssim, psnr
from mrrecon.morphometry import TEMPLATE_GRID, TISSUES, TissueMaps, dice, segment_tissues

__all__ = ["TableScan", "write_tissues"]

Move = Callable[[MetaTensor, MetaTensor], MetaTensor]


@dataclass
class TableScan:
    """One scan at several resolutions.

    Args:
        views: (1, x, y, z) from 0 to 1, by resolution; the last is the finest.
        move: (image, like) -> image on the grid of ``like``.
        segments: whether tissues are compared.

    Attributes:
        tissues: of the views, where they could be found.
        not_done: what could not be segmented, and why.

    Raises:
        ValueError: the scan is constant.
    """

    views: Mapping[str, MetaTensor]
    move: Move
    segments: bool = True
    tissues: dict[str, TissueMaps | None] = field(init=False, default_factory=dict)
    not_done: list[str] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        if float(self.finest.as_tensor().std()) == 0:
            raise ValueError("the scan has one value everywhere: give one that shows a brain")
        self.tissues = {name: self._segmented(view, f"the scan, {name}") for name, view in self.views.items()}

    @property
    def finest(self) -> MetaTensor:
        """The last view."""
        return list(self.views.values())[-1]

    def compare(
        self, made: Tensor, resolution: str, name: str
    ) -> tuple[list[dict[str, Any]], MetaTensor, TissueMaps | None]:
        """Metrics of a reconstruction at each resolution.

        Args:
            made: reconstruction of a view, (1, x, y, z).
            resolution: which view.
            name: of the method, for messages.

        Returns:
            A row a resolution, the reconstruction on the finest grid, and its tissues there.
        """
        own = MetaTensor(made, affine=self.views[resolution].affine)
        rows = []
        for at, view in self.views.items():
            image = own if at == resolution else self.move(own, view)
            tissues = self._segmented(image, f"{name}, {at}") if self.tissues[at] else None
            rows.append({"network": resolution, "metric": at} | self._measured(image, view, tissues, at))
        return rows, image, tissues

    def _measured(
        self, image: MetaTensor, view: MetaTensor, tissues: TissueMaps | None, at: str
    ) -> dict[str, float]:
        pred, target = image.as_tensor()[None].float(), view.as_tensor()[None].float()
        row = {
            "psnr": float(psnr(pred, target, data_range=1.0)),
            "ms_ssim": float(ms_ssim(pred, target, data_range=1.0)),
            "log_mmd": float(log_mmd(pred, target)),
        }
        reference = self.tissues[at]
        if tissues is not None and reference is not None:
            values = dice(reference.probabilities, tissues.probabilities)
            row |= {f"dice_{name}": float(value) for name, value in zip(TISSUES, values, strict=True)}
        return row

    def _segmented(self, image: MetaTensor, name: str) -> TissueMaps | None:
        if not self.segments:
            return None
        affine = np.asarray(image.affine, dtype=np.float64)
        try:
            return segment_tissues(image.as_tensor()[0].float(), affine, brain_extracted=True)
        except ValueError as error:
            self.not_done.append(f"{name}: {error}")
            return None


def write_tissues(maps: TissueMaps, stem: str | Path) -> None:
    """Tissues as ``MorphometryStudy`` reads them: in the scan's space, a byte a voxel, and in the template's.

    Args:
        maps: of a scan, with their alignment.
        stem: of the files, without ending.
    """
    images = {"tissues": (maps.probabilities, maps.affine)}
    if maps.alignment is not None:
        there = maps.alignment.to_template(maps.probabilities, grid=TEMPLATE_GRID, modulated=True)
        images["template"] = (there, TEMPLATE_GRID.affine)
    for kind, (values, affine) in images.items():
        along = values.permute(1, 2, 3, 0).numpy()
        image: Any = nibabel.Nifti1Image(along, affine)
        if kind == "tissues":
            image.header.set_data_dtype(np.uint8)
        with atomic_path(f"{stem}_{kind}.nii.gz") as temporary:
            nibabel.save(image, temporary)

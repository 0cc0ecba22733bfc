"""How well the tissues of a reconstruction agree with those of its scan."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from monai.data.meta_tensor import MetaTensor
from monai.utils import convert_to_tensor
from torch import Tensor

from mrrecon.morphometry import TISSUES, dice, segment_tissues, voxel_volume
from mrrecon.morphometry.brain_mask import extracted_brain
from mrrecon.templates import template_path

__all__ = ["DICE_COLUMNS", "TissueDice"]

DICE_COLUMNS = {f"dice_{name}": f"Dice {name.upper()}" for name in reversed(TISSUES)}
"""Names of the values, and their titles in a printed table: white matter, grey matter, CSF."""


@dataclass(frozen=True)
class _Scan:
    """A scan and its tissues, or why it has none."""

    name: str
    image: Tensor
    affine: np.ndarray
    extracted: bool
    tissues: Tensor | str

    def same(self, name: str, image: Tensor, affine: np.ndarray) -> bool:
        return self.name == name and np.array_equal(self.affine, affine) and torch.equal(self.image, image)


class TissueDice:
    """Dice of white matter, grey matter and CSF of a scan and its reconstruction, each voxel counted to one.

    Both are segmented alike on the grid of the scan (``segment_tissues``, 20 to 40 s a scan), the
    reconstruction as a brain without skull if the scan is one. Where tissues cannot be found there are no
    values, and the scan is listed. Several reconstructions of one scan, one after the other, are compared
    with tissues that are found once.

    Args:
        device: where to compute; default: the processor.

    Attributes:
        not_found: {"scan", "reason"} of each scan that could not be segmented, or its reconstruction.

    Raises:
        ModuleNotFoundError: nilearn, which has the template, is not installed.

    Example:
        >>> TissueDice()(MetaTensor(torch.zeros(1, 1, 9, 9, 9)), torch.zeros(1, 1, 9, 9, 9), scan="a.nii")
        {}
    """

    def __init__(self, *, device: torch.device | str | None = None) -> None:
        template_path("t1")  # Said before the first scan is coded, not after.
        self.device = device
        self.not_found: list[dict[str, str]] = []
        self._last: _Scan | None = None

    def __call__(
        self, image: MetaTensor, pred: Float[Tensor, "1 1 x y z"], *, scan: str, method: str = ""
    ) -> dict[str, float]:
        """Values by name, or none.

        Args:
            image: the scan with its affine, (1, 1, x, y, z).
            pred: its reconstruction.
            scan: its file, for the list.
            method: what made the reconstruction, for the list, where there are several.
        """
        affine = np.asarray(image.affine, dtype=np.float64).reshape(-1, 4, 4)[0]
        scanned, made = (convert_to_tensor(x, track_meta=False)[0, 0].float().cpu() for x in (image, pred))
        if self._last is None or not self._last.same(scan, scanned, affine):
            extracted = extracted_brain(scanned.numpy(), voxel_volume=voxel_volume(affine)) is not None
            own = self._tissues(scanned, affine, extracted=extracted)
            self._last = _Scan(scan, scanned, affine, extracted, own)
            if isinstance(own, str):
                self.not_found.append({"scan": scan, "reason": f"the scan: {own}"})
        own = self._last.tissues
        if isinstance(own, str):
            return {}
        found = self._tissues(made, affine, extracted=self._last.extracted)
        if isinstance(found, str):
            which = f"its reconstruction by {method}" if method else "its reconstruction"
            self.not_found.append({"scan": scan, "reason": f"{which}: {found}"})
            return {}
        values = zip(TISSUES, dice(own, found).tolist(), strict=True)
        return {f"dice_{name}": round(value, 5) for name, value in reversed(list(values))}

    def _tissues(self, image: Tensor, affine: np.ndarray, *, extracted: bool) -> Tensor | str:
        """Probabilities (3, x, y, z), or why there are none."""
        try:
            maps = segment_tissues(image, affine, brain_extracted=extracted, device=self.device)
        except ValueError as error:
            return str(error)
        return maps.probabilities

    @property
    def sentence(self) -> str:
        """Names the scans without values, and why; empty where there are none."""
        if not self.not_found:
            return ""
        said = "; ".join(f"{Path(item['scan']).name} ({item['reason']})" for item in self.not_found)
        return f"without Dice, as no tissues were found: {said}"

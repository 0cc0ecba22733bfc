"""What a segmentation gives: how much of each tissue every voxel holds."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer
from torch import Tensor

from mrrecon.morphometry.alignment import Alignment
from mrrecon.morphometry.volumes import tissue_volumes

__all__ = ["TISSUES", "TissueMaps"]

TISSUES = ("csf", "gm", "wm")
"""Cerebrospinal fluid, grey matter, white matter: the order of the tissues everywhere."""


@dataclass(frozen=True)
class TissueMaps:
    """Tissues of one scan, on its own grid.

    Args:
        probabilities: fraction of each tissue (``TISSUES``) in each voxel, in [0, 1]; what their sum lacks
            of 1 is not brain.
        affine: 4 x 4, voxel index to mm (right, anterior, superior).
        bias: gain of the coils relative to its mean over the brain; the scan divided by it is even.
        alignment: where the scan lies in the template, or None if no alignment was made.
    """

    probabilities: Float[Tensor, "3 x y z"]
    affine: np.ndarray
    bias: Float[Tensor, "x y z"]
    alignment: Alignment | None

    @property
    def volumes(self) -> dict[str, float]:
        """Volume of each tissue, in ml."""
        return tissue_volumes(self.probabilities, self.affine)

    @property
    def labels(self) -> Integer[Tensor, "x y z"]:
        """Most probable of: 0 not brain, 1 CSF, 2 grey matter, 3 white matter."""
        best, index = self.probabilities.max(dim=0)
        return (index + 1) * (best > 1 - self.probabilities.sum(dim=0))

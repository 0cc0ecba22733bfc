"""Axes of a scan turned to the patient's: right, front, top."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import nibabel as nib
import numpy as np
import torch
from torch import Tensor

__all__ = ["SLICE_AXES", "PatientAxes", "affine_of"]

SLICE_AXES = {"sagittal": 0, "coronal": 1, "axial": 2}
"""Axis of a scan in the patient's axes across which each kind of slices lies."""


@dataclass(frozen=True)
class PatientAxes:
    """Permutation and flips that bring the last three axes of a tensor nearest to right, front and top.

    No voxel is interpolated, and ``back`` undoes it exactly.

    Args:
        order: axis of the scan that comes first, second, third.
        flipped: whether it then runs the other way.

    Example:
        >>> axes = PatientAxes.of(torch.diag(torch.tensor([-1.0, 1.0, 1.0, 1.0])))
        >>> axes.turned(torch.tensor([[[1.0]], [[2.0]]])).flatten()
        tensor([2., 1.])
    """

    order: tuple[int, int, int] = (0, 1, 2)
    flipped: tuple[bool, bool, bool] = (False, False, False)

    @classmethod
    def of(cls, affine: Tensor | None) -> "PatientAxes":
        """Axes of a scan with that affine (4, 4), voxels to mm; without one it is taken as it is.

        Args:
            affine: the affine.

        Raises:
            ValueError: it has an axis without a direction.
        """
        if affine is None:
            return cls()
        matrix = affine.double().cpu().numpy()
        # What is no number, zero, or one direction twice gives NaN for an axis.
        found = nib.orientations.io_orientation(np.nan_to_num(matrix))
        if not np.isfinite(matrix).all() or not np.isfinite(found).all():
            raise ValueError("the affine has an axis without a direction: mend the header of the scan")
        where = [int(axis) for axis in found[:, 0]]
        order = tuple(where.index(axis) for axis in range(3))
        return cls(order, tuple(bool(found[axis, 1] < 0) for axis in order))  # type: ignore[arg-type]

    def turned(self, x: Tensor) -> Tensor:
        """A view in the patient's axes of a tensor (*batch, x, y, z)."""
        lead = x.ndim - 3
        x = x.permute(*range(lead), *(lead + axis for axis in self.order))
        return x.flip(self._flips(lead, range(3)))

    def back(self, x: Tensor) -> Tensor:
        """The inverse of ``turned``."""
        lead = x.ndim - 3
        x = x.flip(self._flips(lead, range(3)))
        return x.permute(*range(lead), *(lead + self.order.index(axis) for axis in range(3)))

    def _flips(self, lead: int, axes: Sequence[int]) -> list[int]:
        return [lead + axis for axis in axes if self.flipped[axis]]


def affine_of(meta: Any) -> Tensor | None:
    """Affine (4, 4) that the metadata of a scan, alone or in a batch of one, hold; None if they hold none.

    Args:
        meta: metadata, a mapping.
    """
    affine = meta.get("affine") if isinstance(meta, Mapping) else None
    return None if affine is None else torch.as_tensor(affine, dtype=torch.float64).cpu().reshape(-1, 4, 4)[0]

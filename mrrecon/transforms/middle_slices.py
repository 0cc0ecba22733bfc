"""Some slices of a volume, whichever way they lie."""

from collections.abc import Hashable, Mapping
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms.transform import MapTransform

from mrrecon.transforms.placed import placed

__all__ = ["MiddleSlicesd"]

ACROSS = {"sagittal": 0, "coronal": 1, "axial": 2}
"""Axis of the patient (right, front, top) across which each kind of slices lies."""


class MiddleSlicesd(MapTransform):
    """Slices in the middle of a volume (1, x, y, z), still a volume, with the affine put right.

    Args:
        keys: keys of the volumes.
        slices: ``"sagittal"``, ``"coronal"`` or ``"axial"``: those nearest to it by the affine;
            ``"thinnest"``: across the axis with the fewest voxels, of equal ones the last.
        n_slices: how many, or as many as there are; None: all.
        first_slice: number of the first one, from 0; None: those in the middle.
        allow_missing_keys: pass over keys that are not there.

    Raises:
        ValueError: ``slices`` is unknown, or there are not so many.

    Example:
        >>> from monai.data.meta_tensor import MetaTensor
        >>> MiddleSlicesd("image", slices="coronal")({"image": MetaTensor(torch.zeros(1, 4, 5, 6))})[
        ...     "image"
        ... ].shape
        torch.Size([1, 4, 1, 6])
    """

    def __init__(
        self,
        keys: KeysCollection,
        *,
        slices: str = "thinnest",
        n_slices: int | None = 1,
        first_slice: int | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if slices not in (*ACROSS, "thinnest"):
            raise ValueError(f"slices={slices!r} must be one of {', '.join(ACROSS)}, thinnest")
        self.slices = slices
        self.n_slices = n_slices
        self.first_slice = first_slice

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Cut the slices out."""
        d = dict(data)
        for key in self.key_iterator(d):
            image = d[key]
            name = str(image.meta.get("filename_or_obj") or key)
            x = image.as_tensor()
            x = x.unsqueeze(-1) if x.ndim == 3 else x
            affine = torch.as_tensor(image.affine, dtype=torch.float64).clone()
            if self.slices == "thinnest":
                axis = min((2, 1, 0), key=lambda a: x.shape[1 + a])
            else:
                towards = np.nan_to_num(nib.orientations.io_orientation(affine.cpu().numpy())[:, 0], nan=-1)
                axis = [*towards, *range(3)].index(ACROSS[self.slices]) % 3
            depth = x.shape[1 + axis]
            n = depth if self.n_slices is None else self.n_slices
            n = min(n, depth) if self.first_slice is None else n
            first = (depth - n) // 2 if self.first_slice is None else self.first_slice
            if not (n >= 1 and 0 <= first <= depth - n):
                raise ValueError(
                    f"{name} has {depth} slices: n_slices={n} from first_slice={first} are not among them"
                )
            affine[:3, 3] += first * affine[:3, axis]
            d[key] = placed(x.narrow(1 + axis, first, n), image, affine=affine)
        return d

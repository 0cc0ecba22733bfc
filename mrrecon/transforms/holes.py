"""Holes of an image, told by a mask, by a number that stands for them, or by NaN."""

import itertools
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms.transform import MapTransform
from torch import Tensor

from mrrecon.transforms.check_volume import COMPLEX_CODES
from mrrecon.transforms.placed import placed

__all__ = ["MarkHolesd"]


class MarkHolesd(MapTransform):
    """NaN in every voxel that was not seen: what ``ImageSolver`` takes for a hole.

    Without a mask, voxels that are NaN already are holes too; under an observed mark they are refused, and so
    are infinite ones. A mask has two values, one of them 0, and lies where the image lies.

    Args:
        keys: keys of the images, (1, *space).
        read_array: what reads a mask, by path.
        mask: file of a mask for all scans, 0 in the holes; empty: that under ``mask`` of each scan, if any.
        missing: number that stands for a hole; None: none does.
        allow_missing_keys: pass over keys that are not there.

    Raises:
        ValueError: an image has an infinite voxel or several channels, a mask is none, does not fit or
            contradicts the image, or nothing was seen.

    Example:
        >>> from monai.data.meta_tensor import MetaTensor
        >>> holes = MarkHolesd("image", read_array=lambda path: torch.ones(1), missing=-1)
        >>> holes({"image": MetaTensor(torch.tensor([[[[5.0, -1.0]]]]))})["image"].isnan().sum()
        metatensor(1)
    """

    def __init__(
        self,
        keys: KeysCollection = "image",
        *,
        read_array: Callable[[str], Tensor],
        mask: str = "",
        missing: int | float | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.read_array = read_array
        self.mask = mask
        self.missing = missing

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Mark the holes."""
        d = dict(data)
        for key in self.key_iterator(d):
            image = d[key]
            name = str(image.meta.get("filename_or_obj") or key)
            x = image.as_tensor()
            x = x.unsqueeze(-1) if x.ndim == 3 else x
            if x.is_complex() or int(image.meta.get("datatype", 0)) in COMPLEX_CODES:
                raise ValueError(f"{name} is complex: give its modulus")
            if x.shape[0] != 1 or x.ndim != 4:
                sides = " x ".join(str(n) for n in x.shape)
                raise ValueError(f"{name} must be one volume, got {sides}: give one channel or time point")
            x = x.float().clone()
            beside = d.pop("mask", None)
            mask_file = str(self.mask or beside or "")
            seen = (
                self._seen(mask_file, x, image, name) if mask_file else torch.ones_like(x, dtype=torch.bool)
            )
            if bool(x[seen].isinf().any()):
                raise ValueError(f"{name} holds Inf: mark holes by NaN, by a mask or by missing")
            x[~seen] = torch.nan
            if self.missing is not None:
                x[x == self.missing] = torch.nan
            if bool(x.isnan().all()):
                raise ValueError(f"{name} has no voxel that was seen: its mask is empty")
            d[key] = placed(x, image)
        return d

    def _seen(self, file: str, x: Tensor, image: Any, name: str) -> Tensor:
        """True where a mask says that a voxel of an image (1, x, y, z) was observed."""
        mask = self.read_array(file)
        if [n for n in mask.shape if n > 1] != [n for n in x.shape if n > 1]:
            raise ValueError(
                f"{file} has the shape {tuple(mask.shape)}, the image {name} {tuple(x.shape[1:])}: give "
                "a mask of the image's shape"
            )
        others = mask[mask != 0].unique()
        if len(others) > 1 or not bool(mask.isfinite().all()):
            raise ValueError(
                f"{file} is no mask: it holds {len(others)} numbers beside 0, such as {float(others[0]):g} "
                f"and {float(others[-1]):g}; give 0 where a voxel is missing and one other number elsewhere"
            )
        if not len(others):
            raise ValueError(
                f"{file} is 0 everywhere, so {name} has no voxel that was seen: its mask is empty"
            )
        off = _distance(_affine(file), _affine_of(image), x.shape[1:])
        if off > SAME_PLACE:
            raise ValueError(
                f"{file} and {name} have affines that put a corner {off:.3g} voxels apart: give a mask on "
                "the image's grid"
            )
        seen = (mask != 0).reshape(x.shape)
        broken = int((seen & x.isnan()).sum())
        if broken:
            raise ValueError(
                f"{name} has NaN in {broken} voxels that {file} marks as observed: mark them 0 in the mask"
            )
        return seen


SAME_PLACE = 0.1
"""Voxels by which a corner of the mask may be off that of the image."""


def _affine_of(image: Any) -> np.ndarray | None:
    """Affine of a loaded image, if its file vouched for one."""
    codes = [image.meta.get(name, 1) for name in ("qform_code", "sform_code")]
    return np.asarray(image.affine, dtype=np.float64) if any(int(code) for code in codes) else None


def _affine(path: str) -> np.ndarray | None:
    """Affine of a mask, if its file has one and vouches for it."""
    try:
        header: Any = nib.load(path)
    except (nib.filebasedimages.ImageFileError, OSError):
        return None
    fields = header.header
    if "sform_code" in fields and not (int(fields["sform_code"]) or int(fields["qform_code"])):
        return None
    return None if header.affine is None else np.asarray(header.affine, dtype=np.float64)


def _distance(first: np.ndarray | None, second: np.ndarray | None, shape: Sequence[int]) -> float:
    """How far two affines put the farthest corner of a grid apart, in voxels; 0 if one is not there."""
    if first is None or second is None:
        return 0.0
    corners = np.array([(*corner, 1) for corner in itertools.product(*((0, n - 1) for n in shape))])
    apart = np.linalg.norm((corners @ (first - second).T)[:, :3], axis=1)
    return float(apart.max() / np.linalg.norm(second[:3, :3], axis=0).min())

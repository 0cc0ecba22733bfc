"""Holes of an image, told by a mask, by a number that stands for them, or by NaN."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms.transform import MapTransform
from torch import Tensor

from mrrecon.transforms.check_volume import COMPLEX_CODES
from mrrecon.transforms.placed import placed

__all__ = ["MarkHolesd"]


class MarkHolesd(MapTransform):
    """NaN in every voxel that was not seen: what ``ImageSolver`` takes for a hole.

    Voxels that are NaN already are holes too. Infinite ones are refused.

    Args:
        keys: keys of the images, (1, *space).
        read_array: what reads a mask, by path.
        mask: file of a mask for all scans, 0 in the holes; empty: that under ``mask`` of each scan, if any.
        missing: number that stands for a hole; None: none does.
        allow_missing_keys: pass over keys that are not there.

    Raises:
        ValueError: an image has an infinite voxel or several channels, a mask does not fit, or nothing was
            seen.

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
            if bool(x.isinf().any()):
                raise ValueError(f"{name} holds Inf: mark holes by NaN, by a mask or by missing")
            mask_file = str(d.pop("mask", None) or self.mask)
            if mask_file:
                seen = self.read_array(mask_file)
                seen = seen.reshape(x.shape) if seen.numel() == x.numel() else seen
                if seen.shape != x.shape:
                    raise ValueError(
                        f"{mask_file} has the shape {tuple(seen.shape)}, the image {name} {tuple(x.shape)}"
                    )
                x[seen == 0] = torch.nan
            if self.missing is not None:
                x[x == self.missing] = torch.nan
            if bool(x.isnan().all()):
                raise ValueError(f"{name} has no voxel that was seen: its mask is empty")
            d[key] = placed(x, image)
        return d

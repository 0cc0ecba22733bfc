"""Thick slices on a finer grid, with the planes between them not observed."""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms.transform import MapTransform

from mrrecon.memory import available_memory
from mrrecon.transforms.placed import placed

__all__ = ["SpreadSlicesd"]

MOST = 12
"""Largest factor along an axis."""


class SpreadSlicesd(MapTransform):
    """Each slice of an image where its middle lies on a finer grid, and NaN between: affine put right.

    Of n slices f apart there are f (n - 1) + 1 planes. The first voxel stays the first, so that the origin
    stays; the grid ends with the middle of the last slice, half a slice before its edge.

    Args:
        keys: keys of the images, (channels, x, y, z).
        factor: f, fine voxels per voxel along each stored axis: three whole numbers from 1 to 12.
        label_key: key of a complete image, which is on the finer grid already; None: none is.
        simulate: whether the images are complete and lose voxels afterwards, which excludes this.
        allow_missing_keys: pass over keys that are not there.

    Raises:
        ValueError: ``factor`` is none, or inserts nothing; the label has another grid; or memory is short.

    Example:
        >>> from monai.data.meta_tensor import MetaTensor
        >>> spread = SpreadSlicesd("image", factor=[1, 1, 3])({"image": MetaTensor(torch.ones(1, 1, 1, 2))})
        >>> spread["image"].flatten().tolist()
        [1.0, nan, nan, 1.0]
    """

    def __init__(
        self,
        keys: KeysCollection = "image",
        *,
        factor: object,
        label_key: str | None = "label",
        simulate: bool = False,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        whole = list(factor) if isinstance(factor, Sequence) else []
        if len(whole) != 3 or any(type(f) is not int or not 1 <= f <= MOST for f in whole):
            raise ValueError(f"factor={factor} must be three whole numbers from 1 to {MOST}, as in [1,1,3]")
        if max(whole) == 1:
            raise ValueError(f"factor={factor} inserts nothing: give more than 1 for an axis, or no factor")
        if simulate:
            raise ValueError(
                f"factor={factor} is for a scan of thick slices (dataset_dir), and simulate=True takes "
                "voxels from a complete one: leave one of them away"
            )
        self.factor = tuple(whole)
        self.label_key = label_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Spread the slices."""
        d = dict(data)
        for key in self.key_iterator(d):
            image = d[key]
            name = str(image.meta.get("filename_or_obj") or key)
            x = image.as_tensor()
            x = (x.unsqueeze(-1) if x.ndim == 3 else x).float()
            shape = tuple(f * (n - 1) + 1 for f, n in zip(self.factor, x.shape[1:], strict=True))
            self._check(name, x.shape[1:], shape, d.get(self.label_key))
            fine = x.new_full((x.shape[0], *shape), torch.nan)
            there = (slice(None), *(slice(None, None, f) for f in self.factor))
            fine[there] = x
            affine = torch.as_tensor(image.affine, dtype=torch.float64).clone()
            affine[:3, :3] /= torch.tensor(self.factor, dtype=torch.float64)
            d[key] = placed(fine, image, affine=affine)
        return d

    def _check(self, name: str, coarse: Sequence[int], fine: Sequence[int], label: Any) -> None:
        """Refuse an image whose slices cannot be spread."""
        said = f"factor={list(self.factor)} makes {_sides(fine)} voxels of {name}"
        if list(coarse) == list(fine):
            raise ValueError(f"{said}, as many as it has: give more than 1 for an axis of several voxels")
        needed, available = 4 * math.prod(fine), available_memory()
        if available is not None and needed > available:
            raise ValueError(
                f"{said}, which need {needed / 2**30:.3g} GiB of memory, and {available / 2**30:.3g} GiB are "
                "free: give a smaller factor"
            )
        if label is not None and [n for n in label.shape if n > 1] != [n for n in fine if n > 1]:
            raise ValueError(f"{said}, and its label has {_sides(label.shape[1:])}: give one on that grid")


def _sides(shape: Sequence[int]) -> str:
    return " x ".join(str(n) for n in shape)

"""Some slices of a volume, in the order in which scanners and solvers want them; and back."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data.meta_tensor import MetaTensor
from monai.transforms.transform import MapTransform

from mrrecon.transforms.placed import placed

__all__ = ["AxesBackd", "Slabd", "reordered"]


class Slabd(MapTransform):
    """Slices of a volume (1, x, y, z) in the middle of its last axis, as (1, slices, x, y).

    The affine goes with them; ``out_axes`` in the metadata says how ``AxesBackd`` undoes the order. An image
    of one slice alone has nothing to be chosen from. What holds k-space or a sinogram already (its metadata
    have ``out_axes``) is passed on as it is.

    Args:
        keys: keys of the volumes.
        n_slices: how many, or as many as there are; None: all.
        first_slice: number of the first one, from 0; None: those in the middle.
        slices_first: whether the slices become the first axis; if not, the axes stay as they are.
        allow_missing_keys: pass over keys that are not there.

    Raises:
        ValueError: there are not so many slices.

    Example:
        >>> Slabd("image", n_slices=2)({"image": MetaTensor(torch.zeros(1, 4, 5, 6))})["image"].shape
        torch.Size([1, 2, 4, 5])
    """

    def __init__(
        self,
        keys: KeysCollection,
        n_slices: int | None = 1,
        first_slice: int | None = None,
        slices_first: bool = True,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.slices_first = slices_first
        self.n_slices = n_slices
        self.first_slice = first_slice

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Cut the slices out."""
        d = dict(data)
        for key in self.key_iterator(d):
            image = d[key]
            if "out_axes" in image.meta:
                continue
            name = str(image.meta.get("filename_or_obj") or key)
            if image.ndim == 3:
                image = reordered(image.unsqueeze(-1), (0, 1, 2))
            depth = image.shape[-1]
            n = depth if self.n_slices is None else self.n_slices
            n = min(n, depth) if self.first_slice is None else n
            first = (depth - n) // 2 if self.first_slice is None else self.first_slice
            if not (n >= 1 and 0 <= first <= depth - n):
                raise ValueError(
                    f"{name} has {depth} slices: n_slices={n} from first_slice={first} are not among them"
                )
            affine = torch.as_tensor(image.affine, dtype=torch.float64).clone()
            affine[:3, 3] += first * affine[:3, 2]
            slab = placed(image.as_tensor()[..., first : first + n], image, affine=affine)
            if self.slices_first:
                slab = reordered(slab, (2, 0, 1))
                slab.meta["out_axes"] = [1, 2, 0]
            d[key] = slab
        return d


class AxesBackd(MapTransform):
    """Images in the order of axes in which they are to be written: as they came.

    Args:
        keys: keys of the images, channel first, with ``out_axes`` in their metadata or as they are to be.
        allow_missing_keys: pass over keys that are not there.

    Example:
        >>> slab = Slabd("image")({"image": MetaTensor(torch.zeros(1, 4, 5, 6))})
        >>> AxesBackd("image")(slab)["image"].shape
        torch.Size([1, 4, 5, 1])
    """

    def __init__(self, keys: KeysCollection, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Permute the axes of space, and the affine with them."""
        d = dict(data)
        for key in self.key_iterator(d):
            axes = d[key].meta.get("out_axes")
            if axes is not None:
                d[key] = reordered(d[key], [int(axis) for axis in axes])
                del d[key].meta["out_axes"]
        return d


def reordered(image: MetaTensor, axes: Sequence[int]) -> MetaTensor:
    """An image with its axes of space in another order, and its affine accordingly.

    Args:
        image: channel first, three axes of space.
        axes: which axis of space comes first, second, third.

    Example:
        >>> reordered(MetaTensor(torch.zeros(1, 4, 5, 6)), (2, 0, 1)).shape
        torch.Size([1, 6, 4, 5])
    """
    values = image.as_tensor().permute(0, *(axis + 1 for axis in axes))
    affine = torch.as_tensor(image.affine, dtype=torch.float64)[:, [*axes, 3]]
    return placed(values, image, affine=affine)

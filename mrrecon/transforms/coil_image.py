"""The image that is written, of the one that a solver found in k-space."""

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms.transform import MapTransform

from mrrecon.transforms.placed import placed

__all__ = ["CoilImaged"]


class CoilImaged(MapTransform):
    """Magnitude of an image of two channels (real and imaginary part), cut to the scanner's field of view.

    The field of view is in the metadata (``field_of_view``, voxels in the middle worth keeping); the affine
    moves with the cut. Images of one channel are cut alone.

    Args:
        keys: keys of the images, (1 or 2, slices, h, w).
        complex_values: whether complex numbers are kept instead of their magnitude.
        allow_missing_keys: pass over keys that are not there.

    Example:
        >>> from monai.data.meta_tensor import MetaTensor
        >>> CoilImaged("pred")({"pred": MetaTensor(torch.ones(2, 1, 4, 4))})["pred"].shape
        torch.Size([1, 1, 4, 4])
    """

    def __init__(
        self, keys: KeysCollection = "pred", complex_values: bool = False, allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.complex_values = complex_values

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Make the images."""
        d = dict(data)
        for key in self.key_iterator(d):
            image = d[key]
            values = image.as_tensor()
            if values.shape[0] == 2:
                values = torch.complex(values[:1], values[1:])
                values = values if self.complex_values else values.abs()
            affine = torch.as_tensor(image.affine, dtype=torch.float64).clone()
            sizes = [int(n) for n in image.meta.get("field_of_view", values.shape[1:])]
            for axis, (n, kept) in enumerate(zip(values.shape[1:], sizes, strict=True)):
                first = n // 2 - kept // 2
                values = values.narrow(axis + 1, first, kept)
                affine[:3, 3] += first * affine[:3, axis]
            d[key] = placed(values.contiguous(), image, affine=affine)
        return d

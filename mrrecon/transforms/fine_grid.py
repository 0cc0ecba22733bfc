"""The affine of an image on a finer grid."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms.transform import MapTransform

from mrrecon.transforms.placed import placed

__all__ = ["FineGridd"]


class FineGridd(MapTransform):
    """Images of voxels that are smaller by whole numbers, with the field of view they had: affine put right.

    The centre of the first fine voxel lies (f - 1) / 2 fine voxels before that of the first coarse one.

    Args:
        keys: keys of the images, which carry the affine of the coarse grid.
        factor: f, coarse / fine voxel size along each axis.
        allow_missing_keys: pass over keys that are not there.

    Example:
        >>> from monai.data.meta_tensor import MetaTensor
        >>> fine = FineGridd("pred", factor=[2, 1, 1])({"pred": MetaTensor(torch.zeros(1, 4, 2, 2))})
        >>> fine["pred"].affine[0].tolist()
        [0.5, 0.0, 0.0, -0.25]
    """

    def __init__(
        self, keys: KeysCollection, factor: Sequence[int | float], allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.factor = tuple(factor)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Put the affines right."""
        d = dict(data)
        for key in self.key_iterator(d):
            affine = torch.as_tensor(d[key].affine, dtype=torch.float64).clone()
            for axis, f in enumerate(self.factor):
                affine[:3, axis] /= f
                affine[:3, 3] -= affine[:3, axis] * (f - 1) / 2
            d[key] = placed(d[key].as_tensor(), d[key], affine=affine)
        return d

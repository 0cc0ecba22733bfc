"""One slice of a volume, drawn at random."""

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data.meta_tensor import MetaTensor
from monai.transforms.transform import MapTransform, Randomizable
from torch import Tensor

from mrrecon.simulate.fields import Number

__all__ = ["RandSliced"]


class RandSliced(MapTransform, Randomizable):
    """A slice (1, h, w) of an image (1, x, y, z), drawn from those that show something.

    Args:
        keys: keys of the images; the first decides what they show, all are cut alike.
        axis: 0, 1 or 2: the axis that goes.
        threshold: intensity above which a voxel shows something.
        content: least part of the observed voxels of a slice that show something. If no slice has so much,
            all are drawn from.
        allow_missing_keys: pass over keys that are not there.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> x = torch.zeros(1, 2, 3, 2)
        >>> x[:, :, 1] = 5.0
        >>> RandSliced("image", axis=1)({"image": x})["image"].tolist()
        [[[5.0, 5.0], [5.0, 5.0]]]
    """

    def __init__(
        self,
        keys: KeysCollection,
        axis: int = 1,
        threshold: Number = 0.05,
        content: Number = 0.15,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if axis not in (0, 1, 2):
            raise ValueError(f"axis={axis} must be 0, 1 or 2")
        if not 0 <= content <= 1:
            raise ValueError(f"content={content} must lie in [0, 1]")
        self.axis = axis
        self.threshold = threshold
        self.content = content

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Cut a slice out."""
        d = dict(data)
        index = None
        for key in self.key_iterator(d):
            image = d[key].as_tensor() if isinstance(d[key], MetaTensor) else torch.as_tensor(d[key])
            slices = image.movedim(1 + self.axis, 0)
            if index is None:
                index = self._draw(slices)
            d[key] = slices[index].contiguous()
        return d

    def _draw(self, slices: Tensor) -> int:
        """The first slice of a random order that shows enough; else the first of which anything was seen."""
        order = self.R.permutation(len(slices)).tolist()
        spare = None
        for index in order:
            one = slices[index]
            n_seen = int(one.isfinite().sum())
            if n_seen and int((one > self.threshold).sum()) >= self.content * n_seen:
                return int(index)
            if n_seen and spare is None:
                spare = int(index)
        return int(order[0]) if spare is None else spare

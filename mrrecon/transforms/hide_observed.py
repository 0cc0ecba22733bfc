"""What a network sees of an incomplete image, and what it is asked for."""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data.meta_tensor import MetaTensor
from monai.transforms.transform import MapTransform, Randomizable
from torch import Tensor

from mrrecon.simulate import rotated_lines, rotated_slices
from mrrecon.simulate.fields import Number

__all__ = ["HideObservedd"]


class HideObservedd(MapTransform, Randomizable):
    """An image with holes of NaN as input (image, mask) and target (image, mask) of a training.

    With ``target="observed"`` the network sees all that was observed, and is asked for that. With
    ``target="hidden"`` most of it is hidden from the network, another part each time, and asked for: all but
    parallel lines (slices of a volume) at random distances and angles, a quarter of them along an axis; or
    what lies in boxes of random size.

    Args:
        keys: key of the image (1, *space), which becomes (2, *space): values, 0 where nothing is seen, and a
            mask of what is.
        label_key: key of the target, (2, *space) as well: values, and a mask of what is asked for.
        target: ``"hidden"`` or ``"observed"``.
        boxes: part of the images of which boxes are hidden; of the others, all but lines.
        fraction: least and largest part of the boxes that is hidden.
        sides: sides of the boxes, in voxels; one is drawn for each axis.
        acceleration: least and largest distance of the lines, in voxels.
        allow_missing_keys: pass over keys that are not there.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> hide = HideObservedd("image", target="observed")
        >>> example = hide({"image": torch.tensor([[[5.0, torch.nan]]])})
        >>> example["image"].tolist(), example["label"][1].tolist()
        ([[[5.0, 0.0]], [[1.0, 0.0]]], [[1.0, 0.0]])
    """

    def __init__(
        self,
        keys: KeysCollection = "image",
        label_key: str = "label",
        *,
        target: str = "hidden",
        boxes: Number = 0.2,
        fraction: Sequence[Number] = (0.2, 0.9),
        sides: Sequence[int] = (1, 2, 3, 4, 6, 8),
        acceleration: Sequence[Number] = (2, 10),
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if target not in ("hidden", "observed"):
            raise ValueError(f"target={target!r} must be 'hidden' or 'observed'")
        if not 0 <= boxes <= 1:
            raise ValueError(f"boxes={boxes} must be a part of the images, from 0 to 1")
        if not 0 < fraction[0] <= fraction[-1] < 1:
            raise ValueError(
                f"fraction={tuple(fraction)} must be two parts between 0 and 1, the smaller first"
            )
        if not sides or min(sides) < 1:
            raise ValueError(f"sides={tuple(sides)} must be whole numbers of voxels, at least 1")
        if not 1 < acceleration[0] <= acceleration[-1] < math.inf:
            raise ValueError(
                f"acceleration={tuple(acceleration)} must be two numbers above 1, the smaller first"
            )
        self.label_key = label_key
        self.target = target
        self.boxes = float(boxes)
        self.fraction = (float(fraction[0]), float(fraction[-1]))
        self.sides = tuple(sides)
        self.acceleration = (float(acceleration[0]), float(acceleration[-1]))

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Hide something, or nothing."""
        d = dict(data)
        for key in self.key_iterator(d):
            image = d[key].as_tensor() if isinstance(d[key], MetaTensor) else torch.as_tensor(d[key])
            image = image.float()
            observed = image.isfinite()
            values = torch.where(observed, image, 0)
            seen, asked = observed, observed
            if self.target == "hidden":
                seen = observed & self.shown(list(image.shape[1:]))
                asked = observed & ~seen
                if not bool(asked.any()):  # next to nothing was observed
                    asked = observed
            d[key] = torch.cat([values * seen, seen.float()])
            d[self.label_key] = torch.cat([values, asked.float()])
        return d

    def shown(self, shape: list[int]) -> Tensor:
        """True where the network may look, (1, *space)."""
        if self.R.random_sample() < self.boxes:
            return self._boxes(shape)[None]
        low, high = self.acceleration
        acceleration = float(np.exp(self.R.uniform(math.log(low), math.log(high))))
        generator = torch.Generator().manual_seed(int(self.R.randint(2**31)))
        along_an_axis = self.R.random_sample() < 0.25
        order = self.R.permutation(len(shape)).tolist()
        lines = rotated_lines if len(shape) == 2 else rotated_slices
        mask = lines(
            [shape[i] for i in order],
            acceleration=acceleration,
            max_angle=0 if along_an_axis else 90,
            generator=generator,
        )
        return mask.permute([order.index(i) for i in range(len(shape))])[None]

    def _boxes(self, shape: list[int]) -> Tensor:
        sides = [int(self.R.choice(self.sides)) for _ in shape]
        grid = [-(-n // side) for n, side in zip(shape, sides, strict=True)]
        shown = self.R.random_sample(grid) > self.R.uniform(*self.fraction)
        for axis, side in enumerate(sides):
            shown = np.repeat(shown, side, axis)
        return torch.from_numpy(shown[tuple(slice(n) for n in shape)])

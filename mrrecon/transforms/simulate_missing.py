"""A complete scan of which most is taken away: lines, slices or voxels."""

import hashlib
from collections.abc import Hashable, Mapping
from pathlib import PurePath
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms.transform import MapTransform
from torch import Tensor

from mrrecon.simulate import missing_slices, random_pixels, rotated_lines, rotated_slices
from mrrecon.simulate.fields import Number, draw_uniform
from mrrecon.transforms.placed import placed

__all__ = ["SimulateMissingd"]

KINDS = ("rotated_lines", "rotated_slices", "missing_slices", "random_pixels")


class SimulateMissingd(MapTransform):
    """NaN in most voxels of an image (1, x, y, z); the image itself becomes the label.

    What is taken away follows from the seed, the name of the image's file and its brightness: it is the same
    whenever the image is read, as if it had been measured that way.

    Args:
        keys: key of the image.
        label_key: key under which the complete image is kept; None: it is forgotten.
        kind: ``"rotated_lines"``: in each slice across ``axis`` parallel lines are left, at an angle of its
            own; ``"rotated_slices"``: parallel slices, which begin as slices across ``axis`` and are tilted;
            ``"missing_slices"``: whole slices across ``axis``; ``"random_pixels"``: voxels anywhere.
        acceleration: all voxels / voxels that are left, at least 1.
        axis: 0, 1 or 2; None: one of them, drawn for each image.
        max_angle: largest angle of lines or slices, in degrees.
        offset: first slice that is left (``"missing_slices"`` only); None: drawn.
        seed: another seed, other voxels.
        enabled: whether anything is done; false: images are passed on as they are.
        allow_missing_keys: pass over keys that are not there.

    Raises:
        ValueError: an argument is out of its range, or an image is no volume.

    Example:
        >>> from monai.data.meta_tensor import MetaTensor
        >>> sixth = SimulateMissingd(kind="missing_slices", axis=2, offset=0)
        >>> sixth({"image": MetaTensor(torch.ones(1, 2, 2, 7))})["image"].isfinite().sum()
        metatensor(4)
    """

    def __init__(
        self,
        keys: KeysCollection = "image",
        label_key: str | None = "label",
        *,
        kind: str = "rotated_lines",
        acceleration: Number = 6,
        axis: int | None = 1,
        max_angle: Number = 90,
        offset: int | None = None,
        seed: int = 0,
        enabled: bool = True,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if kind not in KINDS:
            raise ValueError(f"kind={kind!r} must be one of {', '.join(KINDS)}")
        if axis not in (0, 1, 2, None):
            raise ValueError(f"axis={axis} must be 0, 1, 2 or None")
        self.label_key = label_key
        self.kind = kind
        self.acceleration = acceleration
        self.axis = axis
        self.max_angle = max_angle
        self.offset = offset
        self.seed = seed
        self.enabled = enabled

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Take voxels away."""
        d = dict(data)
        for key in self.key_iterator(d) if self.enabled else ():
            image = d[key]
            x = image.as_tensor()
            x = (x.unsqueeze(-1) if x.ndim == 3 else x).float()
            name = str(image.meta.get("filename_or_obj") or key)
            if x.ndim != 4:
                raise ValueError(f"{name} must be one volume, got the shape {tuple(image.shape)}")
            if self.label_key is not None:
                d[self.label_key] = placed(x, image)
            mask = self.mask(list(x.shape[1:]), f"{PurePath(name).name}:{float(x.double().mean()):.6e}")
            d[key] = placed(torch.where(mask[None], x, torch.nan), image)
        return d

    def mask(self, shape: list[int], name: str) -> Tensor:
        """What is left of an image that is called so, (x, y, z)."""
        text = f"{self.seed}:{name}".encode()
        number = int.from_bytes(hashlib.sha256(text).digest()[:7], "big")
        generator = torch.Generator().manual_seed(number)
        axis = int(draw_uniform(0, 3, generator=generator)) % 3 if self.axis is None else self.axis
        if self.kind == "random_pixels":
            return random_pixels(shape, acceleration=self.acceleration, generator=generator)
        # The axis across which slices lie comes first.
        order = [axis, *(other for other in range(3) if other != axis)]
        sides = [shape[i] for i in order]
        if self.kind == "rotated_lines":
            lines = [
                rotated_lines(
                    sides[1:],
                    acceleration=self.acceleration,
                    max_angle=self.max_angle,
                    generator=generator,
                )
                for _ in range(sides[0])
            ]
            mask = torch.stack(lines)
        elif self.kind == "rotated_slices":
            mask = rotated_slices(
                sides, acceleration=self.acceleration, max_angle=self.max_angle, generator=generator
            )
        else:
            mask = missing_slices(
                sides,
                acceleration=self.acceleration,
                axis=0,
                offset=self.offset,
                generator=generator if self.offset is None else None,
            )
        return mask.permute([order.index(i) for i in range(3)])

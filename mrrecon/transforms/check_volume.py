"""A door for scans: what is no three-dimensional real image stays outside."""

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data.meta_tensor import MetaTensor
from monai.transforms.transform import MapTransform
from torch import Tensor

__all__ = ["CheckVolumed", "check_volume"]

# NIfTI's codes of complex64, complex128 and complex256: LoadImaged casts them to real numbers without a word.
COMPLEX_CODES = (32, 1792, 2048)


class CheckVolumed(MapTransform):
    """Refusal, in one sentence that names the file, of what is no three-dimensional real image.

    It belongs directly behind ``LoadImaged(..., ensure_channel_first=True)``.

    Args:
        keys: keys of the images, channel first.
        min_size: fewest voxels along each axis, at least 1. A single slice is no volume.
        allow_missing_keys: pass over keys that are not there.

    Raises:
        ValueError: an image is two-dimensional, has several channels or time points, is empty or complex,
            holds NaN or Inf, or has an affine that does not map voxels to space.

    Example:
        >>> CheckVolumed("image")({"image": torch.zeros(1, 4, 4, 1)})
        Traceback (most recent call last):
        ValueError: image is two-dimensional (4 x 4 x 1): give at least 2 voxels along each axis
    """

    def __init__(self, keys: KeysCollection, min_size: int = 2, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.min_size = min_size

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Pass the dictionary on as it is."""
        d = dict(data)
        for key in self.key_iterator(d):
            check_volume(d[key], name=str(key), min_size=self.min_size)
        return d


def check_volume(image: Tensor, *, name: str, min_size: int = 2) -> None:
    """Refuse what is no three-dimensional real image with one channel in front.

    Args:
        image: image, channel first.
        name: what to call it where its metadata names no file.
        min_size: fewest voxels along each axis.

    Raises:
        ValueError: as for ``CheckVolumed``.

    Example:
        >>> check_volume(torch.zeros(1, 4, 4, 4), name="image")
    """
    meta = image.meta if isinstance(image, MetaTensor) else {}
    name = str(meta.get("filename_or_obj") or name)
    sides = " x ".join(str(n) for n in image.shape[1:])
    if image.is_complex() or int(meta.get("datatype", 0)) in COMPLEX_CODES:
        raise ValueError(f"{name} is complex: give its modulus")
    if image.ndim > 4 or (image.ndim == 4 and image.shape[0] > 1):
        raise ValueError(
            f"{name} has several channels or time points ({image.shape[0]} of {sides}): give one of them as "
            "a volume of its own"
        )
    if image.ndim < 3:
        raise ValueError(f"{name} has {image.ndim} axes: give a volume with one channel in front")
    if image.numel() == 0:
        raise ValueError(f"{name} is empty ({sides}): give at least {min_size} voxels along each axis")
    if image.ndim == 3 or sum(n > 1 for n in image.shape[1:]) < 3:
        raise ValueError(
            f"{name} is two-dimensional ({sides}): give at least {min_size} voxels along each axis"
        )
    if min(image.shape[1:]) < min_size:
        raise ValueError(f"{name} is too small ({sides}): give at least {min_size} voxels along each axis")
    _check_numbers(image, name)
    if isinstance(image, MetaTensor):
        matrix = torch.as_tensor(image.affine, dtype=torch.float64)[:3, :3]
        if not bool(torch.isfinite(matrix).all()) or float(torch.linalg.det(matrix).abs()) < 1e-12:
            raise ValueError(f"{name} has an affine that does not map voxels to space: repair its header")


def _check_numbers(image: Tensor, name: str) -> None:
    if not image.is_floating_point():
        return
    # One pass: NaN and Inf survive in the extremes.
    low, high = torch.aminmax(torch.as_tensor(image))
    if not bool(torch.isfinite(low) & torch.isfinite(high)):
        count = int((~torch.isfinite(image)).sum())
        raise ValueError(f"{name} holds {count} voxels that are NaN or Inf: replace them by numbers")

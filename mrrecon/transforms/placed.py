"""New values in the place of an image."""

from collections.abc import Mapping
from typing import Any

import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

__all__ = ["placed"]


def placed(
    values: Tensor, image: MetaTensor, *, affine: Tensor | None = None, meta: Mapping[str, Any] | None = None
) -> MetaTensor:
    """Values with the metadata of an image, without its trace of transforms.

    Args:
        values: channel first.
        image: whose place they take.
        affine: another affine than the image's.
        meta: what else goes into the metadata.

    Example:
        >>> placed(torch.ones(1, 2), MetaTensor(torch.zeros(1, 2)), meta={"a": 1}).meta["a"]
        1
    """
    merged = {**image.meta, **(meta or {})}
    own = merged.pop("affine", None)
    affine = own if affine is None else affine
    affine = None if affine is None else torch.as_tensor(affine, dtype=torch.float64)
    return MetaTensor(values, affine=affine, meta=merged)

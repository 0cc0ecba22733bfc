"""Batches of a network that is to give back what it gets."""

from collections.abc import Mapping
from typing import Any

import torch
from monai.utils.enums import CommonKeys as Keys
from torch import Tensor

__all__ = ["image_as_label"]


def image_as_label(
    batch: Mapping[str, Any],
    device: torch.device | str | None = None,
    non_blocking: bool = False,
    **to_args: Any,
) -> tuple[Tensor, Tensor]:
    """Input and target of an autoencoder, both the image: a ``prepare_batch`` of MONAI's engines.

    Args:
        batch: dictionary with the key ``image``.
        device: where the tensors go.
        non_blocking: whether a copy to a GPU may go on in the background.
        to_args: further arguments of ``Tensor.to``.

    Example:
        >>> image, label = image_as_label({"image": torch.zeros(1, 1, 2, 2, 2)}, "cpu")
        >>> image is label
        True
    """
    image: Tensor = batch[Keys.IMAGE].to(device=device, non_blocking=non_blocking, **to_args)
    return image, image

"""Batches of a network that learns from incomplete images, and its error where it was asked."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from monai.utils.enums import CommonKeys as Keys
from torch import Tensor

__all__ = ["asked_values", "observed_as_label"]


def observed_as_label(
    batch: Mapping[str, Any],
    device: torch.device | str | None = None,
    non_blocking: bool = False,
    **to_args: Any,
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Input (batch, 2, *space), and target: image and mask of what is asked for, both (batch, 1, *space).

    A ``prepare_batch`` of MONAI's engines for what ``HideObservedd`` gives.

    Args:
        batch: dictionary with the keys ``image`` and ``label``, of two channels each.
        device: where the tensors go.
        non_blocking: whether a copy to a GPU may go on in the background.
        to_args: further arguments of ``Tensor.to``.

    Example:
        >>> batch = {"image": torch.zeros(1, 2, 4), "label": torch.ones(1, 2, 4)}
        >>> [part.shape[1] for part in observed_as_label(batch)[1]]
        [1, 1]
    """
    image, label = (
        batch[key].to(device=device, non_blocking=non_blocking, **to_args) for key in (Keys.IMAGE, Keys.LABEL)
    )
    return image, (label[:, :1], label[:, 1:])


def asked_values(output: Sequence[Mapping[str, Any]]) -> tuple[list[Tensor], list[Tensor]]:
    """Values of prediction and target where the target's mask is not 0: an ``output_transform`` for metrics.

    Args:
        output: ``engine.state.output`` of an evaluator, one dictionary an image.

    Returns:
        Two lists of (1, n).

    Example:
        >>> image, mask = torch.tensor([[3.0, 5.0]]), torch.tensor([[0.0, 1.0]])
        >>> asked_values([{"pred": image, "label": (image, mask)}])[0]
        [tensor([[5.]])]
    """
    preds, targets = [], []
    for item in output:
        image, mask = item[Keys.LABEL]
        preds.append(item[Keys.PRED][mask > 0][None])
        targets.append(image[mask > 0][None])
    return preds, targets

"""The loss in what a trainer puts out."""

from collections.abc import Mapping, Sequence
from typing import Any

from monai.utils.enums import CommonKeys as Keys
from torch import Tensor

__all__ = ["loss_of"]


def loss_of(output: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> float:
    """Loss of an iteration, from the output of a MONAI trainer: a dictionary, or a list of them, one an item.

    Args:
        output: ``engine.state.output``. Where it was decollated, each item has the loss of the whole batch,
            as a number.

    Example:
        >>> import torch
        >>> loss_of({"loss": torch.tensor(2.0)}), loss_of([{"loss": 2.0}])
        (2.0, 2.0)
    """
    first = output if isinstance(output, Mapping) else output[0]
    loss = first[Keys.LOSS]
    return float(loss.detach() if isinstance(loss, Tensor) else loss)

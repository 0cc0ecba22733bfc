"""Numbers by which one follows a training."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn
from torch.optim import Optimizer

from mrrecon.handlers.loss_of import loss_of

__all__ = ["TrainingScalars"]


class TrainingScalars:
    """Loss and its addends, perplexity of each codebook and step size, as an ``output_transform``.

    Args:
        network: its ``quantizers``, if it has any, are reported finest first.
        loss: its ``components``, if it has any, are reported.
        optimizer: the step size of its first group is reported.

    Example:
        >>> import torch
        >>> network = nn.Linear(1, 1)
        >>> scalars = TrainingScalars(network, nn.L1Loss(), torch.optim.Adam(network.parameters(), lr=0.1))
        >>> scalars({"loss": torch.tensor(2.0)})
        {'loss/total': 2.0, 'learning_rate': 0.1}
    """

    def __init__(self, network: nn.Module, loss: nn.Module, optimizer: Optimizer) -> None:
        self.network = network
        self.loss = loss
        self.optimizer = optimizer

    def __call__(self, output: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Numbers of the iteration with this output, by name."""
        scalars = {"loss/total": loss_of(output)}
        for name, addend in getattr(self.loss, "components", {}).items():
            scalars[f"loss/{name}"] = float(addend)
        for level, quantizer in enumerate(getattr(self.network, "quantizers", ()), start=1):
            scalars[f"perplexity/level_{level}"] = quantizer.perplexity()
        scalars["learning_rate"] = float(self.optimizer.param_groups[0]["lr"])
        return scalars

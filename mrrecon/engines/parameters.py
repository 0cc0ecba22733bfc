"""What the optimiser optimises."""

from typing import Any

from torch import nn

__all__ = ["parameter_groups"]


def parameter_groups(network: nn.Module, loss: nn.Module) -> list[dict[str, Any]]:
    """Parameters of the network and, where it has some, of the loss, in groups for Adam.

    The loss's get an ``eps`` far below their gradients, which are as small as the share of the coefficients
    that each of them rules.

    Args:
        network: what is trained.
        loss: what it is trained by, for example with an ``AdaptiveLoss``.

    Example:
        >>> len(parameter_groups(nn.Linear(2, 2), nn.L1Loss()))
        1
    """
    groups: list[dict[str, Any]] = [{"params": list(network.parameters())}]
    if learned := list(loss.parameters()):
        groups.append({"params": learned, "eps": 1e-15})
    return groups

"""Gradients cut to a length."""

from typing import Any

from ignite.engine import Engine
from monai.engines.utils import IterationEvents
from torch import nn

__all__ = ["ClipGradients"]


class ClipGradients:
    """Handler of a trainer that shortens the gradient of a network, if it is longer, to a given length.

    A batch that is unlike the others then moves the weights no further than they do.

    Args:
        network: whose parameters' gradients are taken as one long vector.
        max_norm: greatest length of that vector.

    Raises:
        ValueError: ``max_norm`` is not above 0.

    Example:
        >>> ClipGradients(nn.Linear(2, 2), max_norm=0)
        Traceback (most recent call last):
        ValueError: max_norm=0 must be above 0

    Reference:
        Pascanu, Mikolov, Bengio. On the difficulty of training recurrent neural networks. ICML 2013.
        https://doi.org/10.48550/arXiv.1211.5063
    """

    def __init__(self, network: nn.Module, *, max_norm: int | float) -> None:
        if max_norm <= 0:
            raise ValueError(f"max_norm={max_norm} must be above 0")
        self.network = network
        self.max_norm = max_norm

    def attach(self, engine: Engine) -> None:
        """Cut between the backward pass and the step of the engine's optimiser."""
        # MONAI's trainers fire this event, which ignite's annotations do not know.
        backward: Any = IterationEvents.BACKWARD_COMPLETED
        engine.add_event_handler(backward, self)

    def __call__(self, engine: Engine) -> None:  # noqa: ARG002 - ignite's interface
        """Cut now."""
        nn.utils.clip_grad_norm_(self.network.parameters(), self.max_norm)

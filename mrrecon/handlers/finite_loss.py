"""End of a training whose loss is no number any more."""

import math
from typing import Any

from ignite.engine import Engine, Events

from mrrecon.handlers.loss_of import loss_of

__all__ = ["FiniteLoss"]


class FiniteLoss:
    """Handler that ends a training when its loss is NaN or infinite, before such weights reach a checkpoint.

    Raises:
        FloatingPointError: the loss of an iteration is not finite.
    """

    def attach(self, engine: Engine) -> None:
        """Look at the loss after each iteration of the engine."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Look at the loss of the engine's iteration."""
        output: Any = engine.state.output
        loss = loss_of(output)
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {loss} in iteration {engine.state.iteration}: try a smaller step size "
                "lr, from the last checkpoint, which is sound"
            )

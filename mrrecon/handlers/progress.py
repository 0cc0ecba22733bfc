"""A bar that shows how far a training is."""

import sys
from typing import Any

from ignite.engine import Engine, Events
from tqdm import tqdm

from mrrecon.handlers.loss_of import loss_of

__all__ = ["Progress"]


class Progress:
    """Handler of a trainer: a bar an epoch on the standard error stream, with the loss.

    A terminal sees it move; in a file it is written twice a minute.
    """

    def __init__(self) -> None:
        self._bar: tqdm | None = None

    def attach(self, engine: Engine) -> None:
        """Show the epochs of the engine."""
        engine.add_event_handler(Events.EPOCH_STARTED, self._start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._advance)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._end)

    def _start(self, engine: Engine) -> None:
        state: Any = engine.state
        self._bar = tqdm(
            total=state.epoch_length,
            initial=state.iteration % state.epoch_length,
            desc=f"epoch {state.epoch}/{state.max_epochs}",
            mininterval=0.2 if sys.stderr.isatty() else 30,
            file=sys.stderr,
        )

    def _advance(self, engine: Engine) -> None:
        if self._bar is not None:
            output: Any = engine.state.output
            self._bar.set_postfix_str(f"loss {loss_of(output):.4g}", refresh=False)
            self._bar.update()

    def _end(self, engine: Engine) -> None:  # noqa: ARG002 - ignite's interface
        if self._bar is not None:
            self._bar.close()
            self._bar = None

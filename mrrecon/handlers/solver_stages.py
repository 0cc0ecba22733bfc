"""A line for each scan that says how far its solver is."""

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from monai.engines.utils import IterationEvents

__all__ = ["SolverStages"]


class SolverStages:
    """Handler of a ``SolverEvaluator``: a line a scan on standard error that grows with its stages.

    ``3/20 sub-3.h5: reading, solving..., saving, 4.1 s``: a dot for each ten iterations. On a terminal the
    number of the iteration and the stopping criterion stand in place of the dots.

    Args:
        scans: as ``scan_list`` gives them, in the order of the evaluator.
        quiet: whether to say nothing.
    """

    def __init__(self, scans: Sequence[Mapping[str, str]], *, quiet: bool = False) -> None:
        self.names = [" ".join([Path(scan["image"]).name, scan.get("method", "")]).strip() for scan in scans]
        self.quiet = quiet
        self._start = 0.0
        self._begun = ""

    def attach(self, engine: Engine) -> None:
        """Hear the evaluator."""
        engine.add_event_handler(Events.GET_BATCH_STARTED, self._read)
        engine.add_event_handler(Events.ITERATION_STARTED, self._solve)
        engine.add_event_handler(IterationEvents.FORWARD_COMPLETED, self._save)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._end)

    def iteration(self, number: int, criterion: float) -> None:
        """Say that an iteration is done: a ``SolverInferer`` calls it."""
        if sys.stderr.isatty():
            self._say(f"\r\x1b[K{self._begun} {number} ({criterion:.1e})")
        elif number % 10 == 0:
            self._say(".")

    def _read(self, engine: Engine) -> None:
        done = engine.state.iteration
        if done < len(self.names):
            self._start = time.perf_counter()
            self._begun = f"{done + 1}/{len(self.names)} {self.names[done]}: reading"
            self._say(self._begun)

    def _solve(self, engine: Engine) -> None:
        batch: Any = engine.state.batch
        words = ", refused" if "refused" in batch else ", solving"
        self._begun += words
        self._say(words)

    def _save(self, engine: Engine) -> None:  # noqa: ARG002 - ignite's interface
        self._say(", saving")

    def _end(self, engine: Engine) -> None:
        batch: Any = engine.state.batch
        refused = getattr(engine, "solution", None) is None and "refused" not in batch
        self._say(f"{', refused' if refused else ''}, {time.perf_counter() - self._start:.1f} s\n")

    def _say(self, words: str) -> None:
        if not self.quiet:
            print(words, end="", file=sys.stderr, flush=True)  # noqa: T201

"""A line for each scan that says what is being done with it."""

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from monai.engines.utils import IterationEvents

__all__ = ["Stages"]


class Stages:
    """Handler of a ``CompressionEvaluator``: a line a scan on standard error that grows with its stages.

    ``3/20 sub-3.nii.gz: reading, encoding, decoding, measuring, saving, 4.1 s``. In tiles, a dot for each. It
    comes before the handlers that measure.

    Args:
        scans: as ``scan_list`` gives them, in the order of the evaluator.
        quiet: whether to say nothing.
    """

    def __init__(self, scans: Sequence[Mapping[str, str]], *, quiet: bool = False) -> None:
        self.names = [Path(scan["image"]).name for scan in scans]
        self.quiet = quiet
        self._start = 0.0

    def attach(self, engine: Engine) -> None:
        """Hear the evaluator."""
        engine.add_event_handler(Events.GET_BATCH_STARTED, self._read)
        engine.add_event_handler(Events.ITERATION_STARTED, self._encode)
        engine.add_event_handler(IterationEvents.INNER_ITERATION_STARTED, self._say, ", decoding")
        engine.add_event_handler(IterationEvents.FORWARD_COMPLETED, self._say, ", measuring")
        engine.add_event_handler(IterationEvents.INNER_ITERATION_COMPLETED, self._say, ", saving")
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._end)

    def tile(self) -> None:
        """Say that a tile is done: a ``CodecInferer`` calls it."""
        self._say(".")

    def _read(self, engine: Engine) -> None:
        done = engine.state.iteration
        if done < len(self.names):
            self._start = time.perf_counter()
            self._say(f"{done + 1}/{len(self.names)} {self.names[done]}: reading")

    def _encode(self, engine: Engine) -> None:
        batch: Any = engine.state.batch
        self._say(", refused" if "refused" in batch else ", encoding")

    def _end(self, engine: Engine) -> None:  # noqa: ARG002 - ignite's interface
        self._say(f", {time.perf_counter() - self._start:.1f} s\n")

    def _say(self, words: str) -> None:
        if not self.quiet:
            print(words, end="", file=sys.stderr, flush=True)  # noqa: T201

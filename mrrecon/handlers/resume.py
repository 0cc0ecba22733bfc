"""Training that goes on where it was cut off, to the bit."""

import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import torch.distributed as dist
from ignite.engine import Engine, Events
from tqdm import tqdm

from mrrecon.handlers.weights import read_state, save_state

__all__ = ["ResumeCheckpoint"]


class ResumeCheckpoint:
    """Handler of a trainer that keeps all of its state in one file, and begins with that file if it is there.

    It saves at the start, after each epoch and in between every so many iterations, each time whole or not at
    all. Killed at any moment and started again with the same command, a training ends with the weights that
    it would have had undisturbed, if its random numbers depend on seed and iteration alone
    (``SeedIterations``, ``SeededDataset``, ``DrawSampler``). It must be the **last** handler, so that
    validation of an epoch comes before its checkpoint.

    Ctrl-C or SIGTERM let the iteration end, save, and end the program with the exit code 128 + signal; a
    second one ends it at once. Where several processes train, they simply end, and the last checkpoint is
    what remains.

    Args:
        path: the file.
        objects: what has a ``state_dict``, by name: network, optimiser, scheduler, loss, ``BestModel``.
        every: iterations between checkpoints within an epoch; 0 for none.
        settings: what a resumed training must share with the one that was cut off, by name.
        resume: whether to go on from a file that is there; if not, it is an error.
        saves: false in all processes but one.

    Raises:
        ValueError: ``every`` is negative; or, at the start, the file is of a training with other settings.
        FileExistsError: the file is there although ``resume`` is false, at the start.
    """

    def __init__(
        self,
        path: str | Path,
        objects: Mapping[str, Any],
        *,
        every: int = 0,
        settings: Mapping[str, int] | None = None,
        resume: bool = True,
        saves: bool = True,
    ) -> None:
        if every < 0:
            raise ValueError(f"every={every} must be at least 0")
        self.path = Path(path)
        self.objects = dict(objects)
        self.every = every
        self.settings = dict(settings or {})
        self.resume = resume
        self.saves = saves
        self._signal: int | None = None
        self._before: dict[int, Any] = {}

    def attach(self, engine: Engine) -> None:
        """Follow the engine."""
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._within_epoch)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._after_epoch)
        engine.add_event_handler(Events.COMPLETED, self._end)
        engine.add_event_handler(Events.EXCEPTION_RAISED, self._fail)

    def _start(self, engine: Engine) -> None:
        found = self.path.exists()
        if dist.is_initialized():
            dist.barrier()  # before the first process writes what the others look for
        if found and not self.resume:
            raise FileExistsError(
                f"{self.path} is there already: resume it, or give another output_dir for another training"
            )
        if found:
            self._load(engine)
        elif self.saves:
            self._save(engine)
        if threading.current_thread() is threading.main_thread() and not dist.is_initialized():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)

    def _load(self, engine: Engine) -> None:
        state = read_state(self.path)
        for name, now in self.settings.items():
            if (then := state["settings"].get(name)) != now:
                raise ValueError(
                    f"{self.path} is of a training with {name}={then}, now it is {now}: give another "
                    "output_dir (and, to begin with its weights, this file as ckpt)"
                )
        for name, target in self.objects.items():
            target.load_state_dict(state[name])
        progress: Any = engine.state
        progress.iteration = state["iteration"]
        progress.epoch = state["iteration"] // progress.epoch_length
        if self.saves:
            last = progress.max_epochs * progress.epoch_length
            done = ", where it was to end: raise max_epochs to go on" if state["iteration"] >= last else ""
            tqdm.write(f"resumed {self.path} at iteration {state['iteration']}{done}", file=sys.stderr)

    def _save(self, engine: Engine) -> None:
        state = {name: source.state_dict() for name, source in self.objects.items()}
        save_state({**state, "iteration": engine.state.iteration, "settings": self.settings}, self.path)

    def _within_epoch(self, engine: Engine) -> None:
        progress: Any = engine.state
        iteration = progress.iteration
        if iteration % progress.epoch_length == 0:
            return  # The epoch's validation is still to come.
        if self.saves and (self._signal is not None or (self.every and iteration % self.every == 0)):
            self._save(engine)
        self._leave(engine)

    def _after_epoch(self, engine: Engine) -> None:
        if self.saves:
            self._save(engine)
        self._leave(engine)

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the interface of a signal handler
        self._signal = number
        self._restore()
        tqdm.write("stopping after this iteration; once more to stop at once", file=sys.stderr)

    def _leave(self, engine: Engine) -> None:
        if self._signal is None:
            return
        tqdm.write(
            f"stopped at iteration {engine.state.iteration}, saved to {self.path}: the same command goes on",
            file=sys.stderr,
        )
        raise SystemExit(128 + self._signal)

    def _end(self, engine: Engine) -> None:  # noqa: ARG002 - ignite's interface
        self._restore()

    def _fail(self, engine: Engine, error: BaseException) -> None:  # noqa: ARG002 - ignite's interface
        self._restore()
        raise error

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

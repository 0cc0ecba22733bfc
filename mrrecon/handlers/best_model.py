"""The weights that did best in validation."""

import math
import sys
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from torch import nn
from tqdm import tqdm

from mrrecon.handlers.weights import read_state, save_state

__all__ = ["BestModel"]

NOTE = "mrrecon.validation"


class BestModel:
    """Handler of an evaluator that keeps the best weights of a training in a file, as a plain ``state_dict``.

    The file carries its own score (in the ``_metadata`` of the ``state_dict``, where ``load_state_dict`` does
    not look for it), so that no restart, from whatever checkpoint, replaces it by a worse one.

    Args:
        path: the file.
        network: whose weights are kept.
        metric: name of the metric among those of the evaluator; greater is better.
        saves: false in all processes but one.

    Raises:
        FileExistsError: the file has no score: it is not of a training with this handler.
    """

    def __init__(self, path: str | Path, network: nn.Module, *, metric: str, saves: bool = True) -> None:
        self.path = Path(path)
        self.network = network
        self.metric = metric
        self.saves = saves
        self.best = -math.inf
        if self.path.exists():
            note = getattr(read_state(self.path), "_metadata", {}).get(NOTE, {})
            if metric not in note:
                raise FileExistsError(
                    f"{self.path} is there already and is not of this training: give another output_dir"
                )
            self.best = note[metric]

    def attach(self, engine: Engine) -> None:
        """Compare after each run of the evaluator."""
        if self.saves:
            engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Compare the metric with the best one, and save the weights if it is better."""
        value = float(engine.state.metrics[self.metric])
        better = value > self.best
        if better:
            state: Any = self.network.state_dict()
            state._metadata[NOTE] = {self.metric: value, "epoch": int(engine.state.epoch)}
            save_state(state, self.path)
            self.best = value
        verdict = f"the best so far, saved to {self.path}" if better else f"best {self.best:.3f}"
        tqdm.write(f"epoch {engine.state.epoch}: {self.metric} {value:.3f}, {verdict}", file=sys.stderr)

    def state_dict(self) -> dict[str, float]:
        """The best score, for ``ResumeCheckpoint``."""
        return {"best": self.best}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Go on from the best score, or from that of the file where it is better."""
        self.best = max(self.best, state["best"])

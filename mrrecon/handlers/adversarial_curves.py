"""Curves of a training in which networks play against each other."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ignite.engine import Engine, Events

__all__ = ["AdversarialCurves"]

N_POINTS = 500
"""Most points of a curve that are kept; then neighbours are averaged, and each stands for twice as many."""


@runtime_checkable
class Steps(Protocol):
    """What makes the steps of such a training."""

    components: dict[str, float]


@runtime_checkable
class Page(Protocol):
    """What draws the curves: ``mrrecon.report.TrainingPage``."""

    def write(self, path: Path, curves: Mapping[str, list[tuple[float, float]]]) -> None:
        """Write the page."""


class AdversarialCurves:
    """Handler that follows the parts of the losses, and draws them as a page after each epoch.

    Called with the output of an iteration it gives the numbers of that iteration (an ``output_transform`` for
    TensorBoard). What it has drawn is in its ``state_dict``: a training that resumes draws on.

    Args:
        steps: what makes the steps; its ``components`` are the parts.
        path: the page, a HTML file.
        page: what draws it; None: no page.

    Example:
        >>> class Fixed:
        ...     components = {"critic": -2.0}
        >>> AdversarialCurves(Fixed(), "report.html")(None)
        {'critic': -2.0}
    """

    def __init__(self, steps: Steps, path: str | Path, *, page: Page | None = None) -> None:
        self.steps = steps
        self.path = Path(path)
        self.page = page
        self._every = 1
        self._curves: dict[str, list[tuple[float, float]]] = {}
        self._sums: dict[str, float] = {}
        self._n = 0

    def __call__(self, output: Any) -> dict[str, float]:  # noqa: ARG002 - the interface of an output_transform
        """Numbers of the iteration that was done last, by name."""
        return dict(self.steps.components)

    def attach(self, engine: Engine) -> None:
        """Follow the trainer."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._add)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._draw)

    def _add(self, engine: Engine) -> None:
        for name, value in self.steps.components.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._n += 1
        if self._n < self._every:
            return
        for name, total in self._sums.items():
            curve = self._curves.setdefault(name, [])
            curve.append((engine.state.iteration - (self._n - 1) / 2, total / self._n))
        self._sums, self._n = {}, 0
        if any(len(curve) >= N_POINTS for curve in self._curves.values()):
            self._every *= 2
            self._curves = {name: _halved(curve) for name, curve in self._curves.items()}

    def _draw(self, engine: Engine) -> None:  # noqa: ARG002 - ignite's interface
        if self.page is not None:
            self.page.write(self.path, self._curves)

    def state_dict(self) -> dict[str, Any]:
        """All curves, for ``ResumeCheckpoint``."""
        return {
            "every": self._every,
            "curves": {name: [list(point) for point in curve] for name, curve in self._curves.items()},
            "sums": dict(self._sums),
            "n": self._n,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Draw on."""
        self._every, self._n, self._sums = int(state["every"]), int(state["n"]), dict(state["sums"])
        self._curves = {
            name: [(point[0], point[1]) for point in curve] for name, curve in state["curves"].items()
        }


def _halved(curve: list[tuple[float, float]]) -> list[tuple[float, float]]:
    pairs = zip(curve[::2], curve[1::2], strict=False)
    return [((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in pairs if math.isfinite(a[1] + b[1])]

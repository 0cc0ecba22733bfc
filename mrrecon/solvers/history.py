"""What a solver did on its way: objective, stopping criterion and time of each iteration."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

__all__ = ["Callback", "History", "Recorder"]

Callback = Callable[[int, float, Tensor], None]
"""Called after each iteration with its number (from 1), the stopping criterion and the present image."""


@dataclass(frozen=True)
class History:
    """Course of a solver, one entry an iteration; entry 0 is the start.

    Of a batch of independent problems the objective is their sum and the criterion the largest of theirs.

    Args:
        objective: what is minimised; empty where a solver does not compute it.
        criterion: what the stopping rule compares with the tolerance; the solver's docstring defines it.
        seconds: since the solver began.
        converged: whether the criterion came down to the tolerance before the last iteration allowed.
        tolerance: of the stopping rule.

    Example:
        >>> history = History([2.0, 1.0], [1.0, 1e-7], [0.0, 0.1], converged=True, tolerance=1e-6)
        >>> history.iterations
        1
    """

    objective: list[float]
    criterion: list[float]
    seconds: list[float]
    converged: bool
    tolerance: float

    @property
    def iterations(self) -> int:
        """Number of iterations done."""
        return len(self.criterion) - 1


class Recorder:
    """Writes a history while a solver runs.

    Args:
        tolerance: the solver stops when its criterion is not above it.
        callback: as for the solvers, or None.

    Example:
        >>> import torch
        >>> recorder = Recorder(tolerance=0.1, callback=None)
        >>> recorder.add(torch.zeros(1), criterion=1.0), recorder.add(torch.zeros(1), criterion=0.1)
        (False, True)
        >>> recorder.history().iterations
        1
    """

    def __init__(self, *, tolerance: int | float, callback: Callback | None) -> None:
        self.tolerance = float(tolerance)
        self.callback = callback
        self.objective: list[float] = []
        self.criterion: list[float] = []
        self.seconds: list[float] = []
        self.begin = time.perf_counter()

    def add(self, x: Tensor, *, criterion: float, objective: float | None = None) -> bool:
        """Note an iteration, the first call the start; whether the criterion is met."""
        self.criterion.append(criterion)
        self.seconds.append(time.perf_counter() - self.begin)
        if objective is not None:
            self.objective.append(objective)
        if self.callback is not None and len(self.criterion) > 1:
            self.callback(len(self.criterion) - 1, criterion, x)
        return criterion <= self.tolerance

    def history(self) -> History:
        """What was noted so far."""
        converged = bool(self.criterion) and self.criterion[-1] <= self.tolerance
        return History(self.objective, self.criterion, self.seconds, converged, self.tolerance)

"""What solvers note."""

from dataclasses import FrozenInstanceError

import pytest
import torch

from mrrecon.solvers import History
from mrrecon.solvers.history import Recorder


def test_recorder_notes_and_tells_when_to_stop() -> None:
    seen: list[tuple[int, float]] = []
    recorder = Recorder(tolerance=0.1, callback=lambda i, criterion, _x: seen.append((i, criterion)))
    steps = [(3.0, 1.0), (2.0, 0.2), (1.0, 0.1)]
    stop = [recorder.add(torch.zeros(1), criterion=c, objective=f) for f, c in steps]
    history = recorder.history()
    assert stop == [False, False, True]
    assert seen == [(1, 0.2), (2, 0.1)]
    assert (history.objective, history.criterion) == ([3.0, 2.0, 1.0], [1.0, 0.2, 0.1])
    assert (history.iterations, history.converged, history.tolerance) == (2, True, 0.1)
    assert history.seconds == sorted(history.seconds)


def test_not_converged_when_the_last_criterion_is_too_large() -> None:
    recorder = Recorder(tolerance=0.1, callback=None)
    recorder.add(torch.zeros(1), criterion=0.2)
    assert not recorder.history().converged


def test_history_cannot_be_changed() -> None:
    history = History([], [1.0], [0.0], converged=False, tolerance=0.1)
    with pytest.raises(FrozenInstanceError):
        history.converged = True

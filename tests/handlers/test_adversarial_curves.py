"""Curves of an adversarial training: kept, thinned, taken up again, drawn."""

import itertools
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Engine

from mrrecon.handlers import AdversarialCurves
from mrrecon.report import TrainingPage


class Steps:
    """Steps whose critic scores the number of the iteration."""

    def __init__(self) -> None:
        self.components: dict[str, float] = {}


def followed(
    curves: AdversarialCurves,
    steps: Steps,
    *,
    n: int,
    start: int = 0,
    epochs: int = 1,
    wrong: tuple[int, ...] = (),
) -> None:
    def step(engine: Engine, _batch: Any) -> None:
        steps.components = {
            "critic": math.inf if engine.state.iteration in wrong else float(engine.state.iteration)
        }

    engine = Engine(step)
    curves.attach(engine)
    if start:
        engine.load_state_dict({"iteration": start, "epoch_length": n, "max_epochs": epochs})
    engine.run(range(n), max_epochs=epochs)


def test_each_iteration_is_a_point():
    steps = Steps()
    curves = AdversarialCurves(steps, "unused.html")
    followed(curves, steps, n=3)
    assert curves.state_dict()["curves"] == {"critic": [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]}
    assert curves(None) == {"critic": 3.0}


def test_long_curves_are_thinned_to_means_of_neighbours():
    steps = Steps()
    curves = AdversarialCurves(steps, "unused.html")
    followed(curves, steps, n=1200)
    points = curves.state_dict()["curves"]["critic"]
    assert len(points) < 500
    assert all(place == pytest.approx(value) for place, value in points)  # the mean of a line is on it
    assert points[-1][0] > 1190
    steps_between = {b[0] - a[0] for a, b in itertools.pairwise(points)}
    assert steps_between == {4.0}  # 1000 pairs of iterations are more than 500 points


def test_what_is_not_finite_is_lost_with_its_neighbour_alone():
    steps = Steps()
    curves = AdversarialCurves(steps, "unused.html")
    followed(curves, steps, n=600, wrong=(7,))
    points = curves.state_dict()["curves"]["critic"]
    assert all(math.isfinite(value) for _, value in points)
    assert len(points) == 300 - 1


def test_curves_go_on_from_a_checkpoint(tmp_path: Path):
    steps = Steps()
    curves = AdversarialCurves(steps, "unused.html")
    followed(curves, steps, n=701)
    torch.save(curves.state_dict(), tmp_path / "curves.pt")
    again, whole = (AdversarialCurves(steps, "unused.html") for _ in range(2))
    again.load_state_dict(torch.load(tmp_path / "curves.pt", weights_only=True))
    followed(again, steps, n=711, start=701)
    followed(whole, steps, n=711)
    assert again.state_dict() == whole.state_dict()


def test_the_page_is_written_after_each_epoch(tmp_path: Path):
    steps = Steps()
    page = TrainingPage({"Critics": ["critic", "not there"]}, title="A <training>")
    followed(AdversarialCurves(steps, tmp_path / "a" / "report.html", page=page), steps, n=4, epochs=2)
    text = (tmp_path / "a" / "report.html").read_text(encoding="utf-8")
    assert "A &lt;training&gt;" in text
    assert text.count('class="curve"') == 1
    assert "critic: full line" in text

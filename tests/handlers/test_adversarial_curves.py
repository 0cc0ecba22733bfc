"""Curves of an adversarial training: kept, thinned, taken up again, drawn."""

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


def followed(curves: AdversarialCurves, steps: Steps, *, n: int, start: int = 0, epochs: int = 1) -> None:
    def step(engine: Engine, _batch: Any) -> None:
        steps.components = {"critic": float(engine.state.iteration + start)}

    engine = Engine(step)
    curves.attach(engine)
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


def test_curves_go_on_from_a_checkpoint(tmp_path: Path):
    steps = Steps()
    curves = AdversarialCurves(steps, "unused.html")
    followed(curves, steps, n=700)
    torch.save(curves.state_dict(), tmp_path / "curves.pt")
    again = AdversarialCurves(steps, "unused.html")
    again.load_state_dict(torch.load(tmp_path / "curves.pt", weights_only=True))
    assert again.state_dict() == curves.state_dict()


def test_the_page_is_written_after_each_epoch(tmp_path: Path):
    steps = Steps()
    page = TrainingPage({"Critics": ["critic", "not there"]}, title="A <training>")
    followed(AdversarialCurves(steps, tmp_path / "a" / "report.html", page=page), steps, n=4, epochs=2)
    text = (tmp_path / "a" / "report.html").read_text(encoding="utf-8")
    assert "A &lt;training&gt;" in text
    assert text.count('class="curve"') == 1
    assert "critic: full line" in text

import pytest
import torch
from ignite.engine import Engine
from monai.engines.utils import IterationEvents
from torch import nn

from mrrecon.handlers import ClipGradients


def after_backward(engine: Engine, batch: int) -> None:  # noqa: ARG001 - ignite's interface
    engine.fire_event(IterationEvents.BACKWARD_COMPLETED)


def length_after(gradient: float) -> float:
    network = nn.Linear(3, 1, bias=False)
    engine = Engine(after_backward)
    engine.register_events(*IterationEvents)
    ClipGradients(network, max_norm=2.0).attach(engine)
    network.weight.grad = torch.full((1, 3), gradient)
    engine.run([0])
    return float(network.weight.grad.norm())


def test_a_long_gradient_is_cut_and_a_short_one_stays() -> None:
    assert length_after(5.0) == pytest.approx(2.0)
    assert length_after(0.5) == pytest.approx(0.75**0.5)

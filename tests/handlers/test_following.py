"""The handlers by which one follows a training: seeds, finite loss, scalars, progress."""

import random

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from torch import nn

from mrrecon.handlers import FiniteLoss, Progress, SeedIterations, TrainingScalars
from mrrecon.losses import VQVAELoss
from mrrecon.networks import MultiLevelVQVAE


def drawn(seed: int, *, disturb: bool = False) -> list[tuple[float, ...]]:
    draws = []

    def step(_engine: Engine, _batch: int) -> None:
        draws.append((random.random(), np.random.rand(), torch.rand(()).item()))  # noqa: NPY002
        if disturb:
            torch.rand(5)

    engine = Engine(step)
    SeedIterations(seed).attach(engine)
    engine.run(range(3))
    return draws


def test_random_numbers_of_an_iteration_do_not_depend_on_what_came_before() -> None:
    assert drawn(0) == drawn(0, disturb=True)


def test_iterations_and_seeds_differ() -> None:
    assert len({*drawn(0), *drawn(1)}) == 6


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_ends_the_training(value: float) -> None:
    engine = Engine(lambda _engine, batch: {"loss": torch.tensor(batch)})
    FiniteLoss().attach(engine)
    with pytest.raises(FloatingPointError, match="in iteration 2"):
        engine.run([1.0, value, 1.0])


def test_scalars_name_each_addend_and_each_codebook() -> None:
    network = MultiLevelVQVAE(channels=(2, 2, 2, 2, 2, 2, 2), code_channels=(2, 2, 2), n_codes=4)
    loss = VQVAELoss(nn.L1Loss())
    optimizer = torch.optim.Adam(network.parameters(), lr=0.25)
    loss.components = {"reconstruction": torch.tensor(1.0), "commitment": torch.tensor(0.5)}
    scalars = TrainingScalars(network, loss, optimizer)({"loss": torch.tensor(1.5, requires_grad=True)})
    assert scalars == {
        "loss/total": 1.5,
        "loss/reconstruction": 1.0,
        "loss/commitment": 0.5,
        **{f"perplexity/level_{level}": 1.0 for level in (1, 2, 3)},
        "learning_rate": 0.25,
    }


def test_progress_names_epoch_iteration_and_loss(capsys: pytest.CaptureFixture[str]) -> None:
    engine = Engine(lambda _engine, batch: {"loss": torch.tensor(float(batch))})
    Progress().attach(engine)
    engine.run([1, 2, 3, 4], max_epochs=2)
    shown = capsys.readouterr().err
    assert "epoch 2/2" in shown
    assert "4/4" in shown
    assert "loss 4" in shown

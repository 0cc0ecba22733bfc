import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Engine, Events
from torch import nn

from mrrecon.handlers import ResumeCheckpoint, read_state
from mrrecon.handlers import resume as module


class Kill(BaseException):
    """The end of the process, as far as a handler can see."""


def training(
    folder: Path, *, max_epochs: int = 3, kill_at: tuple[str, int] | None = None, **options: Any
) -> nn.Linear:
    """Three iterations an epoch, each a random step; validation moves the weights too, so that it counts."""
    torch.manual_seed(0)
    network = nn.Linear(1, 2, bias=False)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1)

    def step(engine: Engine, _batch: int) -> None:
        torch.manual_seed(engine.state.iteration)
        optimizer.zero_grad()
        (network.weight * torch.randn(2, 1)).sum().backward()
        optimizer.step()

    engine = Engine(step)
    engine.state.max_epochs, engine.state.epoch_length = max_epochs, 3

    def kill(engine: Engine) -> None:
        if kill_at is not None and engine.state.iteration == kill_at[1]:
            raise Kill

    @engine.on(Events.EPOCH_COMPLETED)
    def validate(_engine: Engine) -> None:
        nn.init.constant_(network.weight[1], network.weight[1].item() + 1)

    objects = {"network": network, "optimizer": optimizer}
    if kill_at is not None and kill_at[0] == "before":
        engine.add_event_handler(Events.EPOCH_COMPLETED, kill)
    ResumeCheckpoint(folder / "checkpoint.pt", objects, **{"every": 1, **options}).attach(engine)
    if kill_at is not None and kill_at[0] == "iteration":
        engine.add_event_handler(Events.ITERATION_COMPLETED, kill)
    engine.run(range(3), max_epochs=max_epochs)
    return network


@pytest.mark.parametrize("every", [0, 1, 2])
@pytest.mark.parametrize("when", [("iteration", 1), ("iteration", 4), ("iteration", 6), ("before", 6)])
def test_a_training_cut_off_anywhere_ends_with_the_same_bits(
    tmp_path: Path, when: tuple[str, int], every: int
) -> None:
    whole = training(tmp_path / "whole")
    with pytest.raises(Kill):
        training(tmp_path / "cut", kill_at=when, every=every)
    assert torch.equal(training(tmp_path / "cut", every=every).weight, whole.weight)


def test_there_is_a_checkpoint_before_the_first_iteration_ends(tmp_path: Path) -> None:
    with pytest.raises(Kill):
        training(tmp_path, kill_at=("iteration", 1), every=0)
    assert read_state(tmp_path / "checkpoint.pt")["iteration"] == 0


def test_a_finished_training_goes_on_when_it_may_last_longer(tmp_path: Path) -> None:
    training(tmp_path / "a", max_epochs=1)
    longer = training(tmp_path / "a", max_epochs=3)
    assert torch.equal(longer.weight, training(tmp_path / "b", max_epochs=3).weight)


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    training(tmp_path, settings={"seed": 1})
    with pytest.raises(ValueError, match=r"seed=1, now it is 2: give another output_dir"):
        training(tmp_path, settings={"seed": 2})


def test_a_checkpoint_is_not_overwritten_by_a_new_training(tmp_path: Path) -> None:
    training(tmp_path)
    with pytest.raises(FileExistsError, match="another output_dir"):
        training(tmp_path, resume=False)


def test_only_one_process_saves(tmp_path: Path) -> None:
    training(tmp_path, saves=False)
    assert not (tmp_path / "checkpoint.pt").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_lets_the_iteration_end_and_saves(tmp_path: Path, number: signal.Signals) -> None:
    def step(engine: Engine, _batch: int) -> None:
        if engine.state.iteration == 2:
            os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    engine = Engine(step)
    engine.state.max_epochs, engine.state.epoch_length = 1, 3
    ResumeCheckpoint(tmp_path / "checkpoint.pt", {}).attach(engine)
    with pytest.raises(SystemExit) as end:
        engine.run(range(3), max_epochs=1)
    assert end.value.code == 128 + number
    assert read_state(tmp_path / "checkpoint.pt")["iteration"] == 2
    assert signal.getsignal(number) is before


def test_signals_are_as_before_when_the_training_ends(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    training(tmp_path)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_negative_interval_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="every=-1"):
        module.ResumeCheckpoint(tmp_path / "checkpoint.pt", {}, every=-1)

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from mrrecon.engines import distribute, join_processes, local_device
from mrrecon.losses import BaurLoss


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[None]:
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def test_a_single_process_trains_the_module_itself() -> None:
    network = nn.Linear(2, 2)
    assert distribute(network, "cpu") is network


@pytest.mark.usefixtures("alone")
def test_joined_processes_average_the_gradients_of_a_network() -> None:
    assert isinstance(distribute(nn.Linear(2, 2), "cpu"), DistributedDataParallel)


@pytest.mark.usefixtures("alone")
def test_a_loss_without_parameters_is_not_wrapped() -> None:
    loss = BaurLoss()
    assert distribute(loss, "cpu") is loss


def test_joining_without_torchrun_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with pytest.raises(RuntimeError, match=r"torch\.distributed\.run"):
        join_processes(torch.device("cpu"))


def test_a_process_takes_the_gpu_of_its_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert local_device() == torch.device("cuda", 3)

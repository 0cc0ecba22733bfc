from pathlib import Path

import pytest
import torch
from ignite.engine import Engine
from torch import nn

from mrrecon.handlers import StartFrom, save_state


def trained(weights: int = 1) -> tuple[nn.Module, torch.optim.Optimizer]:
    network = nn.Linear(2, weights)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1)
    network(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return network, optimizer


def start(handler: StartFrom) -> None:
    engine = Engine(lambda _engine, _batch: None)
    handler.attach(engine)
    engine.run([0])


def test_weights_and_moments_are_taken_over_but_not_the_step_size(tmp_path: Path) -> None:
    given, given_optimizer = trained()
    state = {"network": given.state_dict(), "optimizer": given_optimizer.state_dict()}
    save_state(state, tmp_path / "file.pt")
    network = nn.Linear(2, 1)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.03)
    start(StartFrom(tmp_path / "file.pt", network, optimizer, moments=True))
    moments = optimizer.state[network.weight]["exp_avg"]
    assert torch.equal(network.weight, given.weight)
    assert torch.equal(moments, given_optimizer.state[given.weight]["exp_avg"])
    assert optimizer.param_groups[0]["lr"] == 0.03


def test_weights_alone_do_where_the_optimiser_starts_anew(tmp_path: Path) -> None:
    given, _ = trained()
    save_state(given.state_dict(), tmp_path / "file.pt")
    network, optimizer = trained()
    start(StartFrom(tmp_path / "file.pt", network, optimizer))
    assert torch.equal(network.weight, given.weight)


def test_weights_alone_are_refused_where_moments_are_wanted(tmp_path: Path) -> None:
    network, optimizer = trained()
    save_state(network.state_dict(), tmp_path / "file.pt")
    with pytest.raises(ValueError, match="holds weights alone"):
        start(StartFrom(tmp_path / "file.pt", network, optimizer, moments=True))


def test_the_optimiser_of_another_loss_is_refused(tmp_path: Path) -> None:
    network, optimizer = trained()
    save_state({"network": network.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "file.pt")
    other = torch.optim.Adam(
        [{"params": network.parameters()}, {"params": [torch.zeros(1, requires_grad=True)]}]
    )
    with pytest.raises(ValueError, match="another loss"):
        start(StartFrom(tmp_path / "file.pt", network, other, moments=True))

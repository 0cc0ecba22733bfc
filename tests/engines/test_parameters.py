import torch
from torch import nn

from mrrecon.engines import parameter_groups
from mrrecon.losses import AdaptiveLoss, BaurLoss


def test_a_loss_without_parameters_has_no_group() -> None:
    groups = parameter_groups(nn.Linear(3, 2), BaurLoss())
    assert [len(group["params"]) for group in groups] == [2]


def test_the_parameters_of_a_loss_are_optimised_too() -> None:
    network, loss = nn.Linear(3, 2), AdaptiveLoss(granularity="shared")
    optimizer = torch.optim.Adam(parameter_groups(network, loss), lr=0.1)
    optimised = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert optimised == {id(p) for p in [*network.parameters(), *loss.parameters()]}
    assert [group["eps"] for group in optimizer.param_groups] == [1e-8, 1e-15]

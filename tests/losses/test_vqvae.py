"""Reconstruction loss and commitment in one."""

import pytest
import torch
from torch import nn

from mrrecon.losses import AdaptiveLoss, BaurLoss, VQVAELoss, baur_loss

SHAPE = (1, 1, 4, 4, 4)


def test_is_the_sum_of_both() -> None:
    pred, target = torch.rand(2, *SHAPE)
    loss = VQVAELoss(BaurLoss())((pred, torch.tensor(0.5)), target)
    assert loss.item() == pytest.approx(baur_loss(pred, target).item() + 0.5)


def test_evaluation_output_has_no_commitment() -> None:
    loss = VQVAELoss(nn.MSELoss())
    assert loss(torch.ones(SHAPE), torch.zeros(SHAPE)).item() == 1.0
    assert set(loss.components) == {"reconstruction"}


def test_gradient_reaches_both() -> None:
    pred, commitment = torch.ones(SHAPE, requires_grad=True), torch.tensor(1.0, requires_grad=True)
    VQVAELoss(nn.MSELoss())((pred, commitment), torch.zeros(SHAPE)).backward()
    assert commitment.grad == 1
    torch.testing.assert_close(pred.grad, torch.full(SHAPE, 2 / 64))


def test_components_are_those_of_the_last_call_and_detached() -> None:
    loss = VQVAELoss(nn.MSELoss())
    pred = torch.ones(SHAPE, requires_grad=True)
    loss((pred, pred.sum()), torch.zeros(SHAPE))
    assert {name: part.item() for name, part in loss.components.items()} == {
        "reconstruction": 1.0,
        "commitment": 64.0,
    }
    assert not any(part.requires_grad for part in loss.components.values())


def test_state_and_parameters_are_those_of_the_reconstruction_loss() -> None:
    assert set(VQVAELoss(BaurLoss()).state_dict()) == {"reconstruction.iteration"}
    names = {name for name, _ in VQVAELoss(AdaptiveLoss()).named_parameters()}
    assert names == {"reconstruction.latent_alpha", "reconstruction.latent_scale"}

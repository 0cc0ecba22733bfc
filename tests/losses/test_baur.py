"""Norms of the error and of its gradient, and the ramp of their weight."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from mrrecon.losses import BaurLoss, GradientRamp, baur_loss

SHAPE = (2, 1, 5, 4, 6)


def numpy_baur(pred: Tensor, target: Tensor, weight: float, reduction: str) -> float:
    """Equation 2, one sample after the other, with the last difference of each axis left out."""
    totals = []
    for error in (pred - target).detach().double().numpy():
        total = 0.0
        for axis in (None, 1, 2, 3):
            values = (error if axis is None else np.diff(error, axis=axis)).ravel()
            l1, l2 = np.abs(values).sum(), np.sqrt((values**2).sum())
            if reduction == "mean":
                l1, l2 = l1 / values.size, l2 / math.sqrt(values.size)
            total += (1.0 if axis is None else weight) * (l1 + l2)
        totals.append(total)
    return float(np.sum(totals) if reduction == "sum" else np.mean(totals))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("weight", [0.0, 1.0, 2.5])
def test_equals_equation_2(reduction: str, weight: float) -> None:
    pred, target = torch.randn(SHAPE), torch.randn(SHAPE)
    loss = baur_loss(pred, target, gradient_weight=weight, reduction=reduction)
    assert loss.item() == pytest.approx(numpy_baur(pred, target, weight, reduction), rel=1e-6)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_zero_at_equality_with_a_gradient_of_zero(reduction: str) -> None:
    pred = torch.rand(SHAPE, requires_grad=True)
    loss = baur_loss(pred, pred.detach().clone(), reduction=reduction)
    loss.backward()
    assert loss.item() == 0
    assert pred.grad is not None
    assert torch.equal(pred.grad, torch.zeros(SHAPE))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_gradient_is_that_of_the_loss(reduction: str) -> None:
    pred, target = torch.randn(2, *SHAPE, dtype=torch.float64)
    pred.requires_grad_()
    target.requires_grad_()
    assert torch.autograd.gradcheck(lambda p, t: baur_loss(p, t, reduction=reduction), (pred, target))


def test_equal_sample_beside_an_unequal_one_has_a_finite_gradient() -> None:
    pred = torch.zeros(SHAPE, requires_grad=True)
    target = torch.zeros(SHAPE)
    target[1] = torch.rand(SHAPE[1:])
    (grad,) = torch.autograd.grad(baur_loss(pred, target), pred)
    assert torch.equal(grad[0], torch.zeros(SHAPE[1:]))
    assert grad[1].isfinite().all()


def test_mean_does_not_depend_on_the_size_of_image_and_batch() -> None:
    # A slope of 0.1 a voxel along each axis: the gradient terms are 3 (0.1 + 0.1).
    for size in (4, 8):
        x = sum(torch.meshgrid(*3 * [0.1 * torch.arange(size)], indexing="ij"))
        error = torch.as_tensor(x).expand(size, 1, size, size, size)
        zero = torch.zeros_like(error)
        gradient = baur_loss(error, zero) - baur_loss(error, zero, gradient_weight=0.0)
        assert gradient.item() == pytest.approx(0.6, rel=1e-5)


def test_an_axis_of_one_voxel_has_no_gradient() -> None:
    pred = torch.full((1, 1, 1, 1, 1), 3.0)
    assert baur_loss(pred, torch.zeros_like(pred)).item() == 6.0


def test_large_image_is_summed_exactly() -> None:
    error = torch.full((1, 1, 128, 256, 128), 0.1)
    loss = baur_loss(error, torch.zeros_like(error), gradient_weight=0.0)
    assert loss.item() == pytest.approx(0.2, rel=1e-6)


def test_half_precision_is_measured_in_single() -> None:
    pred = torch.rand(SHAPE).bfloat16().requires_grad_()
    target = torch.rand(SHAPE)
    loss = baur_loss(pred, target)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(baur_loss(pred.detach().float(), target).item())
    assert torch.autograd.grad(loss, pred)[0].dtype == torch.bfloat16


def test_ramp_of_the_paper_starts_at_100000_and_ends_at_150000() -> None:
    iterations = [0, 100_000, 109_999, 110_000, 119_999, 120_000, 149_999, 150_000, 10**9]
    assert [GradientRamp().weight(i) for i in iterations] == [0, 0, 0, 1, 1, 2, 4, 5, 5]


def test_ramp_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        GradientRamp().start = 0  # type: ignore[misc]


def test_ramp_moves_in_training_mode_only() -> None:
    loss = BaurLoss(ramp=GradientRamp(start=0, every=1))
    x = torch.rand(SHAPE)
    loss.eval()(x, x)
    assert loss.iteration == 0
    loss.train()(x, x)
    assert loss.iteration == 1


def test_ramp_multiplies_the_gradient_weight() -> None:
    loss = BaurLoss(0.5, ramp=GradientRamp(start=1, every=1, maximum=2.0))
    pred, target = torch.rand(2, *SHAPE)
    for weight in (0.0, 0.0, 0.5, 1.0, 1.0):
        assert torch.equal(loss(pred, target), baur_loss(pred, target, gradient_weight=weight))


def test_resumed_loss_finds_its_place_on_the_ramp() -> None:
    ramp = GradientRamp(start=2, every=2)
    pred, target = torch.rand(2, *SHAPE)
    undisturbed, stopped = BaurLoss(ramp=ramp), BaurLoss(ramp=ramp)
    losses = [undisturbed(pred, target).item() for _ in range(8)]
    first = [stopped(pred, target).item() for _ in range(5)]
    resumed = BaurLoss(ramp=ramp)
    resumed.load_state_dict(stopped.state_dict())
    assert first + [resumed(pred, target).item() for _ in range(3)] == losses


@pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf])
def test_bad_gradient_weight_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="gradient_weight="):
        BaurLoss(weight)


@pytest.mark.parametrize("arguments", [{"start": -1}, {"every": 0}, {"maximum": -1.0}, {"maximum": math.nan}])
def test_bad_ramp_is_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        GradientRamp(**arguments)  # type: ignore[arg-type]

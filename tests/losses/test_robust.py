"""The general robust loss: its named members, its limits, its gradients."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from mrrecon.losses import robust_loss

X = torch.cat([torch.linspace(-6, 6, 49, dtype=torch.float64), torch.tensor([1e-9, 1e-3, 1e3]).double()])

MEMBERS = {
    "squares": (2.0, lambda z: z**2 / 2),
    "charbonnier": (1.0, lambda z: np.sqrt(z**2 + 1) - 1),
    "cauchy": (0.0, lambda z: np.log1p(z**2 / 2)),
    "geman-mcclure": (-2.0, lambda z: 2 * z**2 / (z**2 + 4)),
    "welsch": (-math.inf, lambda z: 1 - np.exp(-(z**2) / 2)),
    "quartic": (4.0, lambda z: ((z**2 / 2 + 1) ** 2 - 1) / 2),
}


def equation_3(x: Tensor, alpha: float, scale: float) -> np.ndarray:
    b = abs(alpha - 2)
    return b / alpha * (((x.numpy() / scale) ** 2 / b + 1) ** (alpha / 2) - 1)


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_members_of_the_family(name: str, dtype: torch.dtype, rtol: float) -> None:
    alpha, member = MEMBERS[name]
    expected = torch.as_tensor(member(X.numpy() / 1.5))
    loss = robust_loss(X.to(dtype), alpha, 1.5)
    assert loss.dtype == dtype
    torch.testing.assert_close(loss.double(), expected, rtol=rtol, atol=1e-15 if rtol < 1e-6 else 1e-12)


@pytest.mark.parametrize("alpha", [-8.0, -0.5, 0.001, 0.5, 1.5, 1.999, 2.5])
def test_equals_equation_3(alpha: float) -> None:
    expected = torch.as_tensor(equation_3(X, alpha, 0.7))
    torch.testing.assert_close(robust_loss(X, alpha, 0.7), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("centre", [0.0, 2.0, -math.inf])
def test_no_jump_at_the_special_cases(centre: float) -> None:
    near = -1e9 if centre < -1 else centre
    special = robust_loss(X, centre)
    for alpha in (near - 1e-9, near + 1e-9):
        torch.testing.assert_close(robust_loss(X, alpha), special, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("alpha", [-1e6, -2.0, -1e-4, 0.0, 1e-4, 0.1, 1.0, 1.9, 1.999, 2.001, 3.0])
def test_gradients_are_those_of_the_loss(alpha: float) -> None:
    x = torch.tensor([-4.0, -0.5, 0.0, 1e-3, 0.3, 2.0], dtype=torch.float64, requires_grad=True)
    alphas = torch.full((6,), alpha, dtype=torch.float64, requires_grad=True)
    scale = torch.full((6,), 0.8, dtype=torch.float64, requires_grad=True)
    # Finite differences by alpha need steps far below the distance to 2, where the slope diverges.
    assert torch.autograd.gradcheck(robust_loss, (x, alphas, scale), eps=1e-6, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("alpha", [2.0, -math.inf])
def test_gradients_by_x_and_scale_at_the_limits(alpha: float) -> None:
    x = torch.tensor([-4.0, -0.5, 0.0, 2.0], dtype=torch.float64, requires_grad=True)
    scale = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, scale: robust_loss(x, alpha, scale), (x, scale), eps=1e-6)


@pytest.mark.parametrize("alpha", [-math.inf, -2.0, 0.0, 1e-7, 1.0, 1.999, 2.0 - 1e-6, 2.0, 2.0 + 1e-6])
def test_single_precision_gradients_agree_with_double(alpha: float) -> None:
    grads = []
    for dtype in (torch.float64, torch.float32):
        x = torch.tensor([-1e4, -3.0, -1e-4, 0.0, 0.7], dtype=dtype, requires_grad=True)
        shape = torch.tensor(alpha, dtype=torch.float32).to(dtype).expand(5).clone().requires_grad_()
        robust_loss(x, shape, 0.5).sum().backward()
        grads.append(torch.stack([x.grad, shape.grad]).double())
    within = 2e-2 if 0 < abs(alpha - 2) < 1e-5 or alpha == 2 else 1e-4
    torch.testing.assert_close(grads[1][0], grads[0][0], rtol=1e-5, atol=1e-6)
    if alpha != 2.0:  # the slope diverges there, and its cut depends on the precision
        torch.testing.assert_close(grads[1][1], grads[0][1], rtol=within, atol=1e-6)
    assert grads[1].isfinite().all()


def test_gradients_are_summed_over_broadcast_axes() -> None:
    x = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    alpha = torch.tensor([[0.5], [1.0], [1.5]], dtype=torch.float64, requires_grad=True)
    scale = torch.tensor([0.5, 1.0, 1.5, 2.0], dtype=torch.float64, requires_grad=True)
    assert robust_loss(x, alpha, scale).shape == (2, 3, 4)
    assert torch.autograd.gradcheck(robust_loss, (x, alpha, scale))


@pytest.mark.parametrize("alpha", [0.0, 1.0, 1.999, 2.0])
def test_huge_residuals_stay_finite(alpha: float) -> None:
    x = torch.tensor([1e9, 1e15], requires_grad=True)
    loss = robust_loss(x, alpha)
    loss.sum().backward()
    assert loss.isfinite().all()
    assert x.grad is not None
    assert x.grad.isfinite().all()

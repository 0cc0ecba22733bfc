"""Log-partition against closed forms and SciPy's quadrature."""

import math

import numpy as np
import pytest
import scipy.integrate
import scipy.special
import torch

from mrrecon.losses import log_partition

CLOSED = {
    0.0: math.log(math.pi * math.sqrt(2)),
    1.0: math.log(2 * math.e * scipy.special.k1(1.0)),
    2.0: 0.5 * math.log(2 * math.pi),
}


def quadrature(alpha: float) -> float:
    b = abs(alpha - 2)

    def density(x: float) -> float:
        return math.exp(-b / alpha * ((x * x / b + 1) ** (alpha / 2) - 1))

    # Substituted by x = sinh(s): tails of small alpha reach to 1e20. They are below 1e-17 there.
    half, _ = scipy.integrate.quad(
        lambda s: density(math.sinh(s)) * math.cosh(s), 0, 46, limit=500, epsabs=1e-12, epsrel=1e-12
    )
    return math.log(2 * half)


@pytest.mark.parametrize("alpha", CLOSED)
def test_closed_forms(alpha: float) -> None:
    assert log_partition(torch.tensor(alpha).double()).item() == pytest.approx(CLOSED[alpha], abs=1e-10)


@pytest.mark.parametrize(
    ("low", "high", "atol"), [(1e-3, 1.999, 1e-7), (1.9991, 2.0009, 2e-5), (2.001, 4.0, 1e-7)]
)
def test_equals_numerical_integration(low: float, high: float, atol: float) -> None:
    alpha = np.linspace(low, high, 60)
    expected = torch.tensor([quadrature(a) for a in alpha])
    torch.testing.assert_close(log_partition(torch.from_numpy(alpha)), expected.double(), rtol=0, atol=atol)


def test_single_precision_is_within_a_millionth() -> None:
    alpha = torch.linspace(0, 1.999, 5000)
    torch.testing.assert_close(
        log_partition(alpha).double(), log_partition(alpha.double()), rtol=0, atol=2e-6
    )


def test_gradient_is_that_of_the_spline() -> None:
    alpha = torch.rand(50, dtype=torch.float64) * 4
    assert torch.autograd.gradcheck(log_partition, (alpha.requires_grad_(),), eps=1e-7, atol=1e-5)


@pytest.mark.parametrize("alpha", [0.01, 0.5, 1.0, 1.5, 1.95, 3.0])
def test_gradient_is_minus_the_expected_slope_of_the_loss(alpha: float) -> None:
    x = torch.tensor(alpha, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(log_partition(x), x)
    expected = (quadrature(alpha + 1e-4) - quadrature(alpha - 1e-4)) / 2e-4
    assert slope.item() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("alpha", [-0.001, 4.001, math.nan])
def test_alpha_outside_of_the_table_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha="):
        log_partition(torch.tensor([1.0, alpha]))

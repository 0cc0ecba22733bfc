"""Values and proximal maps against their definitions, minimised by scipy."""

import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch
from scipy.optimize import minimize, minimize_scalar
from torch import Tensor

from mrrecon.solvers.functionals import L1, Box, Functional, GroupL1, Huber, L2Squared, NonNegative, Poisson

D = torch.float64
SMOOTH_AND_SCALAR = [
    L2Squared(0.7),
    L1(0.7),
    Huber(0.7, delta=0.4),
    Poisson(0.7),
    Poisson(0.7, background=0.3),
]
ALL = [*SMOOTH_AND_SCALAR, GroupL1(0.7, axis=0), Box(lower=-0.5, upper=0.5), NonNegative()]


def arguments(f: Functional, dtype: torch.dtype = D) -> tuple[Tensor, Tensor]:
    u, target = 2 * torch.randn(3, 20, dtype=dtype), torch.randn(3, 20, dtype=dtype)
    return (u, target.abs() * (target > 0)) if isinstance(f, Poisson) else (u, target)


@pytest.mark.parametrize("f", SMOOTH_AND_SCALAR, ids=str)
def test_prox_minimises_what_defines_it(f: Functional) -> None:
    u, target = arguments(f)
    found = f.prox(u, 0.6, target=target)
    low = 1e-12 - f.background if isinstance(f, Poisson) else -9.0
    for v, start, t in zip(found.flatten(), u.flatten(), target.flatten(), strict=True):

        def cost(z: float, start: Tensor = start, t: Tensor = t) -> float:
            z = torch.tensor([z], dtype=D)
            return float(0.6 * f.value(z, target=t[None]) + 0.5 * (z - start).square().sum())

        best = minimize_scalar(cost, bounds=(low, 9.0), method="bounded", options={"xatol": 1e-9})
        assert v.item() == pytest.approx(best.x, abs=1e-4)


@pytest.mark.parametrize("target", [None, torch.tensor([0.3, -1.0, 0.5], dtype=D)])
def test_prox_of_groups_minimises_what_defines_it(target: Tensor | None) -> None:
    u = torch.tensor([2.0, 1.0, -0.3], dtype=D)

    def cost(z: np.ndarray) -> float:
        value = GroupL1(0.7, axis=0).value(torch.from_numpy(z), target=target)
        return float(0.6 * value) + 0.5 * np.square(z - u.numpy()).sum()

    best = minimize(cost, u.numpy(), method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-14})
    found = GroupL1(0.7, axis=0).prox(u, 0.6, target=target)
    torch.testing.assert_close(found, torch.from_numpy(best.x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("f", ALL, ids=str)
@pytest.mark.parametrize("with_target", [False, True])
def test_prox_of_the_conjugate_obeys_moreau(f: Functional, with_target: bool) -> None:
    u, target = arguments(f)
    chosen = target if with_target else None
    expected = u - 0.6 * f.prox(u / 0.6, 1 / 0.6, target=chosen)
    torch.testing.assert_close(f.prox_conjugate(u, 0.6, target=chosen), expected)


@pytest.mark.parametrize("f", [L2Squared(0.7), L1(0.7), Huber(0.7, delta=0.4), GroupL1(0.7, axis=0)], ids=str)
def test_complex_numbers_keep_their_phase(f: Functional) -> None:
    u = torch.randn(1, 20, dtype=torch.complex128)
    phase = u / u.abs()
    torch.testing.assert_close(f.prox(u, 0.6), f.prox(u.abs(), 0.6) * phase)
    torch.testing.assert_close(f.prox_conjugate(u, 0.6), f.prox_conjugate(u.abs(), 0.6) * phase)
    assert f.value(u).item() == pytest.approx(f.value(u.abs()).item())


def test_values_are_those_of_the_formulas() -> None:
    u, t = torch.tensor([3.0, 0.5], dtype=D), torch.tensor([1.0, 0.0], dtype=D)
    assert L2Squared(2.0).value(u, target=t).item() == pytest.approx(4 + 0.25)
    assert L1(2.0).value(u, target=t).item() == pytest.approx(2 * 2.5)
    assert GroupL1(2.0, axis=0).value(u, target=t).item() == pytest.approx(2 * math.hypot(2.0, 0.5))
    assert Huber(2.0, delta=1.0).value(u, target=t).item() == pytest.approx(2 * (1.5 + 0.125))
    assert Poisson(2.0).value(u, target=t).item() == pytest.approx(2 * (2 - math.log(3) + 0.5))
    assert Box(lower=0.0, upper=3.0).value(u).item() == 0
    assert NonNegative().value(-u).item() == math.inf


def test_counts_where_none_can_be_are_infinitely_unlikely() -> None:
    f, one, zero = Poisson(), torch.ones(1), torch.zeros(1)
    assert f.value(zero, target=one).item() == math.inf
    assert f.value(-one, target=zero).item() == math.inf
    assert f.value(zero, target=zero).item() == 0


@pytest.mark.parametrize("f", ALL, ids=str)
def test_one_value_for_each_problem(f: Functional) -> None:
    u, target = arguments(f)
    f = GroupL1(0.7, axis=-1) if isinstance(f, GroupL1) else f
    expected = torch.stack([f.value(row, target=t) for row, t in zip(u, target, strict=True)])
    assert torch.equal(f.value(u, target=target, n_batch=1), expected)


@pytest.mark.parametrize("f", ALL, ids=str)
@pytest.mark.parametrize("step", [1e-6, 1.0, 1e6])
def test_single_precision_agrees_with_double_over_all_scales(f: Functional, step: float) -> None:
    u, target = arguments(f)
    for name in ("prox", "prox_conjugate"):
        fine = getattr(f, name)(u * step, step, target=target)
        coarse = getattr(f, name)(u.float() * step, step, target=target.float())
        torch.testing.assert_close(
            coarse.double(), fine, rtol=1e-4, atol=1e-5 * (1 + fine.abs().max().item())
        )


def test_thresholding_of_zero_is_zero() -> None:
    assert torch.equal(L1().prox(torch.zeros(2), 1.0), torch.zeros(2))
    assert torch.equal(GroupL1(axis=0).prox_conjugate(torch.zeros(2, 3), 1.0), torch.zeros(2, 3))


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: L1(0.0), "weight=0.0 must be a positive number"),
        (lambda: L2Squared(-1.0), "weight=-1.0 must be a positive number"),
        (lambda: Huber(delta=0.0), "delta=0.0 must be a positive number"),
        (lambda: Poisson(background=-1.0), "background=-1.0 must be 0 or a positive number"),
        (lambda: Box(lower=1.0, upper=0.0), r"lower=1.0 must not be above upper=0.0"),
    ],
)
def test_bad_numbers_are_refused(make: object, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        make()


def test_they_never_change() -> None:
    with pytest.raises(FrozenInstanceError):
        L1().weight = 2.0

"""Each fault that a solver can be given, in one sentence, before any work."""

from collections.abc import Callable

import pytest
import torch
from solvers.dense import Dense, Recipe
from torch import Tensor

from mrrecon.operators import CartesianSense, Fourier, Identity, LinearOperator, Mask
from mrrecon.solvers import conjugate_gradient, minimum_norm, primal_dual, sense, tikhonov, zero_filled
from mrrecon.solvers.checks import check_bounds, check_image, check_memory, check_stopping, check_weight

SOLVERS: dict[str, Callable[[LinearOperator, Tensor], object]] = {
    "conjugate_gradient": conjugate_gradient,
    "minimum_norm": minimum_norm,
    "primal_dual": lambda A, y: primal_dual(A, y, []),
    "sense": sense,
    "tikhonov": lambda A, y: tikhonov(A, y, 1.0),
    "zero_filled": zero_filled,
}
MAPS = torch.ones(3, 4, 4, dtype=torch.complex64)
HALF = torch.arange(4) % 2 == 0
FAULTS = {
    "NaN": (Identity(), torch.tensor([1.0, float("nan")]), ValueError, "y holds NaN or infinity"),
    "infinity": (Identity(), torch.tensor([1.0, -float("inf")]), ValueError, "y holds NaN or infinity"),
    "complex NaN": (Identity(), torch.tensor([1, complex(0, float("nan"))]), ValueError, "y holds NaN"),
    "zeros": (Identity(), torch.zeros(2, 3), ValueError, "y is zero everywhere"),
    "nothing": (Identity(), torch.zeros(0, 3), ValueError, r"y of shape \(0, 3\) is empty"),
    "integers": (Identity(), torch.ones(3, dtype=torch.int64), TypeError, "y"),
    "wrong length": (
        Dense(torch.ones(3, 2)),
        torch.ones(4),
        ValueError,
        r"y of shape \(4,\) is no measurement",
    ),
    "too few coils": (CartesianSense(HALF, MAPS), torch.ones(2, 4, 4) + 0j, ValueError, r"\(2, 4, 4\)"),
    "real k-space": (CartesianSense(HALF, MAPS), torch.ones(3, 4, 4), TypeError, "complex"),
    "real Fourier": (Fourier((-1,)), torch.ones(4), TypeError, "complex"),
    "real matrix": (Dense(torch.ones(3, 2) + 0j), torch.ones(3), ValueError, "is no measurement of A"),
    "other mask": (Mask(HALF), (~HALF).float(), ValueError, "sees nothing of y: is its mask empty, or not"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", SOLVERS)
def test_faults_are_told_in_one_sentence(fault: str, name: str) -> None:
    A, y, kind, match = FAULTS[fault]
    with pytest.raises(kind, match=match):
        SOLVERS[name](A, y)


def test_operator_that_makes_complex_of_real_wants_complex() -> None:
    A = Recipe(lambda x: x.real, lambda y: y + 0j)
    with pytest.raises(
        TypeError, match=r"y is real \(torch.float32\) where A = Recipe measures complex numbers"
    ):
        conjugate_gradient(A, torch.ones(3))


def test_empty_mask_is_refused_by_its_operator() -> None:
    with pytest.raises(ValueError, match="mask"):
        CartesianSense(torch.zeros(4, dtype=torch.bool), MAPS)


def test_the_problem_at_fault_is_named() -> None:
    y = torch.ones(2, 3, 4)
    y[1, 2] = 0
    with pytest.raises(ValueError, match=r"y\[1, 2\] is zero everywhere"):
        conjugate_gradient(Identity(), y, n_batch=2)
    with pytest.raises(ValueError, match=r"sees nothing of y\[1\]"):
        conjugate_gradient(Mask(HALF), torch.stack([torch.ones(4), (~HALF).float()]), n_batch=1)


def test_batch_axes_must_leave_a_measurement() -> None:
    with pytest.raises(ValueError, match="n_batch=2 must be from 0 to 1"):
        conjugate_gradient(Identity(), torch.ones(2, 3), n_batch=2)
    A = Recipe(lambda x: x.expand(3, 4), lambda y: y.sum(0))
    with pytest.raises(ValueError, match="n_batch=1 counts axes of y"):
        conjugate_gradient(A, torch.ones(3, 4), n_batch=1)


def test_faults_are_found_before_any_work() -> None:
    def work(_: Tensor) -> Tensor:
        raise AssertionError("the operator was used")

    with pytest.raises(ValueError, match="zero everywhere"):
        conjugate_gradient(Recipe(work, work), torch.zeros(3))


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_weights_that_are_none(weight: float) -> None:
    with pytest.raises(ValueError, match=f"weight={weight} must be 0 or a positive number"):
        conjugate_gradient(Identity(), torch.ones(3), weight=weight)
    with pytest.raises(ValueError, match=f"lam={weight} must be a positive number"):
        check_weight(weight, name="lam")


def test_regulariser_without_weight_is_a_mistake() -> None:
    for name in ("regulariser", "centre"):
        given = {name: Identity() if name == "regulariser" else torch.ones(3)}
        with pytest.raises(ValueError, match=f"{name} is given but weight=0.0"):
            conjugate_gradient(Identity(), torch.ones(3), **given)


def test_warm_starts_must_be_like_the_image() -> None:
    image = torch.zeros(3)
    with pytest.raises(ValueError, match=r"initial must have the image's shape \(3,\), got \(4,\)"):
        check_image(torch.zeros(4), image)
    with pytest.raises(TypeError, match=r"initial must be of .*float32 as the image is, got"):
        check_image(torch.zeros(3, dtype=torch.float64), image)
    with pytest.raises(ValueError, match="initial holds NaN or infinity"):
        check_image(torch.full([3], float("nan")), image)


@pytest.mark.parametrize(("tolerance", "most"), [(-1.0, 5), (float("nan"), 5), (float("inf"), 5), (1.0, 0)])
def test_stopping_rules_that_are_none(tolerance: float, most: int) -> None:
    with pytest.raises(ValueError, match="max_iterations=0" if most == 0 else f"tolerance={tolerance}"):
        check_stopping(tolerance, most)


def test_bounds() -> None:
    check_bounds(None, None, is_complex=True)
    check_bounds(1.0, 1.0, is_complex=False)
    for low, high in ((1.0, 0.0), (float("nan"), None)):
        with pytest.raises(ValueError, match="must not be above"):
            check_bounds(low, high, is_complex=False)
    with pytest.raises(TypeError, match="bound real images only"):
        check_bounds(0.0, None, is_complex=True)


def test_memory_too_short() -> None:
    image = torch.zeros(1024, dtype=torch.complex64)
    check_memory(image, copies=2.0, available=2 * 8 * 1024)
    with pytest.raises(
        ValueError, match=r"\(1024,\) and torch.complex64 needs about 1.53e-05 GiB .* 1.52e-05 GiB are"
    ):
        check_memory(image, copies=2.0, available=2 * 8 * 1024 - 100)


@pytest.mark.parametrize("name", SOLVERS)
def test_memory_is_asked_for_before_the_work(name: str) -> None:
    # Repeated without being stored.
    with pytest.raises(ValueError, match=r"a measurement of shape .* needs about .* GiB of memory here, and"):
        SOLVERS[name](Identity(), torch.ones(1).expand(10**16))
    A = Recipe(lambda x: x, lambda y: y.sum().expand(10**16))
    with pytest.raises(ValueError, match=r"an image of shape .* needs about .* GiB of memory here, and"):
        SOLVERS[name](A, torch.ones(3))

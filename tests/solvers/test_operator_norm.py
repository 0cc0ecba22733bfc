"""Estimates of the spectral norm against singular values."""

import pytest
import torch
from solvers.dense import DTYPES, Dense, problem

from mrrecon.operators import FiniteDifference, Identity
from mrrecon.solvers import operator_norm


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(20, 30), (30, 20), (1, 5), (5, 1)])
def test_not_below_the_largest_singular_value_and_not_far_above(
    dtype: torch.dtype, shape: tuple[int, int]
) -> None:
    A, _ = problem(*shape, dtype=dtype)
    exact = torch.linalg.matrix_norm(A.matrix, 2).item()
    norm = operator_norm(A, torch.zeros(shape[1], dtype=dtype)).item()
    assert exact * (1 - 1e-5) <= norm <= exact * 1.03


@pytest.mark.parametrize("seed", range(5))
def test_clustered_singular_values_are_bounded_all_the_same(seed: int) -> None:
    values = torch.linspace(0.9, 1.0, 300, dtype=torch.float64)
    start = torch.Generator().manual_seed(seed)
    norm = operator_norm(Dense(values.diag()), torch.zeros(300, dtype=torch.float64), generator=start)
    assert 1.0 <= norm.item() <= 1.03


def test_gradient_of_an_image() -> None:
    x = torch.zeros(32, 32)
    assert operator_norm(FiniteDifference(2), x).item() == pytest.approx(8**0.5)
    assert operator_norm(FiniteDifference(2), x, use_bound=False).item() == pytest.approx(8**0.5, rel=0.02)


def test_bound_is_taken_where_there_is_one_and_caps_the_estimate() -> None:
    class Bounded(Dense):
        norm_bound = 0.5

    A, x = Bounded(torch.eye(3)), torch.zeros(3)
    assert operator_norm(A, x).item() == 0.5
    assert operator_norm(A, x, use_bound=False).item() == 0.5


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_scale_does_not_matter(scale: float) -> None:
    A, _ = problem(20, 30, dtype=torch.float32)
    x = torch.zeros(30)
    norm = operator_norm(Dense(scale * A.matrix), x).item()
    assert norm == pytest.approx(scale * operator_norm(A, x).item(), rel=1e-3)


def test_zero_operator() -> None:
    assert operator_norm(Dense(torch.zeros(2, 3)), torch.zeros(3)).item() == 0


def test_batch_equals_loop() -> None:
    A, _ = problem(20, 30, batch=(2, 2))
    A.matrix[1, 1, 0] *= 1000
    norms = operator_norm(A, torch.zeros(2, 2, 30, dtype=torch.float64), n_batch=2)
    assert norms.shape == (2, 2)
    exact = torch.linalg.matrix_norm(A.matrix, 2)
    assert bool(((norms >= exact) & (norms <= 1.03 * exact)).all())
    alone = [[operator_norm(Dense(M), torch.zeros(30, dtype=M.dtype)) for M in row] for row in A.matrix]
    torch.testing.assert_close(norms, torch.stack([torch.stack(row) for row in alone]))


def test_same_twice_and_another_with_another_seed() -> None:
    A, _ = problem(20, 30)
    x = torch.zeros(30, dtype=torch.float64)
    assert operator_norm(A, x) == operator_norm(A, x)
    other = operator_norm(A, x, generator=torch.Generator().manual_seed(7))
    assert other != operator_norm(A, x)


def test_numbers_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match=r"tolerance=0\.0 must be positive"):
        operator_norm(Identity(), torch.zeros(3), tolerance=0.0)
    with pytest.raises(ValueError, match="max_iterations=0 must be at least 1"):
        operator_norm(Identity(), torch.zeros(3), max_iterations=0)

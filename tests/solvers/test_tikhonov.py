"""Tikhonov's regularisation against linear algebra, and its way through the Fourier transform."""

import pytest
import torch
from solvers.dense import DTYPES, Dense, Recipe, problem
from torch import Tensor

from mrrecon.operators import FiniteDifference, Fourier, Identity, LinearOperator, Mask
from mrrecon.solvers import tikhonov

FINE = {"rtol": 1e-4, "atol": 1e-5}


def as_matrix(A: LinearOperator, like: Tensor) -> Tensor:
    """Columns: what becomes of each voxel alone."""
    voxels = torch.eye(like.numel(), dtype=like.dtype).reshape(-1, *like.shape)
    return torch.stack([A(voxel).flatten() for voxel in voxels], -1)


def solution(A: LinearOperator, y: Tensor, weight: float, K: LinearOperator, like: Tensor) -> Tensor:
    M, G = as_matrix(A, like), as_matrix(K, like)
    return torch.linalg.solve(M.mH @ M + weight * G.mH @ G, M.mH @ y.flatten()).reshape(like.shape)


def circular_mean() -> Recipe:
    return Recipe(
        lambda x: (x + x.roll(1, -1) + x.roll(1, -2)) / 3, lambda y: (y + y.roll(-1, -1) + y.roll(-1, -2)) / 3
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_small_images(dtype: torch.dtype) -> None:
    A, y = problem(5, 8, dtype=dtype)
    x, _ = tikhonov(A, y, 0.5)
    torch.testing.assert_close(x, solution(A, y, 0.5, Identity(), torch.zeros(8, dtype=dtype)), **FINE)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("boundary", ["periodic", "reflect"])
def test_smooth_images(dtype: torch.dtype, boundary: str) -> None:
    A, K, y = circular_mean(), FiniteDifference(2, boundary), torch.randn(6, 5, dtype=dtype)
    x, history = tikhonov(A, y, 0.5, operator=K, tolerance=3e-6)
    torch.testing.assert_close(x, solution(A, y, 0.5, K, y), **FINE)
    assert (history.iterations == 1) == (boundary == "periodic")


@pytest.mark.parametrize("n_batch", [0, 1])
def test_one_coil_takes_one_iteration_whatever_the_mask(n_batch: int) -> None:
    mask = torch.tensor([True, True, False, True, False, False])
    A, y = Mask(mask) @ Fourier((-1,)), torch.randn(3, 6, dtype=torch.complex128)
    x, history = tikhonov(A, y, 0.5, operator=FiniteDifference(1), n_batch=n_batch)
    expected = [solution(A, row, 0.5, FiniteDifference(1), row) for row in y]
    torch.testing.assert_close(x, torch.stack(expected))
    assert history.iterations == 1


def test_a_matrix_that_is_no_convolution_is_not_taken_for_one() -> None:
    A, y = problem(8, 8)
    x, history = tikhonov(A, y, 0.5, tolerance=1e-12)
    torch.testing.assert_close(x, solution(A, y, 0.5, Identity(), y))
    assert history.iterations > 1


def test_any_penalty() -> None:
    (A, y), (K, _) = problem(5, 8), problem(9, 8)
    x, _ = tikhonov(A, y, 0.5, operator=K, tolerance=1e-12)
    torch.testing.assert_close(x, solution(A, y, 0.5, K, torch.zeros(8, dtype=torch.float64)))


def test_warm_start_takes_fewer_iterations() -> None:
    A, y = problem(60, 40)
    x, cold = tikhonov(A, y, 0.5)
    assert tikhonov(A, y, 0.5, initial=x + 1e-5)[1].iterations < cold.iterations


def test_derivative_passes_through() -> None:
    A, y = circular_mean(), torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda y: tikhonov(A, y, 0.5, operator=FiniteDifference(2))[0], [y])


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), float("inf")])
def test_weight_that_is_none_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match=f"weight={weight} must be a positive number"):
        tikhonov(Identity(), torch.ones(2), weight)


def test_dense_agrees_with_its_matrix() -> None:
    A, _ = problem(3, 4, dtype=torch.complex128)
    assert torch.equal(as_matrix(A, torch.zeros(4, dtype=torch.complex128)), A.matrix)
    assert torch.equal(as_matrix(Dense(A.matrix).H, torch.zeros(3, dtype=torch.complex128)), A.matrix.mH)

"""Least squares by conjugate gradients against linear algebra."""

import pytest
import torch
from solvers.dense import DTYPES, Dense, problem
from torch import Tensor

from mrrecon.operators import Identity
from mrrecon.solvers import conjugate_gradient


def minimum(A: Dense, y: Tensor, *, weight: float = 0.0, K: Tensor | None = None) -> Tensor:
    M = A.matrix
    K = torch.eye(M.shape[-1], dtype=M.dtype) if K is None else K
    right = (M.mH @ y[..., None])[..., 0]
    return torch.linalg.solve(M.mH @ M + weight * K.mH @ K, right)


def tolerance(dtype: torch.dtype) -> float:
    return 2e-6 if dtype in (torch.float32, torch.complex64) else 1e-12


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weight", [0.0, 0.7])
def test_solves_the_normal_equations(dtype: torch.dtype, weight: float) -> None:
    A, y = problem(12, 6, dtype=dtype)
    x, history = conjugate_gradient(A, y, weight=weight, tolerance=tolerance(dtype))
    assert history.converged
    torch.testing.assert_close(x, minimum(A, y, weight=weight), rtol=1e-4, atol=1e-5)


def test_needs_no_more_iterations_than_unknowns() -> None:
    A, y = problem(12, 6)
    x, history = conjugate_gradient(A, y, tolerance=1e-10)
    assert history.iterations <= 6
    torch.testing.assert_close(x, torch.linalg.lstsq(A.matrix, y).solution)


def test_any_operator_regularises() -> None:
    (A, y), (K, _) = problem(12, 6, dtype=torch.complex128), problem(5, 6, dtype=torch.complex128)
    x, _ = conjugate_gradient(A, y, weight=0.3, regulariser=K, tolerance=1e-12)
    torch.testing.assert_close(x, minimum(A, y, weight=0.3, K=K.matrix))


def test_a_centre_draws_the_image_to_itself() -> None:
    A, y = problem(4, 6)
    centre = torch.randn(6, dtype=torch.float64)
    x, _ = conjugate_gradient(A, y, weight=0.3, centre=centre, tolerance=1e-12)
    torch.testing.assert_close(x, centre + minimum(A, y - A(centre), weight=0.3))
    near, _ = conjugate_gradient(A, y, weight=1e9, centre=centre, tolerance=1e-14)
    torch.testing.assert_close(near, centre)


@pytest.mark.parametrize("centred", [False, True])
def test_objective_is_that_of_the_formula(centred: bool) -> None:
    (A, y), K = problem(12, 6, dtype=torch.complex128), problem(5, 6, dtype=torch.complex128)[0]
    c = torch.randn(6, dtype=torch.complex128) if centred else torch.zeros(6, dtype=torch.complex128)
    images = [torch.ones(6, dtype=torch.complex128)]
    _, history = conjugate_gradient(
        A,
        y,
        weight=0.3,
        regulariser=K,
        centre=c if centred else None,
        initial=images[0],
        callback=lambda _i, _criterion, x: images.append(x.clone()),
    )
    expected = [0.5 * (A(x) - y).norm() ** 2 + 0.15 * K(x - c).norm() ** 2 for x in images]
    assert history.objective == pytest.approx([value.item() for value in expected])


def test_criterion_is_the_relative_residual() -> None:
    A, y = problem(12, 6)
    x, history = conjugate_gradient(A, y, max_iterations=3)
    residual = A.matrix.mT @ (y - A.matrix @ x)
    assert history.criterion[0] == 1.0
    assert history.criterion[-1] == pytest.approx(float(residual.norm() / (A.matrix.mT @ y).norm()))
    assert not history.converged
    assert history.iterations == 3


def test_inverse_as_preconditioner_needs_one_iteration() -> None:
    A, y = problem(12, 6)
    inverse = Dense(torch.linalg.inv(A.matrix.mT @ A.matrix))
    x, history = conjugate_gradient(A, y, preconditioner=inverse)
    assert history.iterations == 1
    torch.testing.assert_close(x, minimum(A, y))


def test_diagonal_preconditioner_balances_columns() -> None:
    A = Dense(torch.randn(40, 20, dtype=torch.float64) * torch.logspace(0, 4, 20, dtype=torch.float64))
    y, columns = torch.randn(40, dtype=torch.float64), A.matrix.square().sum(0)
    plain = conjugate_gradient(A, y)[1]
    x, balanced = conjugate_gradient(A, y, preconditioner=lambda r: r / columns, tolerance=1e-12)
    assert balanced.iterations < 0.7 * plain.iterations
    torch.testing.assert_close(x, torch.linalg.lstsq(A.matrix, y).solution)


def test_warm_start_saves_iterations() -> None:
    A, y = problem(60, 40)
    x, cold = conjugate_gradient(A, y)
    warm = conjugate_gradient(A, y, initial=x + 1e-4 * torch.randn_like(x))[1]
    assert warm.iterations < cold.iterations
    assert conjugate_gradient(A, y, initial=x, tolerance=2e-6)[1].iterations == 0


def test_batch_equals_loop() -> None:
    A, y = problem(12, 6, batch=(2, 3))
    y[0] *= 1e6
    x, history = conjugate_gradient(A, y, n_batch=2, tolerance=1e-9)
    alone = [
        [conjugate_gradient(Dense(A.matrix[i, j]), y[i, j], tolerance=1e-9) for j in range(3)]
        for i in range(2)
    ]
    torch.testing.assert_close(
        x, torch.stack([torch.stack([x for x, _ in row]) for row in alone]), rtol=1e-12, atol=0
    )
    assert history.iterations == max(each.iterations for row in alone for _, each in row)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_scale_of_operator_and_data_does_not_matter(scale: float) -> None:
    A, y = problem(12, 6, dtype=torch.complex64)
    x, history = conjugate_gradient(scale * A, scale**2 * y, tolerance=1e-5)
    assert history.converged
    torch.testing.assert_close(x / scale, conjugate_gradient(A, y, tolerance=1e-5)[0], rtol=1e-3, atol=1e-4)


def test_same_twice() -> None:
    A, y = problem(12, 6, dtype=torch.complex64)
    assert torch.equal(conjugate_gradient(A, y)[0], conjugate_gradient(A, y)[0])


def test_nothing_given_is_changed() -> None:
    y = torch.randn(6, dtype=torch.float64)
    initial, before = torch.ones(6, dtype=torch.float64), y.clone()
    conjugate_gradient(Identity(), y, initial=initial, weight=0.5)
    assert torch.equal(y, before)
    assert torch.equal(initial, torch.ones(6, dtype=torch.float64))


def test_large_images_are_summed_right() -> None:
    # More numbers than a piece of the compiled sums holds, and more than one thread begins with.
    y = torch.randn(3, 300_001)
    diagonal = torch.rand(3, 300_001) + 0.5
    x, _ = conjugate_gradient(Dense(torch.ones(1, 1)), y[..., None], n_batch=1, weight=1.0)
    torch.testing.assert_close(x[..., 0], y / 2)
    A = DiagonalOf(diagonal)
    x, _ = conjugate_gradient(A, y, n_batch=1, tolerance=1e-6)
    torch.testing.assert_close(x, y / diagonal, rtol=1e-4, atol=1e-4)


class DiagonalOf(Dense):
    def forward(self, x: Tensor) -> Tensor:
        return self.matrix * x

    adjoint = forward


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_derivative_is_that_of_the_solution(dtype: torch.dtype) -> None:
    A, y = problem(5, 4, dtype=dtype)
    K, centre = problem(3, 4, dtype=dtype)[0], torch.randn(4, dtype=dtype)

    def solution(matrix: Tensor, y: Tensor, centre: Tensor, weight: Tensor, other: Tensor) -> Tensor:
        return conjugate_gradient(
            Dense(matrix), y, centre=centre, weight=weight, regulariser=Dense(other), tolerance=1e-13
        )[0]

    weight = torch.tensor(0.4, dtype=torch.float64)
    given = [each.requires_grad_() for each in (A.matrix.clone(), y, centre, weight, K.matrix.clone())]
    assert torch.autograd.gradcheck(solution, given, atol=1e-5, fast_mode=True)


def test_no_derivative_is_kept_where_none_is_asked_for() -> None:
    A, y = problem(5, 4)
    assert not conjugate_gradient(A, y)[0].requires_grad
    with torch.no_grad():
        assert not conjugate_gradient(A, y.requires_grad_())[0].requires_grad


@pytest.mark.gpu
def test_gpu_equals_cpu() -> None:
    A, y = problem(60, 40, dtype=torch.complex64)
    x, history = conjugate_gradient(A, y, tolerance=1e-5)
    there, other = conjugate_gradient(Dense(A.matrix.cuda()), y.cuda(), tolerance=1e-5)
    torch.testing.assert_close(there.cpu(), x, rtol=1e-3, atol=1e-4)
    assert abs(history.iterations - other.iterations) <= 2

"""Proximal gradients against optima that scipy finds and formulas give."""

import numpy as np
import pytest
import torch
from scipy.optimize import lsq_linear, minimize
from solvers.dense import Dense, problem

from mrrecon.operators import Identity
from mrrecon.solvers import L1, NonNegative, proximal_gradient
from mrrecon.solvers.forward_backward_vectors import Sums, compare, move
from mrrecon.solvers.inner_products import inner

DTYPES = [torch.float32, torch.float64, torch.complex64, torch.complex128]


def lasso(M: np.ndarray, y: np.ndarray, weight: float) -> float:
    """Least objective of real problems, x split into its positive and its negative part."""
    n = M.shape[1]

    def cost(z: np.ndarray) -> tuple[float, np.ndarray]:
        r = M @ (z[:n] - z[n:]) - y
        g = M.T @ r
        return 0.5 * r @ r + weight * z.sum(), np.r_[g, -g] + weight

    options = {"maxiter": 10_000, "maxfun": 100_000, "ftol": 1e-15, "gtol": 1e-12}
    found = minimize(cost, np.ones(2 * n), jac=True, bounds=[(0, None)] * (2 * n), options=options)
    return found.fun


@pytest.mark.parametrize("rows", [15, 40])
def test_lasso(rows: int) -> None:
    A, y = problem(rows, 20)
    x, history = proximal_gradient(A, y, L1(2.0), tolerance=1e-9, max_iterations=5000)
    assert history.converged
    assert history.objective[-1] == pytest.approx(lasso(A.matrix.numpy(), y.numpy(), 2.0), rel=1e-9)
    assert history.objective[-1] == pytest.approx(
        float(0.5 * (A(x) - y).square().sum() + 2 * x.abs().sum()), rel=1e-9
    )


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_subgradient_of_the_lasso(dtype: torch.dtype) -> None:
    A, y = problem(15, 20, dtype=dtype)
    x, _ = proximal_gradient(A, y, L1(2.0), tolerance=1e-5, max_iterations=5000)
    g = A.adjoint(y - A(x)) / 2
    assert (g.abs() <= 1 + 1e-3).all()
    torch.testing.assert_close(g[x != 0], torch.sgn(x[x != 0]), atol=1e-3, rtol=0)


def test_non_negative_least_squares() -> None:
    A, y = problem(30, 12)
    x, _ = proximal_gradient(A, y, NonNegative(), tolerance=1e-9, max_iterations=5000)
    best = lsq_linear(A.matrix.numpy(), y.numpy(), bounds=(0, np.inf), tol=1e-14).x
    np.testing.assert_allclose(x.numpy(), best, atol=1e-7)


def test_a_function_serves_as_proximal_map() -> None:
    A, y = problem(30, 12)
    ridge, history = proximal_gradient(A, y, lambda v, s: v / (1 + 0.3 * s), tolerance=1e-9)
    M = A.matrix
    torch.testing.assert_close(ridge, torch.linalg.solve(M.mT @ M + 0.3 * torch.eye(12), M.mT @ y))
    assert history.converged
    assert history.objective == []


def test_batch_equals_loop() -> None:
    A, y = problem(15, 20, batch=(2, 2))
    y[0] *= 100
    x, history = proximal_gradient(A, y, L1(2.0), tolerance=1e-6, max_iterations=1000, n_batch=2)
    alone = [
        proximal_gradient(Dense(A.matrix[i]), y[i], L1(2.0), tolerance=1e-6, max_iterations=1000)
        for i in np.ndindex(2, 2)
    ]
    torch.testing.assert_close(x.flatten(0, 1), torch.stack([each for each, _ in alone]))
    assert history.iterations == max(each.iterations for _, each in alone)
    assert history.objective[-1] == pytest.approx(sum(each.objective[-1] for _, each in alone))


def test_the_objective_does_not_rise_much_and_ends_low() -> None:
    A, y = problem(40, 20)
    _, history = proximal_gradient(A, y, L1(2.0), tolerance=1e-8, max_iterations=2000)
    assert min(history.objective) == pytest.approx(history.objective[-1])
    assert history.criterion[-1] <= 1e-8 < history.criterion[-2]


def test_a_first_step_too_long_is_taken_back() -> None:
    # With A = 1 any step above 1 is too long: it shows at once, and the second iteration is exact.
    y = torch.randn(9, dtype=torch.float64)
    x, history = proximal_gradient(Identity(), y, L1(0.5), tolerance=1e-12)
    torch.testing.assert_close(x, torch.sgn(y) * (y.abs() - 0.5).clamp(min=0))
    assert history.iterations < 60


def test_the_condition_number_enters_by_its_root() -> None:
    # 677 iterations without momentum, 457 with momentum that never starts anew.
    A = Dense(torch.diag(torch.logspace(-1, 0, 50, dtype=torch.float64)))
    y = A(torch.ones(50, dtype=torch.float64))
    _, history = proximal_gradient(A, y, L1(1e-7), tolerance=1e-6, max_iterations=200)
    assert history.converged


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(2, 3), (1, 70_001)])
def test_vector_work_is_its_formula(shape: tuple[int, int], dtype: torch.dtype) -> None:
    new, gram_new, x, gram_x, z, gram_z, b, v = torch.randn(8, *shape, dtype=dtype).unbind()
    step, beta = torch.rand(2, shape[0], dtype=torch.float64) + 0.5
    accepted = torch.arange(shape[0]) % 2 == 0
    d, gram_d = new - z, gram_new - gram_z
    pairs = [(d, d), (d, gram_d), (-d, new - x), (new, gram_new), (new, b)]
    wanted = [inner(*pair, n_batch=1) for pair in pairs]
    wanted.append(inner(*[gram_d - d / step[:, None].to(d.real.dtype)] * 2, n_batch=1))
    sums: Sums = compare(new, gram_new, x, z, gram_z, b, step, n_batch=1)
    for name, value in zip(Sums.__annotations__, wanted, strict=True):
        torch.testing.assert_close(getattr(sums, name), value, rtol=1e-4, atol=1e-3)
    factor = beta[:, None].to(d.real.dtype)
    z_after = torch.where(accepted[:, None], new + factor * (new - x), z)
    gram_z_after = torch.where(accepted[:, None], gram_new + factor * (gram_new - gram_x), gram_z)
    x_after = torch.where(accepted[:, None], new, x)
    move(new, gram_new, x, gram_x, z, gram_z, b, v, beta, step, accepted)
    for got, value in ((z, z_after), (gram_z, gram_z_after), (x, x_after)):
        torch.testing.assert_close(got, value)
    torch.testing.assert_close(v, z_after - step[:, None].to(d.real.dtype) * (gram_z_after - b))


BAD = [
    ({"prox": lambda v, _: v[:1]}, ValueError, "prox must give an image like v"),
    ({"y": torch.zeros(3)}, ValueError, "zero everywhere"),
    ({"tolerance": -1.0}, ValueError, "tolerance=-1.0"),
    ({"initial": torch.ones(2)}, ValueError, "initial must have"),
]


@pytest.mark.parametrize(("wrong", "kind", "sentence"), BAD, ids=[sentence for *_, sentence in BAD])
def test_bad_input_is_told_in_a_sentence(wrong: dict, kind: type[Exception], sentence: str) -> None:
    with pytest.raises(kind, match=sentence):
        proximal_gradient(**{"A": Identity(), "y": torch.ones(3), "prox": L1(), **wrong})

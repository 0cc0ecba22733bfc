"""The general primal-dual method against optima that scipy finds, and the conditions of optimality."""

import numpy as np
import pytest
import torch
from scipy.optimize import linprog, minimize
from solvers.dense import Dense, problem
from torch import Tensor

from mrrecon.operators import FiniteDifference, Identity, LinearOperator
from mrrecon.solvers import conjugate_gradient, primal_dual
from mrrecon.solvers.condat_vu import CondatVu
from mrrecon.solvers.functionals import L1, Functional, GroupL1, Huber, L2Squared, NonNegative, Poisson
from mrrecon.solvers.step_balance import StepBalance

D = torch.float64
Terms = list[tuple[Functional, LinearOperator]]


def cost(A: LinearOperator, y: Tensor, x: Tensor, terms: Terms, data: Functional) -> Tensor:
    return data.value(A(x), target=y) + sum(f.value(K(x)) for f, K in terms)


def optimum(
    A: Dense, y: Tensor, terms: Terms, data: Functional, bounds: tuple[float | None, float | None]
) -> float:
    """By L-BFGS-B, for functions with gradients."""

    def with_gradient(x: np.ndarray) -> tuple[float, np.ndarray]:
        x = torch.from_numpy(x).requires_grad_()
        value = cost(A, y, x, terms, data)
        return value.item(), torch.autograd.grad(value, x)[0].numpy()

    start, n = np.full(A.matrix.shape[1], 0.5), A.matrix.shape[1]
    options = {"maxiter": 10_000, "maxfun": 100_000, "ftol": 1e-15, "gtol": 1e-12}
    return minimize(
        with_gradient, start, jac=True, bounds=[bounds] * n, method="L-BFGS-B", options=options
    ).fun


def counts(scale: float = 30.0) -> tuple[Dense, Tensor]:
    A = Dense(scale * torch.rand(30, 10, dtype=D) * (torch.rand(30, 10) < 0.4))
    return A, torch.poisson(A(torch.rand(10, dtype=D) * 4))


FIRM = (None, None)
SMOOTH = [
    (L2Squared(0.5), FIRM),
    (L2Squared(0.5), (0.0, None)),
    (L2Squared(2.0), (-0.1, 0.2)),
    (Huber(delta=0.5), (0.0, 0.3)),
]


@pytest.mark.parametrize(("data", "bounds"), SMOOTH, ids=str)
def test_smooth_problems_with_bounds(data: Functional, bounds: tuple[float | None, float | None]) -> None:
    A, y = problem(40, 6)
    terms = [(Huber(0.3, delta=0.1), FiniteDifference(1)), (L2Squared(0.2), Identity())]
    x, history = primal_dual(A, y, terms, data=data, lower=bounds[0], upper=bounds[1], tolerance=1e-4)
    assert history.converged
    assert history.objective[-1] == pytest.approx(optimum(A, y, terms, data, bounds), rel=1e-5)
    assert cost(A, y, x, terms, data).item() == pytest.approx(history.objective[-1])


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_counts(scale: float) -> None:
    A, y = counts(scale)
    terms, data = [(Huber(1.0, delta=0.1), FiniteDifference(1))], Poisson(background=0.5)
    x, history = primal_dual(A, y, terms, data=data, lower=0.0, tolerance=1e-4)
    assert history.converged
    assert float(cost(A, y, x, terms, data)) == pytest.approx(
        optimum(A, y, terms, data, (0.0, None)), rel=1e-4
    )


def test_linear_programme() -> None:
    # min |A x - y|_1 + 0.5 |x|_1, x >= 0: slack r with -r <= A x - y <= r.
    A, y = problem(12, 3)
    M, eye = A.matrix.numpy(), np.eye(12)
    best = linprog(
        np.r_[np.full(3, 0.5), np.ones(12)],
        A_ub=np.block([[M, -eye], [-M, -eye]]),
        b_ub=np.r_[y.numpy(), -y.numpy()],
    )
    x, history = primal_dual(A, y, [(L1(0.5), Identity())], data=L1(), lower=0.0, tolerance=1e-3)
    assert history.objective[-1] == pytest.approx(best.fun, rel=1e-3)
    torch.testing.assert_close(x, torch.from_numpy(best.x[:3]), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("dtype", [D, torch.complex128])
def test_conditions_of_optimality_of_sparse_images(dtype: torch.dtype) -> None:
    A, y = problem(20, 30, dtype=dtype)
    x, _ = primal_dual(A, y, [(L1(3.0), Identity())], tolerance=1e-8)
    gradient = A.adjoint(A(x) - y)
    zero = x.abs() < 1e-6
    assert 0 < int(zero.sum()) < 30
    assert float(gradient[zero].abs().max()) <= 3.0 * (1 + 1e-6)
    torch.testing.assert_close(gradient[~zero], -3.0 * x[~zero] / x[~zero].abs(), rtol=1e-5, atol=1e-5)


def test_isotropic_variation_of_two_voxels_is_known() -> None:
    # Two voxels approach each other, each by the weight.
    y = torch.tensor([[1.0, 4.0]], dtype=D)
    terms = [(GroupL1(0.5, axis=-3), FiniteDifference(2, "reflect"))]
    x, _ = primal_dual(Identity(), y, terms, tolerance=1e-9)
    torch.testing.assert_close(x, torch.tensor([[1.5, 3.5]], dtype=D))


def test_without_terms_it_is_least_squares_with_bounds() -> None:
    A, y = problem(40, 10)
    x, _ = primal_dual(A, y, [], tolerance=1e-8)
    torch.testing.assert_close(x, torch.linalg.lstsq(A.matrix, y).solution, rtol=1e-6, atol=1e-7)
    x, history = primal_dual(A, y, [], lower=0.0, tolerance=1e-8)
    assert history.converged
    assert history.objective[-1] == pytest.approx(optimum(A, y, [], L2Squared(), (0.0, None)), rel=1e-8)
    assert float(x.min()) >= 0


def test_bound_as_a_term_is_the_bound() -> None:
    A, y = problem(20, 10)
    box = primal_dual(A, y, [(L1(1.0), Identity())], lower=0.0, tolerance=1e-9)[0]
    term = primal_dual(A, y, [(L1(1.0), Identity()), (NonNegative(), Identity())], tolerance=1e-9)[0]
    torch.testing.assert_close(box, term, rtol=1e-5, atol=1e-6)


def test_squares_agree_with_conjugate_gradients() -> None:
    (A, y), (K, _) = problem(20, 10), problem(8, 10)
    x, _ = primal_dual(A, y, [(L2Squared(0.4), K)], tolerance=1e-8)
    torch.testing.assert_close(
        x, conjugate_gradient(A, y, weight=0.4, regulariser=K)[0], rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("operator", [1e-6, 1e6])
@pytest.mark.parametrize("image", [1e-6, 1e6])
def test_units_do_not_matter(operator: float, image: float) -> None:
    A, y = problem(40, 10)
    plain, other = primal_dual(A, y, [(L1(2.0), FiniteDifference(1))])
    terms = [(L1(2.0 * operator**2 * image), FiniteDifference(1))]
    for dtype in (torch.float32, D):
        scaled = Dense((operator * A.matrix).to(dtype))
        x, history = primal_dual(scaled, (operator * image * y).to(dtype), terms)
        assert history.converged
        assert abs(history.iterations - other.iterations) <= 3
        torch.testing.assert_close(x.double() / image, plain, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("guess", [1e-3, 1e3])
def test_steps_recover_from_a_wrong_guess(guess: float, monkeypatch: pytest.MonkeyPatch) -> None:
    y = (torch.arange(32) > 20).double() + 0.1 * torch.randn(32, dtype=D)
    terms = [(L1(0.3), FiniteDifference(1, "reflect"))]
    good = primal_dual(Identity(), y, terms, tolerance=1e-3)[1].iterations
    begin = StepBalance.__post_init__

    def begin_badly(self: StepBalance) -> None:
        begin(self)
        self.strength = self.strength * guess

    monkeypatch.setattr(StepBalance, "__post_init__", begin_badly)
    assert primal_dual(Identity(), y, terms, tolerance=1e-3)[1].iterations < 4 * good
    monkeypatch.setattr(StepBalance, "update", lambda *_args, **_kwargs: None)
    assert (
        primal_dual(Identity(), y, terms, tolerance=1e-3, max_iterations=8 * good)[1].iterations == 8 * good
    )


def test_criterion_is_what_the_conditions_of_optimality_lack() -> None:
    # Squares have gradients: the residuals are theirs at the new image and dual, here of the first iteration.
    (A, y), (K, _) = problem(20, 10), problem(8, 10)
    b = A.adjoint(y)
    solver = CondatVu(
        A, y, b, terms=[(L2Squared(0.4), K)], data=L2Squared(), lower=None, upper=None, n_batch=0
    )
    start, size = torch.randn(10, dtype=D), torch.tensor(0.1, dtype=D)
    old, steps = solver._start(start), solver._steps(b, size)
    new, largest = solver._step(old, steps)
    found = solver._residuals(old, new, steps, size=size, largest=largest)[:2]
    (p,), x = new.duals, new.x
    forces = (A.adjoint(A(x) - y) + K.adjoint(p)).norm() / torch.maximum(b.norm(), K.adjoint(p).norm())
    image = (p / 0.4 - K(x)).norm() / (solver.norms[0] * x.norm())
    torch.testing.assert_close(found, (forces, image))


def test_batch_equals_loop() -> None:
    A, y = problem(20, 5, batch=(3,))
    y = y * torch.tensor([1.0, 1e2, 1e-2], dtype=D)[:, None]
    terms = [(L1(0.5), FiniteDifference(1))]
    x, history = primal_dual(A, y, terms, n_batch=1, tolerance=1e-3)
    alone = [primal_dual(Dense(M), row, terms, tolerance=1e-3) for M, row in zip(A.matrix, y, strict=True)]
    torch.testing.assert_close(x, torch.stack([x for x, _ in alone]), rtol=1e-9, atol=1e-12)
    assert history.iterations == max(each.iterations for _, each in alone)


def test_warm_start_takes_fewer_iterations() -> None:
    A, y = problem(40, 20)
    terms = [(L1(1.0), FiniteDifference(1))]
    x, cold = primal_dual(A, y, terms, tolerance=1e-6)
    assert primal_dual(A, y, terms, initial=x, tolerance=1e-6)[1].iterations < cold.iterations


def test_same_twice() -> None:
    A, y = problem(20, 10, dtype=torch.complex64)
    once, again = (primal_dual(A, y, [(L1(1.0), FiniteDifference(1))])[0] for _ in range(2))
    assert torch.equal(once, again)


def test_callback_sees_each_iteration() -> None:
    (A, y), seen = problem(20, 10), []
    _, history = primal_dual(A, y, [(L1(1.0), Identity())], callback=lambda i, c, _x: seen.append((i, c)))
    assert seen == list(enumerate(history.criterion))[1:]


@pytest.mark.parametrize(
    ("error", "match", "y", "options"),
    [
        (TypeError, "terms", torch.ones(3), {"terms": [(L1(),)]}),
        (TypeError, "bound real images only", torch.ones(3) + 0j, {"lower": 0.0}),
        (ValueError, "lower=1.0 must not be above upper=0.0", torch.ones(3), {"lower": 1.0, "upper": 0.0}),
        (TypeError, r"Poisson\(\) needs counts: real", torch.ones(3) + 0j, {"data": Poisson()}),
        (ValueError, r"Poisson\(\) needs counts from 0 up", -torch.ones(3), {"data": Poisson()}),
        (ValueError, "zero everywhere", torch.zeros(3), {}),
    ],
)
def test_bad_input_is_refused(error: type[Exception], match: str, y: Tensor, options: dict) -> None:
    with pytest.raises(error, match=match):
        primal_dual(Identity(), y, **{"terms": [(L1(), Identity())], **options})

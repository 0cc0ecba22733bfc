"""The algebra of operators, against the algebra of their matrices."""

import copy
import io

import pytest
import torch
from laws import dense, random
from torch import Tensor

from mrrecon.operators import Blur, Crop, FiniteDifference, Identity, LinearOperator, Mask, Wavelet
from mrrecon.operators.linear_operator import Composition, Scaled, Sum

X = random(4, 6, complex_=True)
A = Blur(random(3, 3))
B = Mask(random(4, 6))
C = Wavelet("haar", 1)


def matrix(operator: LinearOperator) -> Tensor:
    return dense(operator, X)


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        (A @ B, matrix(A) @ matrix(B)),
        (A @ B @ C, matrix(A) @ matrix(B) @ matrix(C)),
        (A + B, matrix(A) + matrix(B)),
        (A - B - C, matrix(A) - matrix(B) - matrix(C)),
        (-A, -matrix(A)),
        (2 * A, 2 * matrix(A)),
        (A * (1 - 2j), (1 - 2j) * matrix(A)),
        (3 * (2j * A), 6j * matrix(A)),
        (A.H, matrix(A).mH),
        ((A @ B).H, (matrix(A) @ matrix(B)).mH),
        (((1 - 2j) * A + B @ C).H, ((1 - 2j) * matrix(A) + matrix(B) @ matrix(C)).mH),
        (A.H @ A, matrix(A).mH @ matrix(A)),
    ],
    ids=str,
)
def test_operators_calculate_as_their_matrices(operator: LinearOperator, expected: Tensor) -> None:
    torch.testing.assert_close(matrix(operator), expected)


@pytest.mark.parametrize("operator", [A @ B, A + B, (1 - 2j) * A, A.H, -B, (2 * A) @ (A + C)], ids=str)
def test_gram_is_that_of_the_matrix(operator: LinearOperator) -> None:
    M = matrix(operator)
    torch.testing.assert_close(operator.gram(X).flatten(), M.mH @ (M @ X.flatten()))


@pytest.mark.parametrize(
    ("operator", "formula"),
    [
        (A @ B @ C, "Blur @ Mask @ W(haar)"),
        (A + B, "Blur + Mask"),
        (A - B, "Blur + -1 * Mask"),
        (2.5 * A, "2.5 * Blur"),
        ((1 - 2j) * A, "1-2j * Blur"),
        ((A + B) @ C, "(Blur + Mask) @ W(haar)"),
        ((A @ B).H, "(Blur @ Mask).H"),
        (2 * (A + B), "2 * (Blur + Mask)"),
        (FiniteDifference(2).H @ FiniteDifference(2), "∇.H @ ∇"),
        (A @ B + C, "Blur @ Mask + W(haar)"),
    ],
)
def test_it_prints_as_its_formula(operator: LinearOperator, formula: str) -> None:
    assert str(operator) == repr(operator) == formula


@pytest.mark.parametrize(
    ("operator", "bound"),
    [
        (Crop([2], [3]) @ C, 1.0),
        (-3 * C, 3.0),
        (C + 2 * C, 3.0),
        (FiniteDifference(1) @ FiniteDifference(1), 4.0),
        (C.H, 1.0),
        ((3 - 4j) * FiniteDifference(1).H, 10.0),
    ],
    ids=str,
)
def test_bounds_follow_the_algebra(operator: LinearOperator, bound: float) -> None:
    assert operator.norm_bound == pytest.approx(bound)


class Boundless(LinearOperator):
    def forward(self, x: Tensor) -> Tensor:
        return x

    def adjoint(self, y: Tensor) -> Tensor:
        return y


@pytest.mark.parametrize("operator", [Boundless() @ C, Boundless() + C, 2 * Boundless(), Boundless().H])
def test_no_bound_follows_from_none(operator: LinearOperator) -> None:
    assert operator.norm_bound is None


def test_unitarity_follows_the_algebra() -> None:
    assert (C @ C.H).unitary
    assert (-1 * C).unitary
    assert (1j * C).unitary
    assert not (2 * C).unitary
    assert not (C + C).unitary
    assert not (A @ C).unitary


def test_adjoint_of_the_adjoint_is_the_operator() -> None:
    for operator in (A, A @ B, A + B, 2 * A):
        assert operator.H.H is operator


def test_compositions_and_sums_are_flat() -> None:
    assert len(Composition([A @ B, B @ C]).factors) == 4
    assert len(Sum([A + B, C]).terms) == 3
    assert Scaled(2, 3 * A).scalar == 6


@pytest.mark.parametrize("operator", [A, A @ B, 2 * A, A.H], ids=str)
def test_an_operator_never_changes(operator: LinearOperator) -> None:
    with pytest.raises(AttributeError, match="cannot be set: an operator never changes, build another one"):
        operator.anything = 1
    assert operator.train(False) is operator


@pytest.mark.parametrize("operator", [A @ B, A + 2 * C, A.H], ids=str)
def test_copies_and_files_give_the_same_operator(operator: LinearOperator) -> None:
    file = io.BytesIO()
    torch.save(operator, file)
    file.seek(0)
    for other in (copy.deepcopy(operator), torch.load(file, weights_only=False)):
        torch.testing.assert_close(other(X), operator(X), rtol=0, atol=0)
        assert str(other) == str(operator)
        with pytest.raises(AttributeError, match="never changes"):
            other.anything = 1


def test_a_moved_operator_stays_the_operator() -> None:
    torch.testing.assert_close((A @ B).to(torch.float32)(X), (A @ B)(X), rtol=1e-5, atol=1e-6)
    assert str((A @ B).to("cpu")) == "Blur @ Mask"


@pytest.mark.parametrize("other", [3, None, "A", torch.ones(2)], ids=repr)
def test_what_is_no_operator_does_not_compose(other: object) -> None:
    for combine in ("__matmul__", "__add__", "__sub__"):
        assert getattr(A, combine)(other) is NotImplemented


@pytest.mark.parametrize("scalar", [float("nan"), float("inf"), complex(0, float("inf"))])
def test_scalar_that_is_not_finite_is_refused(scalar: complex) -> None:
    with pytest.raises(ValueError, match="must be finite"):
        scalar * A


@pytest.mark.parametrize("combine", [Composition, Sum])
def test_no_operators_at_all_are_refused(combine: type) -> None:
    with pytest.raises(ValueError, match="at least one operator"):
        combine([])


def test_gradient_reaches_the_image_through_the_algebra() -> None:
    x = X.clone().requires_grad_()
    operator = (1 - 2j) * A @ B + C
    operator(x).abs().square().sum().backward()
    torch.testing.assert_close(x.grad, 2 * operator.adjoint(operator(X)))


def test_the_second_derivative_of_the_misfit_is_twice_the_gram() -> None:
    x, v = X.real.clone().requires_grad_(), random(4, 6)
    (gradient,) = torch.autograd.grad(A(x).square().sum(), x, create_graph=True)
    (product,) = torch.autograd.grad(gradient, x, v)
    torch.testing.assert_close(product, 2 * A.gram(v))


def test_identity_returns_the_image_itself() -> None:
    assert Identity()(X) is X

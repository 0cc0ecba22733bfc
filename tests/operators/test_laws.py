"""Every operator of the package keeps the laws of linear operators."""

import pytest
import torch
from laws import CASES, COMPLEX_ONLY, SINGLE_TOLERANCE, dense, dense_adjoint, make

from mrrecon import operators
from mrrecon.operators import LinearOperator, check_operator
from mrrecon.operators.linear_operator import Adjoint, Composition, Scaled, Sum

NAMES = sorted(CASES)
REAL = [name for name in NAMES if name not in COMPLEX_ONLY]


def test_no_operator_is_missing_from_the_table() -> None:
    found = {type(part) for name in NAMES for part in CASES[name]()[0].modules()}
    exported = [getattr(operators, name) for name in operators.__all__]
    classes = {e for e in exported if isinstance(e, type) and issubclass(e, LinearOperator)}
    missing = (classes | {Adjoint, Composition, Scaled, Sum}) - {LinearOperator} - found
    assert not missing


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("single", [True, False], ids=["float32", "float64"])
def test_laws_hold_for_real_images(name: str, single: bool) -> None:
    A, x = make(name, single=single)
    check_operator(A, x, tolerance=SINGLE_TOLERANCE.get(name) if single else None)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("single", [True, False], ids=["complex64", "complex128"])
def test_laws_hold_for_complex_images(name: str, single: bool) -> None:
    A, x = make(name, complex_=True, single=single)
    check_operator(A, x, tolerance=SINGLE_TOLERANCE.get(name) if single else None)


@pytest.mark.parametrize("name", NAMES)
def test_adjoint_and_gram_are_those_of_the_dense_matrix(name: str) -> None:
    A, x = make(name, complex_=True)
    matrix = dense(A, x)
    torch.testing.assert_close(dense_adjoint(A, A(x)), matrix.mH.to(dense_adjoint(A, A(x)).dtype))
    v = torch.randn_like(x)
    expected = (matrix.mH @ (matrix @ v.flatten().to(matrix.dtype))).reshape(x.shape)
    torch.testing.assert_close(A.gram(v).to(expected.dtype), expected)


@pytest.mark.parametrize("name", NAMES)
def test_norm_and_unitarity_are_those_of_the_dense_matrix(name: str) -> None:
    A, x = make(name, complex_=True)
    values = torch.linalg.svdvals(dense(A, x))
    if A.norm_bound is not None:
        assert values.max().item() <= A.norm_bound * (1 + 1e-12)
    if A.unitary:
        assert A(x).numel() == x.numel()
        torch.testing.assert_close(values, torch.ones_like(values))


@pytest.mark.gpu
@pytest.mark.parametrize("name", NAMES)
def test_gpu_gives_what_the_cpu_gives(name: str) -> None:
    A, x = make(name, complex_=True)
    x = torch.randn_like(x)
    y = A(x)
    torch.testing.assert_close(A(x.cuda()).cpu(), y)
    torch.testing.assert_close(A.adjoint(y.cuda()).cpu(), A.adjoint(y))
    torch.testing.assert_close(A.gram(x.cuda()).cpu(), A.gram(x))
    check_operator(A, x.cuda())

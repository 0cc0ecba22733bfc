"""Minimum-norm solutions against the pseudo-inverse."""

import pytest
import torch
from solvers.dense import DTYPES, Dense, problem

from mrrecon.operators import Mask
from mrrecon.solvers import minimum_norm


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows", [4, 12])
def test_equals_the_pseudo_inverse(dtype: torch.dtype, rows: int) -> None:
    A, y = problem(rows, 8, dtype=dtype)
    x, history = minimum_norm(A, y)
    assert history.converged
    torch.testing.assert_close(x, torch.linalg.pinv(A.matrix) @ y, rtol=1e-3, atol=1e-4)


def test_explains_the_measurement_and_has_no_part_that_it_could_do_without() -> None:
    A, y = problem(4, 8)
    x, _ = minimum_norm(A, y, tolerance=1e-12)
    torch.testing.assert_close(A(x), y)
    null_space = torch.linalg.svd(A.matrix).Vh[4:]
    torch.testing.assert_close(null_space @ x, torch.zeros(4, dtype=torch.float64))


def test_nearest_to_another_image() -> None:
    A, y = problem(4, 8, dtype=torch.complex128)
    centre = torch.randn(8, dtype=torch.complex128)
    x, _ = minimum_norm(A, y, centre=centre, tolerance=1e-12)
    torch.testing.assert_close(x, centre + torch.linalg.pinv(A.matrix) @ (y - A.matrix @ centre))


def test_dependent_and_contradicting_rows() -> None:
    A, y = problem(3, 8)
    A, y = Dense(A.matrix[[0, 1, 2, 2]]), torch.cat([y, y[2:] + 1])
    x, history = minimum_norm(A, y, tolerance=1e-12)
    assert history.converged
    torch.testing.assert_close(x, torch.linalg.pinv(A.matrix) @ y)


def test_noise_where_nothing_is_measured_is_left_out() -> None:
    x, _ = minimum_norm(Mask(torch.tensor([True, False, True])), torch.tensor([1.0, 2.0, 3.0]))
    torch.testing.assert_close(x, torch.tensor([1.0, 0.0, 3.0]))


def test_batch_equals_loop() -> None:
    A, y = problem(4, 8, batch=(3,))
    x, _ = minimum_norm(A, y, n_batch=1)
    alone = [minimum_norm(Dense(matrix), row)[0] for matrix, row in zip(A.matrix, y, strict=True)]
    torch.testing.assert_close(x, torch.stack(alone), rtol=1e-12, atol=0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_derivative_is_that_of_the_pseudo_inverse(dtype: torch.dtype) -> None:
    A, y = problem(4, 8, dtype=dtype)
    given = [y.requires_grad_(), torch.randn(8, dtype=dtype, requires_grad=True)]
    assert torch.autograd.gradcheck(lambda y, c: minimum_norm(A, y, centre=c, tolerance=1e-13)[0], given)
    assert torch.autograd.gradcheck(lambda y: minimum_norm(A, y, tolerance=1e-13)[0], given[:1])

"""Zero-filled images and SENSE."""

import pytest
import torch
from solvers.dense import Dense, problem

from mrrecon.operators import CartesianSense
from mrrecon.simulate import coil_maps, equispaced_lines
from mrrecon.solvers import sense, zero_filled


def test_zero_filled_is_the_adjoint() -> None:
    A, y = problem(5, 8, dtype=torch.complex128)
    torch.testing.assert_close(zero_filled(A, y), A.matrix.mH @ y)


def test_scaled_it_fits_best_of_all_its_multiples() -> None:
    A, y = problem(5, 8, dtype=torch.complex128)
    image = A(A.adjoint(y))
    best = (image.conj() @ y).real / image.norm().square()
    torch.testing.assert_close(zero_filled(A, y, scaled=True), best * A.adjoint(y))


def test_scaled_batch_equals_loop() -> None:
    A, y = problem(5, 8, batch=(3,))
    alone = [zero_filled(Dense(M), row, scaled=True) for M, row in zip(A.matrix, y, strict=True)]
    torch.testing.assert_close(zero_filled(A, y, scaled=True, n_batch=1), torch.stack(alone))


def test_sense_unfolds_an_image() -> None:
    # Every other line and four coils determine the image.
    maps = coil_maps((16, 16), 4, dtype=torch.complex128)
    mask = equispaced_lines((16, 16), acceleration=2, offset=0)
    A, x = CartesianSense(mask, maps), torch.randn(16, 16, dtype=torch.complex128)
    found, history = sense(A, A(x), max_iterations=200, tolerance=1e-9)
    assert history.converged
    torch.testing.assert_close(found, x, rtol=1e-5, atol=1e-5)
    assert sense(A, A(x))[1].iterations <= 30


def test_weight_of_sense_shrinks() -> None:
    A, y = problem(12, 6)
    expected = torch.linalg.solve(A.matrix.T @ A.matrix + torch.eye(6, dtype=y.dtype), A.matrix.T @ y)
    torch.testing.assert_close(sense(A, y, weight=1.0, tolerance=1e-12)[0], expected)


def test_zero_filled_is_differentiable() -> None:
    A, y = problem(5, 8)
    y.requires_grad_()
    assert torch.autograd.gradcheck(lambda y: zero_filled(A, y), [y])
    with pytest.raises(ValueError, match="zero everywhere"):
        zero_filled(A, torch.zeros(5, dtype=torch.float64))

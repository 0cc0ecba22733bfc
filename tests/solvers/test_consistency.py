"""Measured values put back."""

import pytest
import torch
from solvers.dense import problem

from mrrecon.operators import Crop, Fourier, Identity, Mask
from mrrecon.solvers import project


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64])
def test_measured_voxels_survive_bit_for_bit(dtype: torch.dtype) -> None:
    seen = torch.rand(5, 6) > 0.5
    x, y = torch.randn(3, 5, 6, dtype=dtype), torch.randn(3, 5, 6, dtype=dtype)
    z = project(x, Mask(seen)(y), Mask(seen))
    assert torch.equal(z[:, seen], y[:, seen])
    assert torch.equal(z[:, ~seen], x[:, ~seen])


def test_a_cut_out_part_is_put_back() -> None:
    x, y = torch.randn(6, 6), torch.randn(2, 4)
    z = project(x, y, Crop((2, 4), (6, 6)))
    assert torch.equal(Crop((2, 4), (6, 6))(z), y)
    assert int((z != x).sum()) == 8


def test_everything_measured_leaves_nothing_of_the_image() -> None:
    y = torch.randn(4)
    assert torch.equal(project(torch.zeros(4), y, Identity()), y)


def test_weights_are_divided_out() -> None:
    # A mask of weights picks no values: they come back scaled.
    z = project(torch.ones(3), torch.tensor([4.0, 9.0, 0.0]), Mask(torch.tensor([2.0, 3.0, 0.0])))
    torch.testing.assert_close(z, torch.tensor([2.0, 3.0, 1.0]))


def test_k_space_of_one_coil_is_put_back() -> None:
    A, x = (
        Mask(torch.tensor([True, True, False, False])) @ Fourier((-1,)),
        torch.randn(4, dtype=torch.complex128),
    )
    y = A(torch.randn(4, dtype=torch.complex128))
    F = Fourier((-1,))
    expected = F.adjoint(torch.where(A.operators[0].mask, y, F(x)))
    torch.testing.assert_close(project(x, y, A, max_iterations=1), expected)


def test_general_operators_move_the_image_no_further_than_need_be() -> None:
    A, y = problem(4, 8, dtype=torch.complex128)
    x = torch.randn(8, dtype=torch.complex128)
    expected = x + torch.linalg.pinv(A.matrix) @ (y - A.matrix @ x)
    torch.testing.assert_close(project(x, y, A, tolerance=1e-12), expected)


def test_twice_is_once() -> None:
    A, y = problem(4, 8)
    once = project(torch.randn(8, dtype=torch.float64), y, A, tolerance=1e-12)
    torch.testing.assert_close(project(once, y, A, tolerance=1e-12), once)


def test_a_measurement_of_zeros_is_one() -> None:
    A, y = problem(4, 8)
    z = project(torch.randn(8, dtype=torch.float64), torch.zeros_like(y), A, tolerance=1e-12)
    torch.testing.assert_close(A(z), torch.zeros_like(y))


@pytest.mark.parametrize("measure", ["mask", "matrix"])
def test_derivative(measure: str) -> None:
    A = problem(4, 6)[0] if measure == "matrix" else Mask(torch.arange(6) % 2 == 0)
    x, y = (
        torch.randn(6, dtype=torch.float64),
        torch.randn(4 if measure == "matrix" else 6, dtype=torch.float64),
    )
    given = [x.requires_grad_(), y.requires_grad_()]
    assert torch.autograd.gradcheck(lambda x, y: project(x, y, A, tolerance=1e-13), given)


def test_a_wrong_image_is_refused() -> None:
    with pytest.raises(ValueError, match=r"x must have the image's shape \(4,\), got \(5,\)"):
        project(torch.ones(5), torch.ones(4), Identity())
    with pytest.raises(TypeError, match=r"x must be of torch.complex64 as the image is, got torch.float32"):
        project(torch.ones(4), torch.ones(4) + 0j, Identity())

"""Fourier transform at the points of a trajectory."""

import sys

import pytest
import torch
from torch import Tensor

from mrrecon.operators import Fourier, NonUniformFourier


def _matrix(trajectory: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The sum of the formula, written out."""
    places = torch.cartesian_prod(*(torch.arange(n, dtype=torch.float64) - n // 2 for n in shape))
    phases = trajectory.reshape(-1, len(shape)).double() @ places.T
    return torch.exp(-1j * phases) / len(places) ** 0.5


def _trajectory(*shape: int) -> Tensor:
    return (torch.rand(shape, dtype=torch.float64) * 2 - 1) * torch.pi


@pytest.mark.parametrize("shape", [(6, 9), (5, 4, 3)])
def test_transform_is_the_sum_of_the_formula(shape: tuple[int, ...]) -> None:
    trajectory = _trajectory(4, 10, len(shape))
    operator, matrix = NonUniformFourier(trajectory, shape, accuracy=1e-12), _matrix(trajectory, shape)
    x, y = torch.randn(2, *shape, dtype=torch.complex128), torch.randn(2, 4, 10, dtype=torch.complex128)
    torch.testing.assert_close(operator(x).flatten(1), x.flatten(1) @ matrix.T, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(
        operator.adjoint(y).flatten(1), y.flatten(1) @ matrix.conj(), rtol=1e-10, atol=1e-10
    )


@pytest.mark.parametrize("shape", [(6, 9), (5, 4, 3)])
@pytest.mark.parametrize("accuracy", [1e-3, 1e-6, 1e-12])
def test_gram_is_as_exact_as_was_asked_for(shape: tuple[int, ...], accuracy: float) -> None:
    trajectory = _trajectory(50, len(shape))
    operator, matrix = NonUniformFourier(trajectory, shape, accuracy=accuracy), _matrix(trajectory, shape)
    x = torch.randn(3, *shape, dtype=torch.complex128)
    expected = x.flatten(1) @ (matrix.mH @ matrix).T
    error = (operator.gram(x).flatten(1) - expected).norm() / expected.norm()
    assert error < 5 * accuracy
    assert operator.norm_bound >= torch.linalg.matrix_norm(matrix, 2) * (1 - accuracy)
    assert operator.norm_bound < 2 * torch.linalg.matrix_norm(matrix, 2)


def test_points_of_the_grid_give_the_fourier_transform() -> None:
    frequencies = [(torch.arange(n, dtype=torch.float64) - n // 2) * 2 * torch.pi / n for n in (8, 6)]
    trajectory = torch.stack(torch.meshgrid(*frequencies, indexing="ij"), -1)
    x = torch.randn(8, 6, dtype=torch.complex128)
    operator = NonUniformFourier(trajectory, [8, 6], accuracy=1e-13)
    torch.testing.assert_close(operator(x), Fourier(2)(x))


def test_single_precision_stays_single_and_adjoint() -> None:
    operator = NonUniformFourier(_trajectory(300, 2).float(), [16, 16])
    x, y = torch.randn(16, 16, dtype=torch.complex64), torch.randn(300, dtype=torch.complex64)
    assert operator(x).dtype == operator.gram(x).dtype == torch.complex64
    left, right = torch.vdot(y, operator(x)), torch.vdot(operator.adjoint(y).flatten(), x.flatten())
    assert (left - right).abs() < 1e-6 * operator(x).norm() * y.norm()


def test_gradient_is_the_adjoint() -> None:
    operator = NonUniformFourier(_trajectory(7, 2), [3, 4], accuracy=1e-12)
    x = torch.randn(3, 4, dtype=torch.complex128, requires_grad=True)
    assert torch.autograd.gradcheck(operator, (x,))
    assert torch.autograd.gradcheck(operator.gram, (x,))
    assert torch.autograd.gradcheck(operator, (x.detach().real.requires_grad_(),))


@pytest.mark.parametrize(
    ("trajectory", "shape", "message"),
    [
        (
            torch.full((5, 2), 16.0),
            (8, 8),
            r"trajectory reaches 16 and must be in radians per voxel, from -π",
        ),
        (torch.zeros(5, 3), (8, 8), r"trajectory of shape \(5, 3\) .* for each of the 2 axes"),
        (torch.zeros(0, 2), (8, 8), r"trajectory of shape \(0, 2\) must have at least one point"),
        (torch.full((5, 2), torch.nan), (8, 8), r"trajectory must be finite"),
        (torch.zeros(5, 1), (8,), r"shape=\(8,\) must have two or three axes"),
    ],
)
def test_trajectories_that_make_no_sense_are_refused(trajectory: Tensor, shape: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NonUniformFourier(trajectory, shape)


def test_bad_input_is_refused_in_a_sentence() -> None:
    operator = NonUniformFourier(torch.zeros(5, 2), [4, 4])
    with pytest.raises(ValueError, match=r"x of shape \(4, 5\) must end with the axes \(4, 4\)"):
        operator(torch.ones(4, 5))
    with pytest.raises(ValueError, match=r"y of shape \(6,\) does not fit .* last axes must be \(5,\)"):
        operator.adjoint(torch.ones(6) + 0j)
    with pytest.raises(TypeError, match=r"y is torch.float32 and must be complex"):
        operator.adjoint(torch.ones(5))
    with pytest.raises(ValueError, match=r"accuracy=0.5 must lie between 1e-14 and 0.1"):
        NonUniformFourier(torch.zeros(5, 2), [4, 4], accuracy=0.5)


def test_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "finufft", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'mrrecon\[nonuniform\]'"):
        NonUniformFourier(torch.zeros(5, 2), [4, 4])

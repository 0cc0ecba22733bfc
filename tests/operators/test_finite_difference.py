"""Differences of neighbouring voxels against NumPy's and against a dense Laplacian."""

import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError

from mrrecon.operators import FiniteDifference


def test_periodic_difference_is_numpys_roll() -> None:
    x = np.random.default_rng(0).normal(size=(3, 4, 5))
    expected = np.stack([np.roll(x, -1, axis) - x for axis in range(3)])
    torch.testing.assert_close(FiniteDifference(3)(torch.from_numpy(x)), torch.from_numpy(expected))


def test_reflecting_difference_is_numpys_with_zero_at_the_edge() -> None:
    x = np.random.default_rng(0).normal(size=(4, 5))
    edge = [np.diff(x, axis=a, append=x[-1:] if a == 0 else x[:, -1:]) for a in range(2)]
    result = FiniteDifference(2, "reflect")(torch.from_numpy(x))
    torch.testing.assert_close(result, torch.from_numpy(np.stack(edge)))


def test_slope_of_a_ramp_is_that_in_mm() -> None:
    depth, width = torch.meshgrid(torch.arange(3.0) * 4, torch.arange(5.0) * 0.5, indexing="ij")
    slope = FiniteDifference(2, "reflect", spacing=[4, 0.5])(3 * depth - 2 * width)
    torch.testing.assert_close(slope[0, :-1], torch.full((2, 5), 3.0))
    torch.testing.assert_close(slope[1, :, :-1], torch.full((3, 4), -2.0))


def test_axis_of_differences_stands_directly_before_space() -> None:
    assert FiniteDifference(2)(torch.zeros(7, 5, 3, 4)).shape == (7, 5, 2, 3, 4)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_bound_is_the_norm_of_the_checkerboard(ndim: int) -> None:
    parity = sum(torch.meshgrid(*[torch.arange(4)] * ndim, indexing="ij"))
    board = 1.0 - 2.0 * (torch.as_tensor(parity) % 2)
    A = FiniteDifference(ndim, spacing=[0.5, 1.0, 2.0][:ndim])
    assert A.norm_bound == pytest.approx((A(board).norm() / board.norm()).item())


def test_gram_of_a_plane_wave_is_its_eigenvalue() -> None:
    turns = torch.arange(8.0, dtype=torch.float64)[:, None] * 3 / 8 + torch.arange(6.0) / 6
    wave = torch.exp(2j * torch.pi * turns)
    eigenvalue = 4 * np.sin(np.pi * 3 / 8) ** 2 + 4 * np.sin(np.pi / 6) ** 2
    torch.testing.assert_close(FiniteDifference(2).gram(wave), eigenvalue * wave)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"ndim": 0}, "ndim=0 must be at least 1"),
        ({"boundary": "zero"}, "boundary='zero'|'boundary'"),
        ({"spacing": [1.0]}, "must be 2 positive numbers"),
        ({"spacing": [1.0, 0.0]}, "must be 2 positive numbers"),
        ({"spacing": [1.0, float("nan")]}, "must be 2 positive numbers"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict, sentence: str) -> None:
    with pytest.raises((ValueError, TypeCheckError), match=sentence):
        FiniteDifference(**arguments)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="x must have at least 3 axes"):
        FiniteDifference(3)(torch.zeros(4, 4))
    with pytest.raises(ValueError, match="y must have an axis of 2 directly before its last 2 axes"):
        FiniteDifference(2).adjoint(torch.zeros(3, 4, 4))

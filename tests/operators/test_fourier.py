"""The centred orthonormal Fourier transform."""

import numpy as np
import pytest
import torch

from mrrecon.operators import Fourier


@pytest.mark.parametrize("shape", [(8, 6), (7, 5), (4, 9), (6, 3, 2), (1, 4)])
def test_transform_is_numpys_between_two_shifts(shape: tuple[int, ...]) -> None:
    x = torch.randn(2, *shape, dtype=torch.complex128)
    axes = tuple(range(1, x.ndim))
    shifted = np.fft.ifftshift(x.numpy(), axes=axes)
    expected = np.fft.fftshift(np.fft.fftn(shifted, axes=axes, norm="ortho"), axes=axes)
    torch.testing.assert_close(Fourier(len(shape))(x), torch.from_numpy(expected))


@pytest.mark.parametrize("n", [4, 5, 6])
def test_transform_is_the_matrix_of_the_formula(n: int) -> None:
    places = torch.arange(n, dtype=torch.float64) - n // 2
    matrix = torch.exp(-2j * torch.pi * torch.outer(places, places) / n) / n**0.5
    x = torch.randn(n, dtype=torch.complex128)
    torch.testing.assert_close(Fourier(1)(x), matrix @ x)
    torch.testing.assert_close(Fourier(1).adjoint(x), matrix.mH @ x)


def test_only_the_named_axes_are_transformed() -> None:
    x = torch.randn(4, 3, 5, dtype=torch.complex128)
    expected = Fourier(1)(Fourier(1)(x).movedim(0, -1)).movedim(-1, 0)
    torch.testing.assert_close(Fourier([-1, -3])(x), expected)


def test_real_image_has_the_k_space_of_a_complex_one() -> None:
    x = torch.randn(6, 8)
    torch.testing.assert_close(Fourier(2)(x), Fourier(2)(x.to(torch.complex64)))


@pytest.mark.parametrize("n", [250, 251])
def test_large_transforms_keep_their_digits(n: int) -> None:
    x = torch.randn(n, n, dtype=torch.complex128)
    error = Fourier(2).adjoint(Fourier(2)(x)) - x
    assert error.abs().max() < 1e-13


def test_print_names_the_axes() -> None:
    assert repr(Fourier(3)) == "Fourier(-3, -2, -1)"


@pytest.mark.parametrize("axes", [0, -1, [], [0], [-1, -1], [1, -2]])
def test_axes_that_are_none_are_refused(axes: int | list[int]) -> None:
    with pytest.raises(ValueError, match=r"axes=.* must be how many of the last axes"):
        Fourier(axes)


def test_too_few_axes_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"x of shape \(4,\) has too few axes for axes=\(-2, -1\): it needs 2"
    ):
        Fourier(2)(torch.ones(4))


def test_real_k_space_is_refused() -> None:
    with pytest.raises(TypeError, match=r"y is torch.float32 and must be complex: k-space has two parts"):
        Fourier(2).adjoint(torch.ones(4, 4))

"""Cosine transform against SciPy's."""

import pytest
import scipy.fft
import torch

from mrrecon.losses import dct3d, idct3d

AXES = (-3, -2, -1)
SHAPES = [(4, 6, 8), (2, 3, 5, 1, 7), (1, 1, 1), (2, 2, 16, 9, 33)]


@pytest.mark.parametrize("shape", SHAPES)
def test_equals_scipy(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, dtype=torch.float64)
    expected = scipy.fft.dctn(x.numpy(), axes=AXES, norm="ortho")
    torch.testing.assert_close(dct3d(x), torch.from_numpy(expected), rtol=0, atol=1e-13)


@pytest.mark.parametrize("shape", SHAPES)
def test_inverse_equals_scipy(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, dtype=torch.float64)
    expected = scipy.fft.idctn(x.numpy(), axes=AXES, norm="ortho")
    torch.testing.assert_close(idct3d(x), torch.from_numpy(expected), rtol=0, atol=1e-13)


def test_single_precision_equals_scipy_in_double() -> None:
    x = torch.randn(64, 48, 96)
    expected = scipy.fft.dctn(x.double().numpy(), norm="ortho")
    torch.testing.assert_close(dct3d(x).double(), torch.from_numpy(expected), rtol=0, atol=1e-5)


def test_inverse_is_the_adjoint() -> None:
    x, y = torch.randn(2, 2, 3, 4, 5, dtype=torch.float64)
    torch.testing.assert_close((dct3d(x) * y).sum(), (x * idct3d(y)).sum())


def test_gradient_is_the_inverse_transform() -> None:
    x = torch.randn(3, 4, 5, dtype=torch.float64, requires_grad=True)
    y = torch.randn(3, 4, 5, dtype=torch.float64)
    (grad,) = torch.autograd.grad(dct3d(x), x, y)
    expected = scipy.fft.idctn(y.numpy(), norm="ortho")
    torch.testing.assert_close(grad, torch.from_numpy(expected))


def test_autocast_does_not_lower_the_precision() -> None:
    x = torch.randn(8, 8, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        coefficients = dct3d(x)
    assert torch.equal(coefficients, dct3d(x))


def test_call_in_inference_mode_leaves_nothing_behind() -> None:
    with torch.inference_mode():
        dct3d(torch.rand(3, 3, 3))
    x = torch.rand(3, 3, 3, requires_grad=True)
    dct3d(x).sum().backward()
    assert x.grad is not None


def test_strided_input_is_transformed_as_its_copy() -> None:
    x = torch.randn(5, 4, 3).permute(2, 0, 1)
    torch.testing.assert_close(dct3d(x), dct3d(x.contiguous()))

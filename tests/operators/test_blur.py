"""Convolution against SciPy's."""

import numpy as np
import pytest
import scipy.ndimage
import torch
from jaxtyping import TypeCheckError
from torch import Tensor

from mrrecon.operators import Blur, blur, box_psf, gaussian_psf, inpainting

MODES = {"periodic": "wrap", "reflect": "reflect"}


def scipys(x: Tensor, psf: Tensor, boundary: str) -> Tensor:
    return torch.from_numpy(scipy.ndimage.convolve(x.numpy(), psf.numpy(), mode=MODES[boundary]))


@pytest.mark.parametrize("boundary", MODES)
@pytest.mark.parametrize(
    ("shape", "size"), [((12,), (4,)), ((9, 11), (3, 4)), ((9, 10), (9, 10)), ((5, 6, 7), (3, 2, 3))]
)
@pytest.mark.parametrize("many", [0, 10**6], ids=["Fourier", "shifts"])
def test_blur_is_scipys_convolution(
    shape: tuple[int, ...], size: tuple[int, ...], boundary: str, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blur, "MANY_TAPS", many)
    x, psf = torch.randn(shape, dtype=torch.float64), torch.randn(size, dtype=torch.float64)
    A = Blur(psf, boundary)
    assert (A.sums is None) == (many == 0)
    torch.testing.assert_close(A(x), scipys(x, psf, boundary))


@pytest.mark.parametrize("boundary", MODES)
def test_separable_blur_is_scipys_convolution(boundary: str) -> None:
    x, psf = torch.randn(9, 11, 8, dtype=torch.float64), gaussian_psf([1.5, 2.0, 1.0])
    A = Blur(psf, boundary)
    assert len(A.sums) == 3
    torch.testing.assert_close(A(x), scipys(x, psf, boundary))


def test_blur_of_complex_images_is_that_of_both_parts() -> None:
    x, A = torch.randn(20, 20, dtype=torch.complex128), Blur(torch.randn(7, 7, dtype=torch.float64))
    torch.testing.assert_close(A(x), torch.complex(A(x.real), A(x.imag)))


@pytest.mark.parametrize("psf", [gaussian_psf([2.0, 3.0]), box_psf([2.0, 3.0]), torch.rand(7, 8)])
def test_periodic_blur_keeps_the_sum(psf: Tensor) -> None:
    x = torch.rand(12, 14, dtype=torch.float64)
    assert Blur(psf)(x).sum().item() == pytest.approx((psf.sum() * x.sum()).item())


def test_bound_is_the_norm_of_a_positive_periodic_blur() -> None:
    psf = torch.rand(3, 3, dtype=torch.float64)
    flat = torch.ones(6, 6, dtype=torch.float64)
    assert Blur(psf).norm_bound == pytest.approx((Blur(psf)(flat).norm() / flat.norm()).item())


def test_bound_of_a_shift_into_a_mirror_is_reached() -> None:
    # One voxel to the right: the first voxel is seen twice.
    A = Blur(torch.tensor([0.0, 0.0, 1.0]), "reflect")
    first = torch.eye(5)[0]
    assert A(first).norm().item() == pytest.approx(A.norm_bound)
    assert Blur(torch.tensor([0.25, 0.5, 0.25]), "reflect").norm_bound == 1


def test_constants_follow_the_precision_of_the_image() -> None:
    x = torch.rand(8, 8, dtype=torch.float64)
    A = Blur(torch.full((7, 7), 1 / 49, dtype=torch.float64))
    single = A(x.float())
    assert single.dtype == torch.float32
    torch.testing.assert_close(A(x), scipys(x, A.psf, "periodic"))


@pytest.mark.parametrize(
    ("psf", "sentence"),
    [
        (torch.tensor([1.0, float("nan")]), "psf must be finite"),
        (torch.tensor([1.0, float("inf")]), "psf must be finite"),
        (torch.zeros(3, 3), "must have a value that is not 0"),
        (torch.zeros(0), "at least one axis and one value"),
        (torch.tensor(1.0), "at least one axis and one value"),
    ],
)
def test_bad_point_spread_functions_are_refused(psf: Tensor, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Blur(psf)


def test_point_spread_function_larger_than_the_image_is_refused() -> None:
    with pytest.raises(ValueError, match=r"psf of shape \(3, 5\) must not be larger than the last axes of x"):
        Blur(torch.ones(3, 5))(torch.ones(2, 4, 4))
    with pytest.raises(ValueError, match="last axes of y"):
        Blur(torch.ones(3, 5)).adjoint(torch.ones(6))


def test_unknown_boundary_is_refused() -> None:
    with pytest.raises((ValueError, TypeCheckError), match="boundary"):
        Blur(torch.ones(3), "zero")


def test_inpainting_blurs_beneath_the_holes() -> None:
    mask, x = torch.tensor([True, False, True]), torch.tensor([3.0, 6.0, 9.0])
    torch.testing.assert_close(inpainting(mask, torch.ones(3) / 3)(x), torch.tensor([4.0, 0.0, 8.0]))
    torch.testing.assert_close(inpainting(mask)(x), torch.tensor([3.0, 0.0, 9.0]))
    assert str(inpainting(mask, torch.ones(3))) == "Mask @ Blur"


def test_holes_everywhere_are_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        inpainting(torch.zeros(3, 3, dtype=torch.bool))


def test_kept_transfer_function_does_not_serve_another_shape() -> None:
    A = Blur(torch.rand(7, 7, dtype=torch.float64))
    for n in (8, 9, 8):
        x = torch.from_numpy(np.random.default_rng(n).normal(size=(n, 10)))
        torch.testing.assert_close(A(x), scipys(x, A.psf, "periodic"))

"""Wavelet transform against PyWavelets."""

from unittest import mock

import pytest
import pywt
import torch

from mrrecon.operators import Wavelet, wavelet

TYPES = [torch.float32, torch.float64, torch.complex64, torch.complex128]
CASES = [  # wavelet, levels, axes, shape
    ("haar", 3, 2, (2, 8, 16)),
    ("db4", 2, 2, (40, 24)),
    ("db2", 2, 3, (2, 8, 4, 12)),
    ("coif3", 1, 3, (6, 8, 10)),
    ("db38", 2, 1, (3, 12)),
]


# It warns of filters longer than the image, which is what they are meant to be here.
pytestmark = pytest.mark.filterwarnings("ignore:Level value:UserWarning")


def peer(x: torch.Tensor, name: str, levels: int, ndim: int) -> torch.Tensor:
    axes = tuple(range(-ndim, 0))
    parts = pywt.wavedecn(x.numpy(), name, mode="periodization", level=levels, axes=axes)
    return torch.from_numpy(pywt.coeffs_to_array(parts, axes=axes)[0])


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(("name", "levels", "ndim", "shape"), CASES)
def test_coefficients_are_those_of_pywavelets(
    name: str, levels: int, ndim: int, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    x = torch.randn(shape, dtype=dtype)
    y = Wavelet(name, levels, ndim=ndim)(x)
    atol = 1e-13 if dtype.to_real() == torch.float64 else 2e-6
    torch.testing.assert_close(y, peer(x, name, levels, ndim), rtol=0, atol=atol)


@pytest.mark.parametrize("name", ["sym2", "sym8", "sym20"])
def test_symlets_are_those_of_pywavelets_to_the_digits_of_its_tables(name: str) -> None:
    x = torch.randn(32, 32, dtype=torch.float64)
    torch.testing.assert_close(Wavelet(name, 2)(x), peer(x, name, 2, 2), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["haar", "db20", "db38", "sym3", "sym20", "coif17"])
def test_adjoint_inverts_to_rounding(name: str) -> None:
    x = torch.randn(2, 64, 32, dtype=torch.float64)
    W = Wavelet(name, 3)
    torch.testing.assert_close(W.adjoint(W(x)), x, rtol=0, atol=1e-13)


@pytest.mark.parametrize("dtype", [*TYPES, torch.bfloat16])
@pytest.mark.parametrize(("name", "levels", "ndim", "shape"), CASES)
def test_torch_gives_what_the_compiled_kernel_gives(
    name: str, levels: int, ndim: int, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    x, W = torch.randn(shape, dtype=dtype), Wavelet(name, levels, ndim=ndim)
    with mock.patch.object(wavelet, "_COMPILED", ()):
        y, z = W(x), W.adjoint(x)
    atol = 10 * torch.finfo(dtype).eps
    double = torch.complex128 if dtype.is_complex else torch.float64
    torch.testing.assert_close(y.to(double), W(x.to(double)), rtol=0, atol=atol)
    torch.testing.assert_close(z.to(double), W.adjoint(x.to(double)), rtol=0, atol=atol)


def test_two_threads_give_what_one_gives() -> None:
    x = torch.randn(512, 512)
    y = Wavelet("db4", 2)(x)
    torch.set_num_threads(1)
    alone = Wavelet("db4", 2)(x)
    torch.set_num_threads(2)
    assert torch.equal(y, alone)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((256, 200), (5, 3)),
        ((90, 128), (1, 4)),
        ((45, 64), (0, 3)),
        ((8, 6), (1, 1)),
    ],
)
def test_axes_are_halved_as_often_as_they_can_be(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    assert Wavelet("db4").halvings(shape) == expected


def test_axes_of_other_depths_are_transformed_one_by_one() -> None:
    x = torch.randn(6, 40, dtype=torch.float64)
    W = Wavelet("haar")
    assert W.halvings(x.shape) == (1, 3)
    first = Wavelet("haar", 1)(x)
    expected = torch.cat([Wavelet("haar", 2, ndim=1)(first[:, :20]), first[:, 20:]], -1)
    torch.testing.assert_close(W(x)[:3], expected[:3])


def test_smooth_image_leaves_no_detail_inside() -> None:
    x = torch.arange(32.0, dtype=torch.float64)[:, None] * torch.arange(32.0)
    # Four vanishing moments; the first and the last two of 16 go round the edge.
    detail = Wavelet("db4", 1)(x)[2:14, 18:30]
    assert detail.abs().max() < 1e-9


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"wavelet": "bior2.2"}, "'bior2.2' is not orthogonal: take one of haar, db1"),
        ({"wavelet": "dmey"}, "'dmey' is not orthogonal"),
        ({"wavelet": "db99"}, "'db99' must be one of haar, db1"),
        ({"levels": 0}, "levels=0 must be at least 1"),
        ({"ndim": 4}, "ndim=4 must be 1, 2 or 3"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Wavelet(**arguments)


def test_sizes_that_cannot_be_halved_are_refused_with_what_to_pad_to() -> None:
    with pytest.raises(ValueError, match=r"multiples of 8, got \(20, 32\): pad to \(24, 32\)"):
        Wavelet("haar", 3)(torch.zeros(20, 32))
    with pytest.raises(ValueError, match=r"no axis of \(5, 7\) can be halved: pad to \(6, 8\)"):
        Wavelet("haar").adjoint(torch.zeros(5, 7))
    with pytest.raises(ValueError, match="x must have at least 3 axes"):
        Wavelet("haar", ndim=3)(torch.zeros(4, 4))

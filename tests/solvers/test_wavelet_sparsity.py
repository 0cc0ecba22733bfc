"""Wavelet sparsity against PyWavelets, the conditions of optimality, and what any solver has to keep."""

import numpy as np
import pytest
import pywt
import torch
from torch import Tensor

from mrrecon.operators import CartesianSense, Identity, Mask, Wavelet
from mrrecon.simulate import coil_maps, uniform_lines
from mrrecon.solvers import wavelet_sparsity
from mrrecon.solvers.shrinkage import shrink


def scan(*shape: int, dtype: torch.dtype = torch.complex64) -> tuple[CartesianSense, Tensor]:
    x = torch.zeros(shape, dtype=dtype)
    x[..., 3:9, 2:8] = 1 + 0.5j
    mask = uniform_lines(shape, acceleration=2, centre=2, generator=torch.Generator().manual_seed(1))
    A = CartesianSense(mask, coil_maps(shape, 4).to(dtype))
    return A, A(x + 0.05 * torch.randn(shape, dtype=dtype))


@pytest.mark.parametrize("free", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64, torch.complex128], ids=str)
@pytest.mark.parametrize(("shape", "wavelet"), [((32, 40), "db4"), ((16, 24), "haar"), ((12, 12, 16), "db2")])
def test_denoising_is_soft_thresholding(
    shape: tuple[int, ...], wavelet: str, dtype: torch.dtype, free: bool
) -> None:
    y = torch.randn(shape, dtype=dtype)
    x, _ = wavelet_sparsity(
        Identity(), y, 0.7, ndim=len(shape), wavelet=wavelet, levels=2, sparse_averages=not free,
        tolerance=1e-6,
    )  # fmt: skip
    c = pywt.wavedecn(y.numpy(), wavelet, mode="periodization", level=2)
    thresholded = [c[0] if free else pywt.threshold(c[0], 0.7, "soft")]
    thresholded += [{k: pywt.threshold(v, 0.7, "soft") for k, v in band.items()} for band in c[1:]]
    best = pywt.waverecn(thresholded, wavelet, mode="periodization")
    np.testing.assert_allclose(x.numpy(), best, atol=1e-5)


@pytest.mark.parametrize("ndim", [2, 3])
def test_the_condition_for_a_minimum(ndim: int) -> None:
    A, y = scan(*(8, 16, 16)[-ndim:], dtype=torch.complex128)
    x, history = wavelet_sparsity(
        A, y, 0.05, ndim=ndim, wavelet="db2", levels=2, tolerance=1e-8, max_iterations=3000
    )
    W = Wavelet("db2", 2, ndim=ndim)
    c, g = W(x), W(A.adjoint(y - A(x))) / 0.05
    averages = tuple(slice(size // 4) for size in c.shape)
    assert history.converged
    assert g[averages].abs().max() < 1e-4
    c[averages] = g[averages] = 0
    assert g.abs().max() < 1 + 1e-4
    torch.testing.assert_close(g[c.abs() > 1e-6], torch.sgn(c[c.abs() > 1e-6]), atol=1e-3, rtol=0)
    penalty = 0.05 * c.abs().sum()
    assert history.objective[-1] == pytest.approx(float(0.5 * (A(x) - y).abs().square().sum() + penalty))


@pytest.mark.parametrize("shape", [(13, 18), (30, 7)])
def test_sizes_that_do_not_divide(shape: tuple[int, int]) -> None:
    y = torch.randn(shape, dtype=torch.float64)
    x, history = wavelet_sparsity(
        Identity(), y, 0.3, ndim=2, wavelet="haar", levels=2, tolerance=1e-9, max_iterations=5000
    )
    # The frame's margins are free to take what makes the penalty least: the padded problem as one of holes.
    frame = [-(-size // 4) * 4 for size in shape]
    corner = [full // 2 - size // 2 for full, size in zip(frame, shape, strict=True)]
    padding = [corner[1], frame[1] - shape[1] - corner[1], corner[0], frame[0] - shape[0] - corner[0]]
    mask = torch.nn.functional.pad(torch.ones(shape), padding) > 0
    z, other = wavelet_sparsity(
        Mask(mask), torch.nn.functional.pad(y, padding), 0.3, ndim=2, wavelet="haar", levels=2,
        tolerance=1e-9, max_iterations=5000,
    )  # fmt: skip
    assert x.shape == y.shape
    torch.testing.assert_close(x, z[mask].reshape(shape), atol=1e-6, rtol=0)
    assert history.objective[-1] == pytest.approx(other.objective[-1])


def test_cycle_spinning_is_the_mean_over_shifts() -> None:
    y = torch.randn(16, 16, dtype=torch.float64)
    x, history = wavelet_sparsity(
        Identity(), y, 0.5, ndim=2, wavelet="haar", levels=2, n_shifts=4, tolerance=1e-9
    )
    shifts = [(k, 3 * k) for k in range(4)]
    alone = [
        wavelet_sparsity(Identity(), y.roll(s, (0, 1)), 0.5, ndim=2, wavelet="haar", levels=2, tolerance=1e-9)
        for s in shifts
    ]
    mean = sum(each.roll((-s[0], -s[1]), (0, 1)) for (each, _), s in zip(alone, shifts, strict=True)) / 4
    # The step is not 1, and the proximal average depends on it a little.
    torch.testing.assert_close(x, mean, atol=0.05, rtol=0)
    assert history.converged


def test_cycle_spinning_moves_with_the_image() -> None:
    y = torch.randn(16, 16)
    x, _ = wavelet_sparsity(Identity(), y, 0.5, ndim=2, wavelet="haar", levels=1, n_shifts=2)
    z, _ = wavelet_sparsity(
        Identity(), y.roll((1, 1), (0, 1)), 0.5, ndim=2, wavelet="haar", levels=1, n_shifts=2
    )
    torch.testing.assert_close(z.roll((-1, -1), (0, 1)), x, atol=1e-4, rtol=0)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_units_do_not_matter(scale: float) -> None:
    A, y = scan(16, 16)
    x, history = wavelet_sparsity(A, y, 0.05, ndim=2, levels=2, max_iterations=20)
    z, other = wavelet_sparsity(A, y * scale, 0.05 * scale, ndim=2, levels=2, max_iterations=20)
    torch.testing.assert_close(z / scale, x, atol=1e-4, rtol=1e-4)
    assert other.iterations == history.iterations


def test_batch_equals_loop() -> None:
    A, y = scan(15, 18)
    y = torch.stack([y, 10 * y.flip(-1), y + 0.3 * A(torch.randn(15, 18, dtype=y.dtype))])
    x, history = wavelet_sparsity(A, y, 0.05, ndim=2, levels=2, n_batch=1, tolerance=1e-3)
    alone = [wavelet_sparsity(A, each, 0.05, ndim=2, levels=2, tolerance=1e-3) for each in y]
    assert history.iterations == max(each.iterations for _, each in alone)
    for together, (each, _) in zip(x, alone, strict=True):
        torch.testing.assert_close(together, each, atol=1e-4 * each.abs().max().item(), rtol=0)


def test_real_data_as_complex_ones() -> None:
    y = torch.randn(16, 16)
    x, _ = wavelet_sparsity(2 * Identity(), y, 0.2, ndim=2, levels=2, tolerance=1e-6)
    z, _ = wavelet_sparsity(2 * Identity(), y + 0j, 0.2, ndim=2, levels=2, tolerance=1e-6)
    torch.testing.assert_close(z, x + 0j, atol=1e-5, rtol=0)


def test_the_callback_sees_the_image_without_its_frame() -> None:
    shapes = []
    wavelet_sparsity(
        Identity(), torch.randn(5, 7), 0.2, ndim=2, levels=2, callback=lambda *a: shapes.append(a[2].shape)
    )
    assert set(shapes) == {(5, 7)}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64, torch.complex128], ids=str)
@pytest.mark.parametrize("shape", [(2, 5), (1, 40_001)])
def test_shrinkage_is_its_formula(shape: tuple[int, int], dtype: torch.dtype) -> None:
    c = torch.randn(shape, dtype=dtype)
    c[0, 0] = 0
    threshold = torch.tensor([0.5, 2.0], dtype=torch.float64)[: shape[0]]
    t = threshold[:, None].to(c.real.dtype)
    wanted = torch.where(c.abs() > t, c - t * torch.sgn(c), 0)
    total = shrink(c, threshold)
    torch.testing.assert_close(c, wanted)
    torch.testing.assert_close(total, wanted.abs().sum(1).double(), rtol=1e-5, atol=0)


BAD = [
    ({"weight": 0.0}, "weight=0.0 must be a positive number"),
    ({"ndim": 1}, "ndim=1 must be 2"),
    ({"levels": 0}, "levels=0 must be at least 1"),
    ({"n_shifts": 0}, "n_shifts=0 must be at least 1"),
    ({"wavelet": "bior4.4"}, "bior4.4"),
    ({"y": torch.zeros(4, 4)}, "zero everywhere"),
    ({"y": torch.full((4, 4), float("inf"))}, "NaN or infinity"),
    ({"y": torch.ones(4)}, "too many for an image"),
]


@pytest.mark.parametrize(("wrong", "sentence"), BAD, ids=[sentence for _, sentence in BAD])
def test_bad_input_is_told_in_a_sentence(wrong: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        wavelet_sparsity(**{"A": Identity(), "y": torch.ones(4, 4), "weight": 0.1, "ndim": 2, **wrong})

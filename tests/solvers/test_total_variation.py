"""Total-variation reconstruction against dense optima, the denoiser, and what any solver has to keep."""

import itertools

import numpy as np
import pytest
import torch
from solvers.variation import DenseImage, differences, objective, optimum
from torch import Tensor

from mrrecon.operators import CartesianSense, Identity, Mask
from mrrecon.simulate import coil_maps, uniform_lines
from mrrecon.solvers import total_variation, total_variation_denoise
from mrrecon.solvers.total_variation import _TotalVariation

KINDS = list(itertools.product([True, False], ["reflect", "periodic"], [torch.float32, torch.complex64]))


def dense(shape: tuple[int, ...], dtype: torch.dtype, *, rows: int = 20) -> tuple[DenseImage, Tensor]:
    x = torch.zeros(shape, dtype=dtype)
    x[..., : shape[-1] // 2] = 1
    A = DenseImage(torch.randn(rows, x.numel(), dtype=dtype) / rows**0.5, shape)
    return A, A(x) + 0.1 * torch.randn(rows, dtype=dtype)


def scan(*, dtype: torch.dtype = torch.complex64) -> tuple[CartesianSense, Tensor]:
    x = torch.zeros(12, 10, dtype=dtype)
    x[3:9, 2:8] = 1 + 0.5j
    mask = uniform_lines((12, 10), acceleration=2, centre=2, generator=torch.Generator().manual_seed(1))
    A = CartesianSense(mask, coil_maps((12, 10), 4).to(dtype))
    return A, A(x + 0.05 * torch.randn(12, 10, dtype=dtype))


@pytest.mark.parametrize(("isotropic", "boundary", "dtype"), KINDS)
@pytest.mark.parametrize("shape", [(6, 5), (4, 3, 3)])
def test_least_objective(shape: tuple[int, ...], isotropic: bool, boundary: str, dtype: torch.dtype) -> None:
    A, y = dense(shape, dtype)
    kind = {"isotropic": isotropic, "boundary": boundary}
    x, history = total_variation(A, y, 0.1, ndim=len(shape), **kind, tolerance=3e-5, max_iterations=3000)
    M, v = A.matrix.numpy().astype(complex), y.numpy().astype(complex)
    D = differences(shape, periodic=boundary == "periodic")
    least = objective(M, v, optimum(M, v, 0.1, D, isotropic=isotropic), 0.1, D, isotropic=isotropic)
    assert history.converged
    assert history.objective[-1] == pytest.approx(least, rel=1e-4)
    assert objective(M, v, x.numpy(), 0.1, D, isotropic=isotropic) == pytest.approx(least, rel=1e-4)


@pytest.mark.parametrize("tolerance", [1e-2, 1e-4, 1e-6])
def test_the_criterion_is_what_it_says(tolerance: float) -> None:
    A, y = dense((6, 5), torch.float64, rows=40)
    M, v, D = A.matrix.numpy(), y.numpy(), differences((6, 5), periodic=True)
    x, history = total_variation(A, y, 0.1, ndim=2, tolerance=tolerance, max_iterations=5000)
    assert history.converged
    # The condition for a minimum bounds the excess where A^H A has no eigenvalue below the least of these.
    least = objective(M, v, optimum(M, v, 0.1, D, isotropic=True), 0.1, D, isotropic=True)
    slack = tolerance * 0.1 * np.sqrt(((D @ x.numpy().ravel()) ** 2).sum(0)).sum()
    residual = tolerance * np.linalg.norm(M.T @ v)
    bound = slack + residual**2 / (2 * np.linalg.eigvalsh(M.T @ M).min())
    assert objective(M, v, x.numpy(), 0.1, D, isotropic=True) - least <= bound * (1 + 1e-6) + 1e-12


def test_a_rough_proximal_map_says_how_rough_it_is() -> None:
    v, step = torch.randn(6, 5, dtype=torch.float64), torch.tensor(0.5, dtype=torch.float64)
    proximal = _TotalVariation(v, 0.6, 2, isotropic=True, periodic=True, n_batch=0)
    found = proximal.near(v, step, moved=torch.tensor(50.0).double(), active=torch.tensor(True))
    D, M = differences((6, 5), periodic=True), np.eye(30)
    best = optimum(M, v.numpy().ravel(), 0.3, D, isotropic=True)
    excess = objective(M, v.numpy().ravel(), found.x.numpy(), 0.3, D, isotropic=True)
    excess -= objective(M, v.numpy().ravel(), best, 0.3, D, isotropic=True)
    gap = found.residual.square() / 2 + found.slack * step * found.value
    assert 1e-6 < excess <= float(gap)
    assert found.residual > 0
    assert found.slack > 0


def test_multicoil_scan() -> None:
    A, y = scan(dtype=torch.complex128)
    x, history = total_variation(A, y, 0.02, ndim=2, tolerance=1e-8, max_iterations=3000)
    eye = torch.eye(120, dtype=torch.complex128).reshape(120, 12, 10)
    M = A(eye).flatten(1).T.numpy()
    D, v = differences((12, 10), periodic=True), y.numpy().ravel()
    best = optimum(M, v, 0.02, D, isotropic=True, rho=0.1)
    least = objective(M, v, best, 0.02, D, isotropic=True)
    assert history.converged
    assert history.objective[-1] == pytest.approx(least, rel=1e-7)
    assert np.abs(x.numpy().ravel() - best).max() < 1e-3


def test_without_an_operator_it_denoises() -> None:
    y = torch.randn(12, 10)
    x, history = total_variation(Identity(), y, 0.3, ndim=2, tolerance=1e-4)
    z, other = total_variation_denoise(y, 0.3, ndim=2, tolerance=1e-4, boundary="periodic")
    assert torch.equal(x, z)
    assert history.criterion == other.criterion


def test_a_scaled_identity_denoises_as_well() -> None:
    y = torch.randn(12, 10)
    x, _ = total_variation(2 * Identity(), 2 * y, 1.2, ndim=2, tolerance=1e-5)
    z, _ = total_variation_denoise(y, 0.3, ndim=2, tolerance=1e-6, boundary="periodic")
    torch.testing.assert_close(x, z, atol=1e-3, rtol=0)


def test_holes_are_filled() -> None:
    x = torch.zeros(16, 16)
    x[4:12, 4:12] = 1
    mask = torch.rand(16, 16, generator=torch.Generator().manual_seed(0)) < 0.6
    filled, history = total_variation(
        Mask(mask), x * mask, 1e-3, ndim=2, boundary="reflect", max_iterations=2000
    )
    assert history.converged
    assert (filled - x).abs().mean() < 0.04


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_units_do_not_matter(scale: float) -> None:
    A, y = scan()
    x, history = total_variation(A, y, 0.02, ndim=2, max_iterations=12)
    z, other = total_variation(A, y * scale, 0.02 * scale, ndim=2, max_iterations=12)
    torch.testing.assert_close(z / scale, x, atol=1e-4, rtol=1e-4)
    assert other.iterations == history.iterations


@pytest.mark.parametrize("scale", [0.01, 30.0])
def test_the_operators_scale_does_not_matter(scale: float) -> None:
    A, y = scan()
    x, history = total_variation(A, y, 0.02, ndim=2, max_iterations=12)
    z, other = total_variation(scale * A, y * scale, 0.02 * scale**2, ndim=2, max_iterations=12)
    torch.testing.assert_close(z, x, atol=1e-4, rtol=1e-4)
    assert other.iterations == history.iterations


def test_batch_equals_loop() -> None:
    A, y = scan()
    y = torch.stack([y, 10 * y.flip(-1), y])
    y[2] += 0.3 * A(torch.randn(12, 10, dtype=y.dtype))
    x, history = total_variation(A, y, 0.02, ndim=2, n_batch=1, tolerance=1e-3)
    alone = [total_variation(A, each, 0.02, ndim=2, tolerance=1e-3) for each in y]
    assert history.iterations == max(each.iterations for _, each in alone)
    for together, (each, _) in zip(x, alone, strict=True):
        torch.testing.assert_close(together, each, atol=1e-4 * each.abs().max().item(), rtol=0)


def test_slices_of_one_problem() -> None:
    # Without differences from slice to slice, and with a mask that knows nothing of them: slice by slice.
    mask = torch.rand(12, 10, generator=torch.Generator().manual_seed(0)) < 0.7
    y = torch.randn(3, 12, 10) * mask
    x, _ = total_variation(Mask(mask), y, 0.1, ndim=2, tolerance=1e-6, max_iterations=3000)
    for each, slice_of_y in zip(x, y, strict=True):
        alone, _ = total_variation(Mask(mask), slice_of_y, 0.1, ndim=2, tolerance=1e-6, max_iterations=3000)
        torch.testing.assert_close(each, alone, atol=5e-3, rtol=0)


def test_threads_do_not_matter() -> None:
    A, y = scan()
    before, results = torch.get_num_threads(), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        results.append(total_variation(A, y, 0.02, ndim=2, max_iterations=10)[0])
    torch.set_num_threads(before)
    torch.testing.assert_close(results[0], results[1], atol=1e-5, rtol=1e-4)


def test_the_optimum_as_a_start_is_the_end() -> None:
    A, y = scan()
    x, history = total_variation(A, y, 0.02, ndim=2, tolerance=1e-5, max_iterations=1000)
    _, again = total_variation(A, y, 0.02, ndim=2, tolerance=1e-3, initial=x)
    assert again.iterations < history.iterations / 3
    assert again.objective[0] == pytest.approx(history.objective[-1], rel=1e-4)


def test_history_and_callback() -> None:
    A, y = scan()
    seen: list[tuple[int, float]] = []
    x, history = total_variation(
        A, y, 0.02, ndim=2, tolerance=0, max_iterations=7, callback=lambda i, c, _: seen.append((i, c))
    )
    assert [number for number, _ in seen] == list(range(1, 8))
    assert [criterion for _, criterion in seen] == history.criterion[1:]
    assert not history.converged
    g = torch.stack([x.roll(-1, axis) - x for axis in (-2, -1)]).abs().square().sum(0).sqrt().sum()
    assert history.objective[-1] == pytest.approx(
        float(0.5 * (A(x) - y).abs().square().sum() + 0.02 * g), rel=1e-4
    )


BAD = [
    ({"weight": 0.0}, ValueError, "weight=0.0 must be a positive number"),
    ({"weight": -1.0}, ValueError, "weight=-1.0"),
    ({"ndim": 4}, ValueError, "ndim=4"),
    ({"ndim": 3}, ValueError, "too many for an image"),
    ({"boundary": "wrap"}, ValueError, "boundary='wrap'"),
    ({"y": torch.zeros(4, 12, 10) + 0j}, ValueError, "zero everywhere"),
    ({"y": torch.full((4, 12, 10), float("nan")) + 0j}, ValueError, "NaN"),
    ({"y": torch.ones(4, 12, 10)}, TypeError, "complex"),
    ({"y": torch.ones(3, 12, 10) + 0j}, ValueError, "coils"),
    ({"initial": torch.ones(3, 3) + 0j}, ValueError, "initial must have"),
]


@pytest.mark.parametrize(("wrong", "kind", "sentence"), BAD, ids=[sentence for *_, sentence in BAD])
def test_bad_input_is_told_in_a_sentence(wrong: dict, kind: type[Exception], sentence: str) -> None:
    A, y = scan()
    with pytest.raises(kind, match=sentence):
        total_variation(**{"A": A, "y": y, "weight": 0.1, "ndim": 2, **wrong})


@pytest.mark.gpu
def test_a_graphics_processor_agrees() -> None:
    A, y = scan()
    x, _ = total_variation(A, y, 0.02, ndim=2)
    z, _ = total_variation(A, y.cuda(), 0.02, ndim=2)
    torch.testing.assert_close(z.cpu(), x, atol=1e-3, rtol=1e-3)

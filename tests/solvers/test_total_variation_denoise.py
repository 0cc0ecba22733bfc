"""Total-variation denoising against dense optima, scikit-image, its own certificate and its plain twin."""

import itertools
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from skimage.restoration import denoise_tv_chambolle
from solvers.variation import differences, objective, optimum
from torch import Tensor

from mrrecon.solvers import total_variation_denoise
from mrrecon.solvers.tv_compiled import CompiledSteps
from mrrecon.solvers.tv_plain import PlainSteps
from mrrecon.solvers.tv_steps import step_sizes

SHAPES = [(6, 5), (4, 3, 5)]
KINDS = list(itertools.product([True, False], ["reflect", "periodic"]))


@pytest.fixture
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def noisy(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    y = 0.3 * torch.randn(shape, dtype=dtype)
    y[..., : shape[-1] // 2] += 1
    return y


# In single precision: each kind and type is compiled once, and others are compiled for other tests.
@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64], ids=["real", "complex"])
@pytest.mark.parametrize(("isotropic", "boundary"), KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_least_objective(shape: tuple[int, ...], isotropic: bool, boundary: str, dtype: torch.dtype) -> None:
    y = noisy(*shape, dtype=dtype)
    x, history = total_variation_denoise(
        y, 0.2, ndim=len(shape), isotropic=isotropic, boundary=boundary, tolerance=2e-6
    )
    v = y.numpy().ravel().astype(complex)
    D, M = differences(shape, periodic=boundary == "periodic"), np.eye(v.size) + 0j
    least = objective(M, v, optimum(M, v, 0.2, D, isotropic=isotropic), 0.2, D, isotropic=isotropic)
    assert history.converged
    assert history.objective[-1] == pytest.approx(least, rel=4e-6)
    assert objective(M, v, x.numpy(), 0.2, D, isotropic=isotropic) == pytest.approx(least, rel=4e-6)


def test_least_image_in_double_precision() -> None:
    y = noisy(6, 5)
    x, history = total_variation_denoise(y, 0.2, ndim=2, tolerance=1e-11, max_iterations=50_000)
    D, M, v = differences((6, 5), periodic=False), np.eye(30), y.numpy().ravel()
    assert history.converged
    np.testing.assert_allclose(x.numpy().ravel(), optimum(M, v, 0.2, D, isotropic=True), atol=2e-5)


@pytest.mark.parametrize("tolerance", [0.3, 1e-1, 1e-2, 1e-3, 1e-5])
def test_the_certificate_holds(tolerance: float) -> None:
    y = noisy(7, 6)
    D, M, v = differences((7, 6), periodic=False), np.eye(42), y.numpy().ravel()
    least = objective(M, v, optimum(M, v, 0.2, D, isotropic=True), 0.2, D, isotropic=True)
    x, history = total_variation_denoise(y, 0.2, ndim=2, tolerance=tolerance)
    value = objective(M, v, x.numpy(), 0.2, D, isotropic=True)
    assert history.converged
    assert history.criterion[-1] <= tolerance
    assert 0 <= (value - least) / value <= history.criterion[-1]


@pytest.mark.parametrize(("shape", "weight"), [((48, 40), 0.2), ((16, 12, 14), 0.1)])
def test_scikit_image_agrees(shape: tuple[int, ...], weight: float) -> None:
    y = noisy(*shape, dtype=torch.float32)
    x, _ = total_variation_denoise(y, weight, ndim=len(shape), tolerance=1e-6, max_iterations=5000)
    other = denoise_tv_chambolle(y.numpy(), weight=weight, eps=0, max_num_iter=4000)
    np.testing.assert_allclose(x.numpy(), other, atol=2e-3)


def test_heavy_weight_leaves_the_mean() -> None:
    y = noisy(9, 8)
    x, history = total_variation_denoise(y, 5.0, ndim=2, tolerance=1e-6)
    assert history.converged
    torch.testing.assert_close(x, y.mean().expand(9, 8), atol=1e-3, rtol=0)


def test_constant_image_is_left_alone_at_once() -> None:
    x, history = total_variation_denoise(torch.ones(5, 4), 1.0, ndim=2, tolerance=0)
    assert torch.equal(x, torch.ones(5, 4))
    assert history.iterations == 0
    assert history.objective == [0.0]


@pytest.mark.parametrize("ndim", [2, 3])
def test_batch_equals_loop(ndim: int) -> None:
    y = noisy(3, 2, *(10, 9, 8)[-ndim:], dtype=torch.complex64)
    y[0] *= 10
    x, history = total_variation_denoise(y, 0.1, ndim=ndim)
    alone = [total_variation_denoise(each, 0.1, ndim=ndim) for each in y.flatten(0, -ndim - 1)]
    assert torch.equal(x.flatten(0, -ndim - 1), torch.stack([each for each, _ in alone]))
    assert history.iterations == max(each.iterations for _, each in alone)
    assert history.objective[-1] == pytest.approx(sum(each.objective[-1] for _, each in alone))
    assert history.criterion[-1] == max(each.criterion[-1] for _, each in alone)


def test_real_data_as_complex_ones() -> None:
    y = noisy(12, 11, dtype=torch.float32)
    x, _ = total_variation_denoise(y, 0.2, ndim=2)
    z, _ = total_variation_denoise(y + 0j, 0.2, ndim=2)
    torch.testing.assert_close(z, x + 0j, atol=1e-5, rtol=1e-5)


def test_phase_is_carried_along() -> None:
    y, turn = noisy(12, 11, dtype=torch.complex64), np.exp(0.7j)
    x, _ = total_variation_denoise(y, 0.2, ndim=2, isotropic=False)
    z, _ = total_variation_denoise(y * turn, 0.2, ndim=2, isotropic=False)
    torch.testing.assert_close(z, x * turn, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_units_do_not_matter(scale: float) -> None:
    y = noisy(12, 11, dtype=torch.float32)
    x, history = total_variation_denoise(y, 0.2, ndim=2)
    z, other = total_variation_denoise(y * scale, 0.2 * scale, ndim=2)
    torch.testing.assert_close(z / scale, x, atol=1e-5, rtol=1e-5)
    assert other.iterations == history.iterations


@pytest.mark.usefixtures("_threads")
@pytest.mark.parametrize("boundary", ["reflect", "periodic"])
@pytest.mark.parametrize("shape", [(200, 190), (40, 36, 38)])
def test_threads_do_not_matter(shape: tuple[int, ...], boundary: str) -> None:
    y = noisy(*shape, dtype=torch.float32)
    results = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        results.append(total_variation_denoise(y, 0.2, ndim=len(shape), boundary=boundary, tolerance=1e-2))
        assert torch.get_num_threads() == threads
    for x, history in results[1:]:
        torch.testing.assert_close(x, results[0][0], atol=1e-5, rtol=0)
        assert history.criterion == pytest.approx(results[0][1].criterion, rel=1e-3)


def test_torch_keeps_its_threads_when_kernels_are_first_used() -> None:
    code = (
        "import torch; from mrrecon.solvers import total_variation_denoise; torch.set_num_threads(1); "
        "total_variation_denoise(torch.eye(9), 0.1, ndim=2); print(torch.get_num_threads())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1"]


@pytest.mark.usefixtures("_threads")
@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize(("isotropic", "boundary"), KINDS)
@pytest.mark.parametrize("shape", [(61, 1, 570), (33, 30, 31), (3, 1, 4)])
def test_compiled_steps_are_the_plain_ones(
    shape: tuple[int, ...], isotropic: bool, boundary: str, parts: int
) -> None:
    torch.set_num_threads(3)
    y = torch.randn(2, parts, *shape)
    sizes, weights = step_sizes(21, ndim=3), np.array([0.3, 0.5])
    states = [
        kind(y, isotropic=isotropic, periodic=boundary == "periodic") for kind in (CompiledSteps, PlainSteps)
    ]
    for state in states:
        state.advance(weights, sizes[:11], np.array([0, 1]))
        state.advance(weights, sizes[11:], np.array([1]))
    torch.testing.assert_close(states[0].image(), states[1].image(), atol=1e-5, rtol=1e-5)
    sums = [state.measure(weights, np.array([0, 1])) for state in states]
    np.testing.assert_allclose(sums[0], sums[1], rtol=1e-3, atol=1e-4)


def test_a_better_start_is_a_start() -> None:
    y = noisy(20, 20)
    x, history = total_variation_denoise(y, 0.2, ndim=2, tolerance=1e-6)
    _, again = total_variation_denoise(y, 0.2, ndim=2, tolerance=1e-6, initial=x)
    assert again.objective[0] == pytest.approx(history.objective[-1])
    assert again.objective[-1] == pytest.approx(history.objective[-1], rel=1e-5)


def test_history_has_an_entry_for_every_iteration() -> None:
    seen: list[tuple[int, float]] = []
    _, history = total_variation_denoise(
        noisy(20, 20),
        0.2,
        ndim=2,
        tolerance=0,
        max_iterations=30,
        callback=lambda number, criterion, _: seen.append((number, criterion)),
    )
    assert not history.converged
    assert len(history.objective) == len(history.seconds) == history.iterations + 1 == 31
    assert seen[-1] == (30, history.criterion[-1])
    assert all(history.criterion[number] == criterion for number, criterion in seen)


BAD = [
    ({"weight": 0.0}, "weight=0.0 must be a positive number"),
    ({"weight": -1.0}, "weight=-1.0 must be a positive number"),
    ({"weight": float("nan")}, "weight=nan"),
    ({"ndim": 1}, "ndim=1 must be 2"),
    ({"boundary": "wrap"}, "boundary='wrap'"),
    ({"tolerance": -1.0}, "tolerance=-1.0"),
    ({"max_iterations": 0}, "max_iterations=0"),
    ({"y": torch.full((4, 4), float("nan"))}, "NaN"),
    ({"y": torch.zeros(4, 4)}, "zero everywhere"),
    ({"y": torch.ones(4)}, "too many for an image"),
    ({"initial": torch.ones(3, 3)}, "initial must have"),
]


@pytest.mark.parametrize(("wrong", "sentence"), BAD, ids=[sentence for _, sentence in BAD])
def test_bad_input_is_told_in_a_sentence(wrong: dict[str, object], sentence: str) -> None:
    arguments = {"y": torch.ones(4, 4), "weight": 0.1, "ndim": 2, **wrong}
    with pytest.raises(ValueError, match=sentence):
        total_variation_denoise(**arguments)


def test_half_precision_is_refused() -> None:
    with pytest.raises(TypeError, match=r"give y\.float\(\)"):
        total_variation_denoise(torch.ones(4, 4, dtype=torch.float16), 0.1, ndim=2)


@pytest.mark.gpu
def test_a_graphics_processor_agrees() -> None:
    y = noisy(30, 20, dtype=torch.complex64)
    x, _ = total_variation_denoise(y, 0.2, ndim=2)
    z, _ = total_variation_denoise(y.cuda(), 0.2, ndim=2)
    torch.testing.assert_close(z.cpu(), x, atol=1e-4, rtol=1e-4)

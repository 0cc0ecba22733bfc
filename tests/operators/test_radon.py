"""Parallel-beam CT."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from operators.rays import joseph, parallel
from torch import Tensor

from mrrecon.operators import Radon
from mrrecon.operators.ray_projector import _backproject_torch, _project_torch
from mrrecon.simulate import exact_sinogram, shepp_logan

HALF = [k * math.pi / 8 + 0.05 for k in range(8)]
TURN = [k * math.pi / 6 for k in range(12)]
ODD = [0.3, -2.0, 11.0]
SCANS: dict[str, tuple[tuple[int, int], list[float], dict[str, Any]]] = {
    "square, mirrored angles": ((7, 7), [k * math.pi / 8 for k in range(8)], {"n_detectors": 10}),
    "square, shifted angles": ((6, 6), HALF, {"n_detectors": 9}),
    "square, whole turn": ((8, 8), TURN, {"n_detectors": 11}),
    "square, angles given twice": ((5, 5), TURN + TURN[:2], {"n_detectors": 8}),
    "square, offset": ((8, 8), TURN, {"n_detectors": 12, "detector_offset": 0.3}),
    "square, fine detector": ((6, 6), TURN, {"n_detectors": 21, "detector_spacing": 0.4}),
    "square, coarse detector": ((9, 9), ODD, {"n_detectors": 4, "detector_spacing": 2.7}),
    "rectangle": ((6, 9), TURN, {"n_detectors": 11}),
    "rectangle, long pixels": ((9, 6), HALF, {"n_detectors": 11, "spacing": (0.5, 1.3)}),
    "one row": ((1, 6), HALF, {"n_detectors": 7}),
    "one detector": ((5, 5), HALF, {"n_detectors": 1, "detector_offset": 0.7}),
}


def _scan(name: str) -> tuple[Radon, Tensor]:
    """An operator and its matrix."""
    shape, angles, keywords = SCANS[name]
    spacing = keywords.get("spacing", (1.0, 1.0))
    rays = parallel(
        angles,
        keywords["n_detectors"],
        step=keywords.get("detector_spacing", 1.0),
        offset=keywords.get("detector_offset", 0.0),
    )
    return Radon(shape, angles, **keywords), torch.from_numpy(joseph(rays, shape, spacing))


@pytest.mark.parametrize("name", SCANS)
def test_is_the_matrix_of_josephs_weights(name: str) -> None:
    A, matrix = _scan(name)
    x = torch.randn(3, *A.shape, dtype=torch.float64)
    torch.testing.assert_close(A(x).flatten(1), x.flatten(1) @ matrix.T, rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", SCANS)
def test_adjoint_is_the_transposed_matrix(name: str) -> None:
    A, matrix = _scan(name)
    y = torch.randn(3, len(A.angles), A.n_detectors, dtype=torch.float64)
    torch.testing.assert_close(A.adjoint(y).flatten(1), y.flatten(1) @ matrix, rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", SCANS)
def test_torch_path_agrees_with_the_compiled_one(name: str) -> None:
    A, _ = _scan(name)
    x = torch.randn(2, *A.shape, dtype=torch.float64)
    y = torch.randn(2, len(A.angles), A.n_detectors, dtype=torch.float64)
    forward, back = torch.zeros_like(y), torch.zeros_like(x)
    for group in A._projector._plain:
        _project_torch(x, forward, group)
        _backproject_torch(y, back, group)
    torch.testing.assert_close(forward, A(x), rtol=0, atol=1e-11)
    torch.testing.assert_close(back, A.adjoint(y), rtol=0, atol=1e-11)


@pytest.mark.parametrize(("dtype", "most"), [(torch.float32, 1e-6), (torch.float64, 1e-13)])
def test_adjoint_is_exact_to_rounding(dtype: torch.dtype, most: float) -> None:
    A = Radon((64, 64), torch.arange(40) * 0.31)
    x, y = torch.randn(64, 64, dtype=dtype), torch.randn(40, A.n_detectors, dtype=dtype)
    left, right = (A(x).double() * y).sum(), (x * A.adjoint(y).double()).sum()
    assert abs(left - right) < most * A(x).double().norm() * y.norm()


def test_approaches_the_exact_transform_of_the_head() -> None:
    angles = torch.arange(60) * math.pi / 60
    errors = []
    for n in (32, 128):
        A = Radon((n, n), angles, spacing=200 / n, detector_spacing=200 / n)
        exact = exact_sinogram(A)
        errors.append(((A(shepp_logan((n, n), samples=4)) - exact).norm() / exact.norm()).item())
    # The error sits at the edges, whose pixels take up a fourth of the area at a fourth of the size.
    assert errors[1] < 0.03
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.2)


def test_sinogram_of_scikit_image_is_the_transpose() -> None:
    radon = pytest.importorskip("skimage.transform", reason="scikit-image is not installed").radon
    x = shepp_logan((65, 65), samples=4)
    x[10:20, 30:40] += 1
    degrees = np.arange(0, 360, 20.0)
    expected = torch.from_numpy(radon(x.numpy(), theta=degrees)).T
    y = Radon((65, 65), np.deg2rad(degrees).tolist(), n_detectors=65)(x)
    assert (y - expected).norm() < 0.02 * expected.norm()


@pytest.mark.parametrize("size", [(24, 24), (20, 26)])
def test_is_the_linear_projector_of_astra(size: tuple[int, int]) -> None:
    astra = pytest.importorskip("astra", reason="astra-toolbox is not installed")
    x = torch.randn(size)
    angles = np.linspace(0, 2 * np.pi, 23)
    projector = astra.create_projector(
        "linear", astra.create_proj_geom("parallel", 0.8, 40, angles), astra.create_vol_geom(*size)
    )
    expected = torch.from_numpy(astra.create_sino(x.numpy(), projector)[1])
    y = Radon(size, angles.tolist(), n_detectors=40, detector_spacing=0.8)(x)
    assert (y - expected).abs().max() < 2e-3  # it counts columns in single precision, step by step


def test_mirrored_angles_share_their_weights() -> None:
    (group,) = Radon((16, 16), torch.arange(180) * math.pi / 180)._projector._shared
    assert len(group.turns) == 8
    assert len(group.bundles) - 1 <= 180 / 4 + 1  # of half the detectors each


def test_angles_in_single_precision_are_mirrored_to_their_rounding() -> None:
    exact = [k * math.pi / 60 for k in range(60)]
    x = torch.randn(32, 32)
    rounded = Radon((32, 32), torch.tensor(exact))
    assert len(rounded._projector._shared) == 1
    torch.testing.assert_close(rounded(x), Radon((32, 32), exact)(x), rtol=0, atol=1e-3)


@pytest.mark.parametrize("count", [1, 3, 17])
def test_batch_is_each_image_by_itself(count: int) -> None:
    A = Radon((12, 12), HALF)
    x = torch.randn(count, 12, 12)
    y = A(x)
    torch.testing.assert_close(y, torch.stack([A(image) for image in x]))
    torch.testing.assert_close(A.adjoint(y), torch.stack([A.adjoint(view) for view in y]))


@pytest.mark.parametrize("apply", [Radon.forward, Radon.adjoint])
def test_threads_change_nothing(apply: Callable[[Radon, Tensor], Tensor]) -> None:
    A = Radon((64, 64), torch.arange(90) * math.pi / 90, n_detectors=64)
    data = torch.randn(3, *((64, 64) if apply is Radon.forward else (90, 64)))
    two = apply(A, data)
    torch.set_num_threads(1)
    try:
        one = apply(A, data)
    finally:
        torch.set_num_threads(2)
    assert torch.equal(one, two)


def test_complex_image_is_two_real_ones() -> None:
    A = Radon((6, 7), HALF)
    x = torch.randn(2, 6, 7, dtype=torch.complex64)
    torch.testing.assert_close(A(x), torch.complex(A(x.real), A(x.imag)))


def test_half_precision_is_rounded_only_at_the_end() -> None:
    A = Radon((16, 16), HALF)
    x = torch.rand(16, 16).half()
    assert torch.equal(A(x), A(x.float()).half())


def test_gradient_is_the_adjoint() -> None:
    A = Radon((5, 6), HALF)
    x = torch.randn(5, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(A, x)
    assert torch.autograd.gradgradcheck(A, x)


def test_formula_says_the_size() -> None:
    assert repr(Radon((4, 4), [0.0, 1.0])) == "Radon(2 views, 6 detectors)"


@pytest.mark.gpu
def test_device_makes_no_difference() -> None:
    A = Radon((32, 40), TURN, detector_offset=0.2)
    x, y = torch.randn(2, 32, 40), torch.randn(2, 12, A.n_detectors)
    torch.testing.assert_close(A(x.cuda()).cpu(), A(x), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(A.adjoint(y.cuda()).cpu(), A.adjoint(y), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "angles", "keywords", "message"),
    [
        ((4, 4), [], {}, r"angles of shape \(0,\) must be a list of at least one angle"),
        ((4, 4), [0.0, math.nan], {}, "angles must be finite"),
        ((4, 4, 4), [0.0], {}, r"shape=\(4, 4, 4\) must be the rows and columns"),
        ((4, 0), [0.0], {}, r"shape=\(4, 0\) must be the rows and columns"),
        ((4, 4), [0.0], {"n_detectors": 0}, "n_detectors=0 must be a whole number, at least 1"),
        ((4, 4), [0.0], {"detector_spacing": 0}, "detector_spacing=0 mm must be positive"),
        ((4, 4), [0.0], {"spacing": -1.0}, r"spacing=-1\.0 mm must be positive"),
        ((4, 4), [0.0], {"spacing": (1, 1, 1)}, r"spacing=\(1, 1, 1\) must be one distance"),
        ((4, 4), [0.0], {"detector_offset": math.inf}, "detector_offset=inf mm must be finite"),
    ],
)
def test_impossible_scan_is_refused(shape: Any, angles: Any, keywords: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Radon(shape, angles, **keywords)


def test_complex_angles_are_refused() -> None:
    with pytest.raises(TypeError, match="angles must be real numbers"):
        Radon((4, 4), torch.zeros(2, dtype=torch.complex64))


def test_other_image_is_refused() -> None:
    A = Radon((4, 5), [0.0])
    with pytest.raises(ValueError, match=r"x of shape \(5, 4\) must end in \(4, 5\)"):
        A(torch.zeros(5, 4))
    with pytest.raises(ValueError, match=r"y of shape \(2, 7\) must end in \(1, 7\)"):
        A.adjoint(torch.zeros(2, 7))

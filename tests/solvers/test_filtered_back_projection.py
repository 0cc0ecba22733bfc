"""Filtered back-projection."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mrrecon.operators import FanBeam, Radon, ct
from mrrecon.simulate import Ellipsoid, exact_sinogram, shepp_logan
from mrrecon.solvers import conjugate_gradient, filtered_back_projection
from mrrecon.solvers.ramp_filter import filter_views, ramp_response

N = 64
HALF = (torch.arange(120, dtype=torch.float64) * math.pi / 120).tolist()
TURN = [2 * angle for angle in HALF]
GOLDEN = (torch.arange(120, dtype=torch.float64) * 2.39996).tolist()
FAN: dict[str, Any] = {"source_distance": 100, "detector_distance": 80, "n_detectors": 180}
DISC = [Ellipsoid(2.0, (0.6, 0.6, 1.0), (0.1, -0.05, 0.0))]

SCANS = {
    "half a turn": lambda: Radon((N, N), HALF),
    "a whole turn": lambda: Radon((N, N), TURN),
    "both": lambda: Radon((N, N), HALF + TURN),
    "golden angles": lambda: Radon((N, N), GOLDEN),
    "uneven angles": lambda: Radon((N, N), HALF[:40] + HALF[40:80:2] + HALF[80:]),
    "offset": lambda: Radon((N, N), HALF, detector_offset=0.25, n_detectors=100),
    "fine detector, mm": lambda: Radon((N, N), HALF, spacing=0.7, detector_spacing=0.35),
    "rectangle": lambda: Radon((N, 80), HALF, spacing=(1.0, 0.8)),
    "flat fan": lambda: FanBeam((N, N), TURN, **FAN),
    "curved fan": lambda: FanBeam((N, N), TURN, detector="curved", **FAN),
    "flat fan, golden angles": lambda: FanBeam((N, N), GOLDEN, **FAN),
    "flat fan, offset": lambda: FanBeam((N, N), TURN, detector_offset=0.4, **FAN),
    "flat fan, short scan": lambda: FanBeam((N, N), [a + 2.0 for a in TURN[:80]], **FAN),
    "curved fan, short scan": lambda: FanBeam((N, N), TURN[:80], detector="curved", **FAN),
    "flat fan, rectangle": lambda: FanBeam((N, 80), TURN, spacing=(1.0, 0.8), **FAN),
}


@pytest.mark.parametrize("name", SCANS)
def test_disc_has_its_brightness_inside_and_none_outside(name: str) -> None:
    A = SCANS[name]()
    x = filtered_back_projection(A, exact_sinogram(A, ellipsoids=DISC))
    rows, columns = torch.linspace(1, -1, A.shape[0])[:, None], torch.linspace(-1, 1, A.shape[1])
    radius = ((rows + 0.05) ** 2 + (columns - 0.1) ** 2).sqrt()
    assert x[radius < 0.5].mean().item() == pytest.approx(2.0, rel=3e-3)
    assert (x[radius < 0.5] - 2.0).abs().max() < 0.06
    assert x[(radius > 0.7) & (rows**2 + columns**2 < 0.9)].mean().item() == pytest.approx(0.0, abs=8e-3)


@pytest.mark.parametrize("name", SCANS)
def test_torch_path_agrees_with_the_compiled_one(name: str) -> None:
    A = SCANS[name]()
    y = exact_sinogram(A)
    differentiable = filtered_back_projection(A, y.clone().requires_grad_())
    torch.testing.assert_close(filtered_back_projection(A, y), differentiable.detach(), rtol=0, atol=1e-11)


def test_is_scikit_images_inside_of_the_circle() -> None:
    iradon = pytest.importorskip("skimage.transform", reason="scikit-image is not installed").iradon
    A = Radon((65, 65), HALF, n_detectors=65)
    y = exact_sinogram(A)
    expected = torch.from_numpy(iradon(y.numpy().T, theta=np.rad2deg(HALF), filter_name="ramp"))
    place = torch.arange(65) - 32
    inside = place[:, None] ** 2 + place**2 < 31**2
    torch.testing.assert_close(filtered_back_projection(A, y)[inside], expected[inside], rtol=0, atol=1e-9)


def test_windows_are_ever_smoother() -> None:
    A = Radon((N, N), HALF)
    noise = torch.randn(120, A.n_detectors)
    left = [
        filtered_back_projection(A, noise, window=window).std().item()
        for window in ("ramp", "shepp-logan", "cosine", "hamming", "hann")
    ]
    assert left == sorted(left, reverse=True)


def test_filter_is_the_convolution_with_the_sampled_ramp() -> None:
    y = torch.randn(3, 20, dtype=torch.float64)
    kernel = torch.zeros(39, dtype=torch.float64)
    for lag in range(-19, 20):
        kernel[lag + 19] = 0.25 if lag == 0 else -((math.pi * lag) ** -2) * (lag % 2)
    step = 0.5
    expected = torch.nn.functional.conv1d(y[:, None], kernel[None, None] / step**2, padding=19)[:, 0] * step
    torch.testing.assert_close(filter_views(y, ramp_response(20, step)), expected)


def test_cutoff_stops_high_frequencies() -> None:
    response = ramp_response(64, 1.0, cutoff=0.5)
    assert (response[response.numel() // 2 + 1 :] == 0).all()
    assert (response[: response.numel() // 2] > 0).all()


def test_batch_is_each_sinogram_by_itself() -> None:
    A = FanBeam((16, 16), TURN[::4], source_distance=40, detector_distance=0, n_detectors=30)
    y = torch.randn(3, 2, 30, 30)
    x = filtered_back_projection(A, y)
    assert x.shape == (3, 2, 16, 16)
    torch.testing.assert_close(x[2, 1], filtered_back_projection(A, y[2, 1]))


def test_precision_is_that_of_the_sinogram() -> None:
    A = Radon((16, 16), HALF)
    y = exact_sinogram(A)
    for dtype, most in ((torch.float32, 1e-6), (torch.float16, 3e-3)):
        x = filtered_back_projection(A, y.to(dtype))
        assert x.dtype == dtype
        torch.testing.assert_close(x.double(), filtered_back_projection(A, y), rtol=0, atol=most)


def test_gradient_is_that_of_a_linear_map() -> None:
    A = Radon((5, 5), HALF[::20], n_detectors=7)
    y = torch.randn(6, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda y: filtered_back_projection(A, y), y)


def test_is_a_good_start_for_conjugate_gradients() -> None:
    A = Radon((N, N), HALF[::2])
    x = shepp_logan((N, N), samples=4)
    y = A(x)

    def error(initial: Tensor | None) -> Tensor:
        return (conjugate_gradient(A, y, initial=initial, max_iterations=3)[0] - x).norm()

    assert error(filtered_back_projection(A, y)) < 0.5 * error(None)


@pytest.mark.parametrize(
    ("A", "message"),
    [
        (lambda: Radon((8, 8), [0.3]), "are one direction only, 0.3, from which no image can be made"),
        (lambda: Radon((8, 8), [0.3, 0.3 + math.pi]), "are one direction only"),
        (lambda: Radon((8, 8), HALF, n_detectors=4), "needs all of it, widen the detector"),
        (lambda: Radon((8, 8), HALF, detector_offset=3.0, n_detectors=9), "needs all of it"),
        (lambda: FanBeam((N, N), TURN[:40], **FAN), "angles turn by 120 degrees, and this fan needs 217.3"),
    ],
)
def test_scan_that_cannot_be_inverted_is_refused(A: Any, message: str) -> None:
    operator = A()
    y = torch.ones(len(operator.angles), operator.n_detectors)
    with pytest.raises(ValueError, match=message):
        filtered_back_projection(operator, y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (torch.ones(120, 12), r"y of shape \(120, 12\) must end in \(120, 11\)"),
        (torch.full((120, 11), math.nan), "y holds NaN or infinity"),
        (torch.zeros(120, 11), "y is zero everywhere"),
    ],
)
def test_other_sinogram_is_refused(y: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        filtered_back_projection(Radon((8, 8), HALF, n_detectors=11), y)


def test_cutoff_out_of_range_is_refused() -> None:
    A = Radon((8, 8), HALF, n_detectors=11)
    with pytest.raises(ValueError, match=r"cutoff=1\.5 must be above 0 and at most 1"):
        filtered_back_projection(A, torch.ones(120, 11), cutoff=1.5)


def test_operator_without_that_geometry_is_refused() -> None:
    A = ct((8, 8), HALF, n_detectors=11, measured=torch.ones(11, dtype=torch.bool))
    with pytest.raises(TypeError, match="A must be Radon or FanBeam, got Mask @ Radon"):
        filtered_back_projection(A, torch.ones(120, 11))

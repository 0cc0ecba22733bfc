"""Exact line integrals and Fourier transforms of ellipsoids."""

import math

import pytest
import torch
from scipy.integrate import dblquad

from mrrecon.operators import FanBeam, Radon
from mrrecon.simulate import (
    Ellipsoid,
    exact_fourier,
    exact_line_integrals,
    exact_sinogram,
    shepp_logan,
    shepp_logan_ellipsoids,
)

BODY = Ellipsoid(2.0, (0.6, 0.3, 0.5), (0.2, -0.1, 0.3), 25.0)
VIEW = (12.0, 8.0)
FAN = {"source_distance": 40.0, "detector_distance": 20.0, "n_detectors": 9}


def _inside(x: float, y: float, z: float = 0.3, depth: float = 2.0) -> bool:
    """Whether a point, in mm, is inside of the body."""
    u, v, w = x / (VIEW[0] / 2) - 0.2, y / (VIEW[1] / 2) + 0.1, z / (depth / 2) - 0.3
    turn = math.radians(25.0)
    along, across = math.cos(turn) * u + math.sin(turn) * v, math.cos(turn) * v - math.sin(turn) * u
    return (along / 0.6) ** 2 + (across / 0.3) ** 2 + (w / 0.5) ** 2 <= 1


@pytest.mark.parametrize(("theta", "s"), [(0.0, 1.0), (0.7, 0.4), (2.5, -1.5), (4.0, 0.3), (1.0, 30.0)])
def test_line_integral_is_the_sum_of_points_along_the_line(theta: float, s: float) -> None:
    step = 1e-3
    along = torch.arange(-10, 10, step, dtype=torch.float64)
    x, y = s * math.cos(theta) - along * math.sin(theta), s * math.sin(theta) + along * math.cos(theta)
    expected = 2.0 * step * sum(map(_inside, x.tolist(), y.tolist()))
    ray = torch.tensor([theta]), torch.tensor([s])
    exact = exact_line_integrals(*ray, ellipsoids=[BODY], field_of_view=VIEW, height=0.3)
    assert exact.item() == pytest.approx(expected, abs=3 * step * 2)


def test_plane_beyond_the_ellipsoid_is_empty() -> None:
    line = torch.zeros(1)
    assert exact_line_integrals(line, line, ellipsoids=[BODY], field_of_view=VIEW, height=0.81) == 0


@pytest.mark.parametrize("k", [(0.0, 0.0), (0.1, 0.05), (-0.13, 0.08)])
def test_fourier_transform_in_the_plane_is_the_integral(k: tuple[float, float]) -> None:
    disc = Ellipsoid(1.5, (0.5, 0.25, 1.0), (0.25, -0.5, 0.0))

    def integrand(v: float, u: float) -> float:
        x, y = 6 * (0.25 + 0.5 * u), 4 * (-0.5 + 0.25 * v)
        return 3.0 * 1.0 * 1.5 * math.cos(2 * math.pi * (k[0] * -y + k[1] * x))

    expected, _ = dblquad(integrand, -1, 1, lambda u: -math.sqrt(1 - u * u), lambda u: math.sqrt(1 - u * u))
    exact = exact_fourier(torch.tensor(k), ellipsoids=[disc], field_of_view=(8.0, 12.0))
    assert exact.real.item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("shape", [(48, 64), (24, 32, 28)])
def test_fourier_transform_of_the_picture_is_the_same_at_low_frequencies(shape: tuple[int, ...]) -> None:
    x = shepp_logan(shape, samples=4).double()
    spacing = [1.5, 1.0, 0.8][: len(shape)]
    axes = [torch.fft.fftfreq(n, d, dtype=torch.float64) for n, d in zip(shape, spacing, strict=True)]
    k = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)
    middle = torch.tensor([(n - 1) / 2 * d for n, d in zip(shape, spacing, strict=True)], dtype=torch.float64)
    voxel = math.prod(spacing)
    picture = torch.fft.fftn(x) * torch.polar(torch.tensor(voxel).double(), 2 * math.pi * (k @ middle))
    exact = exact_fourier(k, field_of_view=[n * d for n, d in zip(shape, spacing, strict=True)])
    low = k.norm(dim=-1) < 0.06
    assert (picture - exact)[low].norm() < 0.02 * exact[low].norm()


def test_ball_at_small_frequencies_follows_its_series() -> None:
    ball = [Ellipsoid(1.0, (1.0, 1.0, 1.0))]
    k = torch.tensor([[0.0, 0.0, f] for f in (0.0, 9.99e-4, 1.001e-3)], dtype=torch.float64)
    exact = exact_fourier(k, ellipsoids=ball, field_of_view=(2, 2, 2)).real
    expected = 4 * math.pi / 3 * (1 - (2 * math.pi * k[:, 2]) ** 2 / 10)
    torch.testing.assert_close(exact, expected, rtol=1e-8, atol=0)


@pytest.mark.parametrize("detector", ["flat", "curved"])
def test_fan_sees_what_parallel_rays_see_on_the_same_lines(detector: str) -> None:
    fan = FanBeam((8, 12), [0.3, 4.0], detector=detector, **FAN)
    theta, s = fan.rays()
    expected = exact_line_integrals(theta, s, ellipsoids=[BODY], field_of_view=VIEW)
    torch.testing.assert_close(exact_sinogram(fan, ellipsoids=[BODY]), expected)


def test_every_slice_of_a_volume_has_the_integral_of_its_picture() -> None:
    A = Radon((40, 40), [0.2, 1.9], n_detectors=1600, detector_spacing=0.04)
    y = exact_sinogram(A, slices=5).sum(-1) * 0.04
    heights = torch.arange(-0.8, 0.9, 0.4, dtype=torch.float64)
    for body_number, height in enumerate(heights):
        areas = 0.0
        for body in shepp_logan_ellipsoids(3):
            shrunk = max(1 - ((height.item() - body.centre[2]) / body.radii[2]) ** 2, 0)
            areas += body.value * math.pi * body.radii[0] * body.radii[1] * shrunk * 400
        torch.testing.assert_close(y[body_number], torch.full((2,), areas).double(), rtol=2e-3, atol=0.2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: exact_fourier(torch.zeros(3, 4), field_of_view=(1, 1, 1, 1)),
            "must both have 2 or 3",
        ),
        (lambda: exact_fourier(torch.zeros(3), field_of_view=(1, 1)), "must both have 2 or 3"),
        (lambda: exact_sinogram(Radon((4, 4), [0.0]), slices=0), "slices=0 must be at least 1"),
    ],
)
def test_bad_argument_is_refused(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()

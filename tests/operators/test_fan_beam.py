"""Fan-beam CT."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from operators.rays import fan, joseph
from torch import Tensor

from mrrecon.operators import FanBeam, Radon
from mrrecon.operators.ray_projector import _backproject_torch, _project_torch
from mrrecon.simulate import exact_sinogram, shepp_logan

TURN = [k * math.pi / 6 for k in range(12)]
SHIFTED = [angle + 0.1 for angle in TURN]
ODD = [0.3, -2.0, 11.0]
SCANS: dict[str, tuple[tuple[int, int], list[float], dict[str, Any]]] = {
    "square, mirrored angles": ((7, 7), TURN, {}),
    "square, shifted angles": ((6, 6), SHIFTED, {}),
    "square, curved": ((8, 8), TURN, {"detector": "curved"}),
    "square, offset": ((8, 8), TURN, {"detector_offset": 0.3}),
    "square, wide fan": ((8, 8), TURN, {"source_distance": 6.0, "n_detectors": 60}),
    "square, detector at the axis": ((8, 8), ODD, {"detector_distance": 0, "n_detectors": 9}),
    "rectangle": ((6, 9), SHIFTED, {}),
    "rectangle, offset": ((6, 9), TURN, {"detector_offset": -1.2}),
    "rectangle, long pixels": ((9, 6), ODD, {"spacing": (0.5, 1.3)}),
    "one detector": ((5, 5), TURN, {"n_detectors": 1}),
}


def _scan(name: str) -> tuple[FanBeam, Tensor]:
    """An operator and its matrix."""
    shape, angles, changes = SCANS[name]
    keywords = {"source_distance": 15.0, "detector_distance": 10.0, "n_detectors": 24, **changes}
    rays = fan(
        angles,
        keywords["n_detectors"],
        keywords["source_distance"],
        keywords["detector_distance"],
        offset=keywords.get("detector_offset", 0.0),
        flat=keywords.get("detector") != "curved",
    )
    matrix = joseph(rays, shape, keywords.get("spacing", (1.0, 1.0)))
    return FanBeam(shape, angles, **keywords), torch.from_numpy(matrix)


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


@pytest.mark.parametrize("detector", ["flat", "curved"])
def test_approaches_the_exact_transform_of_the_head(detector: Any) -> None:
    A = FanBeam(
        (96, 96),
        torch.arange(50) * 0.4,
        source_distance=150,
        detector_distance=100,
        n_detectors=200,
        detector_spacing=1.5,
        detector=detector,
    )
    exact = exact_sinogram(A)
    assert (A(shepp_logan((96, 96), samples=4)) - exact).norm() < 0.04 * exact.norm()


def test_far_source_makes_rays_parallel() -> None:
    angles = [0.0, 0.4, 2.0, 4.0]
    x = shepp_logan((32, 32), samples=4)
    far = FanBeam((32, 32), angles, source_distance=1e7, detector_distance=0, n_detectors=45)
    torch.testing.assert_close(far(x), Radon((32, 32), angles, n_detectors=45)(x), rtol=0, atol=1e-3)


def test_geometry_is_that_of_astra() -> None:
    astra = pytest.importorskip("astra", reason="astra-toolbox is not installed")
    x = shepp_logan((48, 64), samples=4)
    angles = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    geometry = astra.create_proj_geom("fanflat", 1.4, 90, angles, 120.0, 60.0)
    projector = astra.create_projector("line_fanflat", geometry, astra.create_vol_geom(48, 64))
    expected = torch.from_numpy(astra.create_sino(x.numpy(), projector)[1])
    y = FanBeam(
        (48, 64),
        angles.tolist(),
        source_distance=120,
        detector_distance=60,
        n_detectors=90,
        detector_spacing=1.4,
    )(x)
    assert (y - expected).norm() < 0.03 * expected.norm()  # pixels as squares, not interpolated


GOOD: dict[str, Any] = {"source_distance": 10, "detector_distance": 5, "n_detectors": 8}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source_distance": 0}, "source_distance=0 mm must be positive"),
        ({"source_distance": math.nan}, "source_distance=nan mm must be positive"),
        ({"detector_distance": -1}, "detector_distance=-1 mm must be 0 or positive"),
        ({"source_distance": 2}, "source_distance=2 mm puts the source inside of the image"),
        ({"detector_offset": 40}, "the image is outside of the fan: the nearest ray passes the axis at"),
        ({"detector": "curved", "n_detectors": 60}, "reach half around the source, 15 mm away"),
        ({"n_detectors": 0}, "n_detectors=0 must be a whole number"),
        ({"detector_spacing": -2}, "detector_spacing=-2 mm must be positive"),
    ],
)
def test_impossible_scan_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FanBeam((4, 4), [0.0], **{**GOOD, **changes})


def test_no_angle_is_refused() -> None:
    with pytest.raises(ValueError, match="must be a list of at least one angle"):
        FanBeam((4, 4), torch.zeros(0), **GOOD)


def test_other_image_is_refused() -> None:
    with pytest.raises(ValueError, match=r"x of shape \(4, 5\) must end in \(4, 4\)"):
        FanBeam((4, 4), [0.0], **GOOD)(torch.zeros(4, 5))

"""Scans put together by name."""

import math

import pytest
import torch

from mrrecon.operators import FanBeam, Radon, ct


def test_infinite_source_is_the_radon_transform() -> None:
    x = torch.rand(9, 9)
    A = ct((9, 9), [0.0, 0.5], spacing=0.7)
    expected = Radon((9, 9), [0.0, 0.5], spacing=0.7, detector_spacing=0.7)
    torch.testing.assert_close(A(x), expected(x))


def test_source_makes_a_fan() -> None:
    x = torch.rand(9, 9)
    lengths = {"source_distance": 30, "detector_distance": 15, "detector_spacing": 2.0}
    A = ct((9, 9), [0.0, 0.5], n_detectors=12, **lengths)
    torch.testing.assert_close(A(x), FanBeam((9, 9), [0.0, 0.5], n_detectors=12, **lengths)(x))


@pytest.mark.parametrize("source", [None, 40.0])
@pytest.mark.parametrize("detector", ["flat", "curved"])
def test_detector_sees_every_corner(source: float | None, detector: str) -> None:
    A = ct(
        (10, 16),
        [0.7],
        spacing=(2.0, 1.5),
        source_distance=source,
        detector_distance=20.0,
        detector=detector,
        detector_offset=1.0,
    )
    corner = math.hypot(20, 24) / 2
    s = A.rays()[1][0]
    step = (s[1] - s[0]).abs()
    assert s.min() - step < -corner
    assert s.max() + step > corner


def test_dead_detector_measures_nothing() -> None:
    measured = torch.ones(1, 8, dtype=torch.bool)
    measured[0, 3] = False
    A = ct((5, 5), [0.0, 1.0], n_detectors=8, measured=measured)
    assert repr(A) == "Mask @ Radon(2 views, 8 detectors)"
    assert (A(torch.ones(5, 5))[:, 3] == 0).all()


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"source_distance": 1.0}, "puts the source inside of the image"),
        ({"source_distance": -5.0}, r"source_distance=-5\.0 mm must be positive"),
        ({"detector_spacing": 0.0, "source_distance": 50}, r"detector_spacing=0\.0 mm must be positive"),
        ({"measured": torch.zeros(1, 6, dtype=torch.bool)}, "is empty"),
    ],
)
def test_impossible_scan_is_refused(keywords: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ct((4, 4), [0.0], **keywords)  # type: ignore[arg-type]

"""The phantom of ellipsoids."""

import math

import pytest
import torch

from mrrecon.simulate.phantoms import Ellipsoid, ellipsoid_phantom

BODY = Ellipsoid(2.0, (0.8, 0.5, 0.4), (0.1, -0.2, 0.0), 30.0)


@pytest.mark.parametrize("smooth", [0.0, 1.0])
def test_integral_is_the_volume_of_the_ellipsoid(smooth: float) -> None:
    phantom = ellipsoid_phantom((60, 64, 50), ellipsoids=[BODY], field_of_view=(120, 120, 120), smooth=smooth)
    volume = 4 / 3 * math.pi * 0.8 * 0.5 * 0.4 * 60**3
    voxel = 120**3 / phantom.numel()
    assert phantom.sum().item() * voxel == pytest.approx(2.0 * volume, rel=0.03)


def test_centre_of_mass_is_the_centre() -> None:
    phantom = ellipsoid_phantom((50, 50, 50), ellipsoids=[BODY])
    points = (2 * torch.arange(50.0) + 1) / 50 - 1
    for axis, centre in enumerate(BODY.centre):
        profile = phantom.sum([other for other in range(3) if other != axis])
        assert ((profile * points).sum() / profile.sum()).item() == pytest.approx(centre, abs=0.01)


def test_turn_is_counter_clockwise() -> None:
    body = Ellipsoid(1.0, (0.9, 0.1, 0.9), turn=45.0)
    phantom = ellipsoid_phantom((41, 41, 5), ellipsoids=[body])
    assert phantom[30, 30, 2] == 1
    assert phantom[30, 10, 2] == 0


def test_brightness_just_under_a_smooth_surface_is_the_logistic_functions() -> None:
    ball = Ellipsoid(1.0, (0.5, 0.5, 0.5))
    phantom = ellipsoid_phantom((81, 1, 1), ellipsoids=[ball], field_of_view=(81, 81, 81), smooth=2.0)
    depth = 81 / 4 - torch.arange(81.0).sub(40).abs()
    torch.testing.assert_close(phantom[:, 0, 0], torch.sigmoid(depth / 2))


def test_head_is_the_same_at_any_resolution() -> None:
    coarse = ellipsoid_phantom((20, 24, 20))
    fine = ellipsoid_phantom((60, 72, 60))
    assert torch.equal(fine[1::3, 1::3, 1::3], coarse)
    assert 0 <= fine.min() < fine.max() <= 1


def test_negative_width_is_refused() -> None:
    with pytest.raises(ValueError, match=r"smooth=-1\.0 mm must not be negative"):
        ellipsoid_phantom((4, 4, 4), smooth=-1.0)

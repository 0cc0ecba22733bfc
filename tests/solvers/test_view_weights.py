"""Weights of the views in back-projection."""

import numpy as np
import pytest

from mrrecon.solvers.view_weights import short_scan_weights, view_weights


def test_even_views_count_alike() -> None:
    weights, begin = view_weights(np.arange(12) * np.pi / 12, period=np.pi)
    np.testing.assert_allclose(weights, np.pi / 12)
    assert begin is None


def test_any_views_make_up_the_circle() -> None:
    angles = np.random.default_rng(0).uniform(-20, 20, 50)
    weights, _ = view_weights(np.concatenate([angles, angles[:7] + np.pi]), period=np.pi)
    assert weights.sum() == pytest.approx(np.pi)


def test_view_stands_for_half_the_way_to_its_neighbours() -> None:
    weights, _ = view_weights(np.array([2.0, 0.0, 1.0]), period=4.0)
    np.testing.assert_allclose(weights, [1.5, 1.5, 1.0])


def test_equal_views_share() -> None:
    weights, _ = view_weights(np.array([0.0, 1.0, 1.0, 1.0, 2.0]), period=3.0)
    np.testing.assert_allclose(weights, [1, 1 / 3, 1 / 3, 1 / 3, 1])


def test_views_on_both_sides_of_the_start_of_the_circle_are_equal() -> None:
    weights, _ = view_weights(np.array([1e-9, 1.0, 2.0, -1e-9]), period=3.0)
    np.testing.assert_allclose(weights, [0.5, 1, 1, 0.5], rtol=1e-6)


def test_nobody_gets_what_was_not_measured() -> None:
    weights, begin = view_weights(np.arange(10) * 0.1 + 5.0, period=2 * np.pi)
    np.testing.assert_allclose(weights, 0.1)
    assert begin == pytest.approx(5.0)


def test_rays_measured_twice_count_once() -> None:
    half, turn = 0.3, np.pi + 0.6
    fan = np.linspace(-half, half, 13)
    for number, gamma in list(enumerate(fan))[1:]:
        since = np.linspace(0, 2 * (half + gamma), 20)[1:-1]
        one = short_scan_weights(since, fan, turn=turn)[:, number]
        # The same line, seen from its other end.
        other = short_scan_weights(since + np.pi - 2 * gamma, fan, turn=turn)[:, 12 - number]
        np.testing.assert_allclose(one + other, 1, atol=1e-6)


def test_rays_measured_once_count_fully() -> None:
    weights = short_scan_weights(np.array([1.0, 2.0, 3.0]), np.array([0.0, 0.1]), turn=np.pi + 0.4)
    assert (weights == 1).all()

import numpy as np
import pytest

from mrrecon.report.ranges import display_window, typical_error, value_range


def test_the_range_holds_both_volumes(rng):
    original, reconstruction = rng.uniform(0, 1, (8, 8, 8)), rng.uniform(-0.2, 1.1, (8, 8, 8))
    assert value_range(original, reconstruction) == (reconstruction.min(), reconstruction.max())


def test_a_few_voxels_far_out_do_not_widen_the_range(rng):
    original = rng.uniform(0, 1, (20, 20, 20))
    original[0, 0, :2] = 1000.0, -1000.0
    assert value_range(original, original) == pytest.approx((-1.0, 2.0), abs=0.05)


@pytest.mark.parametrize("value", [0.0, -3.0, 1e6, 1e-6])
def test_a_constant_pair_has_a_range(value):
    image = np.full((2, 2, 2), value)
    low, high = value_range(image, image)
    assert low == value
    assert high > low
    assert display_window(image) == (low, high)


def test_the_window_of_a_ramp_leaves_out_what_it_says():
    image = np.linspace(0, 1, 10_000).reshape(10, 10, 100)
    assert display_window(image) == pytest.approx((0.005, 0.997))


def test_the_percentile_of_a_large_volume_is_near_that_of_all_its_voxels(rng):
    difference = rng.standard_normal((128, 128, 128), dtype=np.float32)
    # 99.9 % of a normal variable lie within 3.2905 standard deviations.
    assert typical_error(difference) == pytest.approx(3.2905, rel=0.03)

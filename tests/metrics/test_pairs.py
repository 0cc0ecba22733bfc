import math

import pytest
import torch

from mrrecon.metrics.pairs import check_data_range, check_finite, check_pair, squared_distance


def test_images_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match=r"one shape, got \[1, 1, 4, 4\] and \[1, 1, 4, 5\]"):
        check_pair(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 5))


def test_whole_numbers_are_refused():
    with pytest.raises(TypeError, match=r"target must be of a floating-point type, got torch.uint8"):
        check_pair(torch.zeros(1, 1, 4), torch.zeros(1, 1, 4, dtype=torch.uint8))


def test_images_on_two_devices_are_refused():
    with pytest.raises(ValueError, match="one device, got cpu and meta"):
        check_pair(torch.zeros(1, 1, 4), torch.zeros(1, 1, 4, device="meta"))


@pytest.mark.parametrize(
    ("shape", "words"), [((4, 4), "axes batch, channels"), ((1, 1, 0, 4), "at least one voxel")]
)
def test_an_image_without_space_or_voxels_is_refused(shape, words):
    with pytest.raises(ValueError, match=words):
        check_pair(torch.zeros(shape), torch.zeros(shape))


@pytest.mark.parametrize("data_range", [0.0, -1.0, math.nan, math.inf])
def test_a_range_that_is_none_is_refused(data_range):
    with pytest.raises(ValueError, match="must be positive and finite"):
        check_data_range(data_range)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_the_image_with_bad_voxels_is_named_and_they_are_counted(value):
    good, bad = torch.zeros(6), torch.tensor([0.0, value, 0.0, value, 0.0, 0.0])
    with pytest.raises(ValueError, match="target must be finite, got NaN or infinity in 2 of 6 voxels"):
        check_finite((good - bad).square().sum(), {"pred": good, "target": bad})


def test_an_overflow_is_not_called_a_bad_voxel():
    huge = torch.full((2,), 1e30)
    with pytest.raises(ValueError, match=r"the squares of a and b leave the range of torch.float32"):
        check_finite(huge.square().sum(), {"a": huge, "b": huge})


def test_the_squared_distance_is_that_of_all_parts():
    x, y = torch.rand(2, 2, 1, 90, 80, 80, dtype=torch.float64)
    expected = torch.nn.functional.mse_loss(x, y, reduction="none").sum((1, 2, 3, 4)) / 9
    torch.testing.assert_close(squared_distance(x, y, unit=3.0), expected)

import numpy as np
import pytest

from mrrecon.codec.bitmap import code_mask
from mrrecon.codec.range_coder import Reader, Writer


def ball(n):
    axis = np.linspace(-1, 1, n)
    return axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2 < 0.8


@pytest.mark.parametrize(
    "mask", [ball(12), ~ball(9), np.zeros((2, 3, 4), bool), np.random.default_rng(0).random((5, 1, 8)) < 0.5]
)
def test_a_mask_comes_back(mask):
    writer = Writer()
    code_mask(writer, mask, mask.shape)
    assert np.array_equal(code_mask(Reader(writer.payload()), None, mask.shape), mask)


def test_a_ball_takes_a_bit_for_each_voxel_of_its_surface():
    mask, writer = ball(40), Writer()
    code_mask(writer, mask, mask.shape)
    surface = sum(np.count_nonzero(np.diff(mask, axis=axis)) for axis in range(3))
    assert 8 * len(writer.payload()) < surface


def test_noise_takes_a_bit_a_voxel():
    mask, writer = np.random.default_rng(1).random((20, 20, 20)) < 0.5, Writer()
    code_mask(writer, mask, mask.shape)
    assert 8000 <= 8 * len(writer.payload()) < 1.2 * 8000

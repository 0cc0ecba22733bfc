import numpy as np
import pytest

from mrrecon.codec.prediction import SUBSTEPS
from mrrecon.codec.range_coder import Reader, Writer
from mrrecon.codec.residuals import ResidualCoder, thresholds


def coded(levels, prediction, scale, max_level):
    bounds, writer = thresholds(scale), Writer()
    ResidualCoder(bounds, max_level).code(writer, levels, prediction, scale)
    back = ResidualCoder(bounds, max_level).code(Reader(writer.payload()), None, prediction, scale)
    return writer.payload(), back


@pytest.mark.parametrize("spread", [0, 1, 30, 5000, 10**6])
def test_errors_of_any_size_come_back_under_a_small_scale(spread):
    rng = np.random.default_rng(0)
    levels = np.clip(2**23 + np.rint(spread * rng.standard_normal(400)), 0, 2**24 - 1).astype(np.int64)
    prediction = np.full(400, SUBSTEPS * 2**23 + 5)
    assert np.array_equal(coded(levels, prediction, rng.integers(0, 60, 400), 2**24 - 1)[1], levels)


@pytest.mark.parametrize("spread", [3.0, 100.0, 3000.0])
def test_gaussian_errors_take_little_more_than_their_entropy(spread):
    rng = np.random.default_rng(1)
    levels = 30000 + np.rint(spread * rng.standard_normal(20000)).astype(np.int64)
    scale = np.full(20000, round(0.8 * spread * SUBSTEPS))
    bits = 20000 * 0.5 * np.log2(2 * np.pi * np.e * spread**2)
    coder, writer = ResidualCoder(thresholds(scale), 65535), Writer()
    for part in np.split(np.arange(20000), 40):
        coder.code(writer, levels[part], np.full(500, SUBSTEPS * 30000), scale[part])
    assert 0.99 * bits < 8 * len(writer.payload()) < 1.06 * bits


def test_thresholds_share_the_scales_evenly():
    assert np.array_equal(thresholds(np.arange(40001)), np.arange(1000, 40000, 1000))

import numpy as np
import pytest
from rival_codecs import RIVALS, percent_of_float32
from slice_arrangement import Arrangement


@pytest.fixture(scope="module")
def volume():
    """A ball with a soft edge and waves inside, sides odd and even."""
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, side) for side in (41, 52, 36)), indexing="ij")
    inside = 1 / (1 + np.exp(20 * (np.sqrt(x**2 + y**2 + z**2) - 0.8)))
    return (inside * (0.6 + 0.3 * np.cos(9 * x) * np.cos(7 * y) * np.cos(5 * z))).astype(np.float32)


def _needs(rival):
    pytest.importorskip("imagecodecs" if "JPEG" in rival.name else "imageio_ffmpeg")


def _psnr(a, b):
    return -10 * np.log10(np.square(a.astype(np.float64) - b).mean())


@pytest.mark.parametrize("rival", RIVALS, ids=lambda rival: rival.options)
def test_a_higher_quality_takes_more_bytes_and_is_nearer(rival, volume):
    _needs(rival)
    low, high = (
        rival.code(volume, quality, arrangement=rival.arrangements[0])
        for quality in (rival.qualities[0], rival.qualities[-1])
    )
    assert low.n_bytes < high.n_bytes
    assert 15 < _psnr(low.image, volume) < _psnr(high.image, volume)
    assert _psnr(high.image, volume) > (25 if "half" in rival.options else 33)


@pytest.mark.parametrize("rival", RIVALS, ids=lambda rival: rival.options)
def test_what_is_decoded_is_neither_shifted_nor_turned(rival, volume):
    _needs(rival)
    for arrangement in rival.arrangements:
        image = rival.code(volume, rival.qualities[-1], arrangement=arrangement, fast=True).image
        moved = [np.roll(image, step, axis) for axis in range(3) for step in (-1, 1)]
        assert _psnr(image, volume) > max(_psnr(each, volume) for each in moved) + 3


@pytest.mark.parametrize("rival", RIVALS[:2], ids=lambda rival: rival.name)
def test_grey_levels_outside_the_unit_range_are_cut_off(rival, volume):
    _needs(rival)
    image = rival.code(3 * volume - 1, rival.qualities[-1], arrangement=rival.arrangements[0]).image
    assert 0 <= image.min() < 0.01
    assert 0.99 < image.max() <= 1


def test_the_best_arrangement_is_along_the_axis_in_which_nothing_changes():
    rival = next(rival for rival in RIVALS if rival.name == "AV1")
    _needs(rival)
    a, b = np.meshgrid(np.arange(64), np.arange(64))
    plane = (0.5 + 0.2 * np.cos(a / 3 + b / 5) + 0.2 * np.cos(b / 4)).astype(np.float32)
    volume = np.broadcast_to(plane[:, None, :], (64, 64, 64))
    assert rival.best_arrangement(volume) == Arrangement(1)


def test_a_setting_says_what_the_codec_does():
    assert len({rival.setting(quality) for rival in RIVALS for quality in rival.qualities}) == sum(
        len(rival.qualities) for rival in RIVALS
    )


def test_one_byte_for_each_voxel_is_a_quarter_of_float32():
    assert percent_of_float32(1000, 1000) == 25

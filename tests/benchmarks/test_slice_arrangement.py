import numpy as np
import pytest
from slice_arrangement import Arrangement


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("montage", [False, True])
def test_a_volume_comes_back_from_its_frames(axis, montage):
    volume = np.arange(5 * 6 * 7).reshape(5, 6, 7)
    arrangement = Arrangement(axis, montage=montage)
    np.testing.assert_array_equal(arrangement.volume(arrangement.frames(volume), volume.shape), volume)


def test_a_montage_is_one_picture_near_to_square():
    frames = Arrangement(0, montage=True).frames(np.ones((100, 20, 10)))
    assert frames.shape == (1, 20 * 7, 10 * 15)
    assert frames.sum() == 100 * 20 * 10

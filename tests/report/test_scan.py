import numpy as np
import pytest

from mrrecon.report import CodeLevel, ScanReport

IMAGE = np.zeros((2, 2, 2))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_intensities_that_are_not_finite_are_refused(bad):
    with pytest.raises(ValueError, match="reconstruction must be finite"):
        ScanReport("a", IMAGE, np.full_like(IMAGE, bad))


def test_volumes_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match=r"got \(2, 2, 2\) and \(2, 2, 3\)"):
        ScanReport("a", IMAGE, np.zeros((2, 2, 3)))


def test_empty_volumes_are_refused():
    with pytest.raises(ValueError, match="at least one voxel"):
        ScanReport("a", np.zeros((0, 2, 2)), np.zeros((0, 2, 2)))


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan")])
def test_a_spacing_that_is_no_length_is_refused(size):
    with pytest.raises(ValueError, match="spacing="):
        ScanReport("a", IMAGE, IMAGE, spacing=(1.0, 1.0, size))


@pytest.mark.parametrize(("index", "n_codes"), [(-1, 4), (4, 4), (0, 0)])
def test_codes_outside_the_codebook_are_refused(index, n_codes):
    with pytest.raises(ValueError, match="n_codes"):
        CodeLevel("top", np.full((2, 2, 2), index), n_codes)

import nibabel as nib
import numpy as np
import pytest

from mrrecon.report import spacing_and_axes
from mrrecon.report.orientation import axis_order, to_ras


@pytest.mark.parametrize("codes", ["RAS", "LPS", "ASR", "SLP", "IPR"])
def test_a_volume_turns_as_nibabel_turns_it(codes, rng):
    volume = rng.random((3, 4, 5))
    expected = nib.orientations.apply_orientation(volume, nib.orientations.axcodes2ornt(codes))
    np.testing.assert_array_equal(to_ras(volume, codes), expected)


def test_an_oblique_affine_gives_lengths_and_the_nearest_letters():
    turn = np.deg2rad(20)
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = rotation @ np.diag([-0.5, 2.0, 3.0])
    spacing, codes = spacing_and_axes(affine)
    np.testing.assert_allclose(spacing, (0.5, 2.0, 3.0))
    assert codes == "LAS"


def test_an_affine_without_inverse_is_refused():
    with pytest.raises(ValueError, match=r"affine=.* must be finite and have an inverse"):
        spacing_and_axes(np.zeros((4, 4)))


@pytest.mark.parametrize("codes", ["RA", "RRS", "RLS", "XAS", "ras", "RASA"])
def test_letters_that_name_no_three_axes_are_refused(codes):
    with pytest.raises(ValueError, match=f"axis_codes='{codes}'"):
        axis_order(codes)

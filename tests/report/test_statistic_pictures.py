"""Pictures of t-maps: the glass brain, and slices over anatomy."""

import base64
import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from mrrecon.report import Still, glass_brain, t_map_slices
from mrrecon.report.statistic import sample_at

AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])
ORANGE, BLUE = 0, 2  # the channel that is the greater


@pytest.fixture
def brain():
    """A box of 32 x 40 x 28 mm within zeros."""
    return np.pad(np.ones((16, 20, 14)), 4)


def glass(t, brain, **settings):
    return glass_brain(t, AFFINE, background=brain, background_affine=AFFINE, threshold=3.0, **settings)


def slices(t, brain, **settings):
    return t_map_slices(t, AFFINE, background=brain, background_affine=AFFINE, threshold=3.0, **settings)


def coloured(pixels, channel):
    """Where a channel stands out, above the bar of colours."""
    above = pixels[: int(0.8 * len(pixels))].astype(int)
    return above[..., channel] > above[..., 2 - channel] + 60


def test_a_positive_value_is_orange_in_each_of_the_three_views(brain):
    t = np.zeros_like(brain)
    t[8:11, 10:13, 8:11] = 6.0
    pixels = glass(t, brain).pixels
    columns = np.flatnonzero(coloured(pixels, ORANGE).any(0))
    assert np.count_nonzero(np.diff(columns) > 1) == 2
    assert not coloured(pixels, BLUE).any()


def test_of_two_values_on_a_line_the_farther_from_zero_is_seen(brain):
    t = np.zeros_like(brain)
    t[8:11, 6:9, 8:11], t[8:11, 14:17, 8:11] = 4.0, -8.0
    pixels = glass(t, brain, limit=16.0).pixels
    middle = pixels[:, 350:650]  # the coronal view: both lie behind each other
    assert coloured(middle, BLUE).any()
    assert not coloured(middle, ORANGE).any()


def test_nothing_above_the_threshold_leaves_the_brain_grey(brain):
    pixels = glass(np.full_like(brain, 2.9), brain).pixels
    assert not coloured(pixels, ORANGE).any()
    assert pixels.max() > 100


def test_the_patients_right_is_on_the_left(brain):
    t = np.zeros_like(brain)
    t[17:19, 13:15, 10:13] = 6.0  # far to the right
    pixels = slices(t, brain, at=[22], width=300).pixels
    columns = np.flatnonzero(coloured(pixels, ORANGE).any(0))
    assert columns.max() < 150


def test_flipped_axes_give_the_same_picture(brain):
    t = np.random.default_rng(0).normal(0, 3, brain.shape)
    flipped = AFFINE.copy()
    flipped[0, 0], flipped[0, 3] = -2.0, 2.0 * (brain.shape[0] - 1)
    expected = glass(t, brain).pixels
    found = glass_brain(t[::-1], flipped, background=brain, background_affine=AFFINE, threshold=3.0).pixels
    np.testing.assert_array_equal(found, expected)


def test_slices_go_through_the_greatest_value(brain):
    t = np.zeros_like(brain)
    t[8:11, 10:13, 6:15] = 4.0
    t[9, 11, 13] = 9.0
    assert " 26" in slices(t, brain, n_slices=4).caption


def test_each_plane_names_its_axis(brain):
    for plane, letter in (("axial", "z"), ("coronal", "y"), ("sagittal", "x")):
        caption = slices(np.zeros_like(brain), brain, plane=plane, at=[20, 24]).caption
        assert f"{letter} = 20, 24 mm" in caption


def test_values_between_voxels_are_linear():
    ramp = np.arange(5.0)[:, None, None] + np.zeros((5, 4, 3))
    found = sample_at(ramp, AFFINE, [np.array([3.0, 5.0]), np.array([2.0]), np.array([2.0])])
    assert found.ravel().tolist() == pytest.approx([1.5, 2.5])


def test_template_is_the_default_background():
    t = np.zeros((9, 9, 9))
    t[4, 4, 4] = 5.0
    affine = np.diag([8.0, 8.0, 8.0, 1.0])
    affine[:3, 3] = [-32, -50, -20]
    assert coloured(glass_brain(t, affine, threshold=3.0, width=480).pixels, ORANGE).any()


def test_a_page_holds_the_picture_within_itself():
    pixels = np.random.default_rng(0).integers(0, 255, (7, 9, 3), dtype=np.uint8)
    html = Still('a "<b>"', pixels, "below & beside").html()
    found = re.search(r'src="data:image/png;base64,([^"]*)"', html)
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(base64.b64decode(found[1])))), pixels)
    assert "<b>" not in html
    assert "below &amp; beside" in html


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"threshold": -1.0}, "threshold="),
        ({"limit": 3.0}, "limit="),
        ({"width": 100}, "width="),
        ({"background": np.zeros((4, 4, 4))}, "background must"),
        ({"t": np.full((4, 4, 4), np.nan)}, "t must be finite"),
        ({"affine": np.zeros((4, 4))}, "affine="),
    ],
)
@pytest.mark.parametrize("draw", [glass_brain, t_map_slices])
def test_arguments_out_of_range_are_refused(brain, draw, wrong, said):
    arguments = {"t": brain, "affine": AFFINE, "threshold": 3.0, "background": brain, **wrong}
    with pytest.raises(ValueError, match=said):
        draw(**arguments, background_affine=AFFINE)


def test_a_background_needs_its_affine_and_slices_a_place(brain):
    with pytest.raises(ValueError, match="give both or neither"):
        glass_brain(brain, AFFINE, threshold=3.0, background=brain)
    with pytest.raises(ValueError, match="at least one slice"):
        slices(brain, brain, at=[])

import numpy as np
import pytest

from mrrecon.report.colours import colour, grey, signed_colours


def test_zero_is_black_and_in_the_middle():
    table = signed_colours(255)
    assert np.flatnonzero((table == 0).all(axis=1)).tolist() == [127]


def test_colours_grow_lighter_away_from_zero():
    lightness = signed_colours(255) @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(lightness[127:]) > 0).all()
    assert (np.diff(lightness[:128]) < 0).all()


@pytest.mark.parametrize("n_colours", [1, 4])
def test_a_table_without_a_middle_is_refused(n_colours):
    with pytest.raises(ValueError, match=f"n_colours={n_colours}"):
        signed_colours(n_colours)


def test_differences_beyond_the_limit_have_the_outermost_colour():
    picture = colour(np.array([[-9.0, 9.0]]), limit=2.0)
    assert picture[0].tolist() == signed_colours()[[0, -1]].tolist()


def test_grey_is_linear_between_black_and_white():
    values = np.linspace(2.0, 4.0, 256)[None]
    assert grey(values, low=2.0, high=4.0)[0, :, 1].tolist() == list(range(256))

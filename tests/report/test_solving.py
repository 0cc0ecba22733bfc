"""What the page of a run of solvers shows."""

from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from mrrecon.report import Curve, Picture, ScanReport, kspace_picture, sinogram_picture, write_report
from mrrecon.report.curve import curve_section
from mrrecon.report.strip import draw_strip


def test_pictures_stand_side_by_side_in_their_greys():
    black, white = (
        Picture(name, np.full((4, 4), value), low=0.0, high=1.0) for name, value in (("a", 0.0), ("b", 1.0))
    )
    strip = np.asarray(draw_strip([black, white], width=400))
    middle = strip.shape[0] // 2
    assert strip[middle, 100].tolist() == [0, 0, 0]
    assert strip[middle, 300].tolist() == [255, 255, 255]


def test_voxels_keep_their_proportions():
    tall = Picture("a", np.ones((10, 10)), low=0.0, high=1.0, aspect=0.5)
    strip = np.asarray(draw_strip([tall], width=212))
    lit = (strip == 255).all(axis=2)
    assert lit.any(axis=0).sum() == pytest.approx(2 * lit.any(axis=1).sum(), abs=8)


@pytest.mark.parametrize("values", [np.full((2, 2), np.nan), np.zeros((0, 2))])
def test_what_is_no_picture_is_refused(values):
    with pytest.raises(ValueError, match="must be a picture of finite values"):
        Picture("a", values, low=0.0, high=1.0)


def test_a_curve_falls_from_its_first_value_to_its_last():
    page = curve_section([Curve("gap", [1.0, 0.1, 0.01], goal=0.01)])
    points = page.split('class="curve" d="M')[1].split('"')[0].split("L")
    heights = [float(point.split()[1]) for point in points]
    assert heights == sorted(heights)
    # Equal factors are equal steps on a logarithmic scale.
    assert heights[1] - heights[0] == pytest.approx(heights[2] - heights[1], abs=0.2)


def test_what_cannot_be_drawn_is_left_out():
    assert curve_section([Curve("gap", [1.0]), Curve("gap", [0.0, float("nan")])]) == ""


def test_kspace_is_shown_in_decibels_of_its_brightest():
    image = torch.zeros(4, 1, 3, 3)
    image[0, 0, 1, 1], image[2, 0, 0, 0] = 1.0, 0.01
    values = kspace_picture(image).values
    assert values[1, 1] == pytest.approx(0, abs=1e-6)
    assert values[0, 0] == pytest.approx(-40, abs=1e-4)
    assert values.min() == -100


def test_a_constant_sinogram_has_a_picture():
    assert sinogram_picture(torch.ones(1, 1, 4, 8)).values.shape == (4, 8)


def test_the_page_shows_the_pictures_in_place_of_three_planes(tmp_path):
    image = np.zeros((4, 5, 1))
    pictures = [Picture("<b>", np.ones((4, 4)), low=0.0, high=2.0)]
    scan = ScanReport("a", image, image, pictures=pictures, curves=[Curve("gap", [1.0, 0.1])])
    path = write_report(tmp_path / "a.html", [scan], title="Run", names=("reference", "result"))
    page = path.read_text(encoding="utf-8")
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert '["reference", "result"]' in page
    assert "Convergence" in page


def test_a_strip_is_a_picture_for_browsers():
    file = BytesIO()
    draw_strip([Picture("a", np.ones((4, 4)), low=0.0, high=2.0)], width=200).save(file, "PNG")
    assert Image.open(file).width == 200

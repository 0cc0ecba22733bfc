"""What the page of a run of solvers shows."""

import re
from base64 import b64decode
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from PIL import Image

from mrrecon.report import (
    Curve,
    Picture,
    ReconstructionPage,
    ScanReport,
    kspace_picture,
    sinogram_picture,
    write_report,
)
from mrrecon.report.curve import curve_section
from mrrecon.report.pictures import pictures_figure
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


def test_the_pictures_stay_beside_the_volumes(tmp_path):
    image = np.zeros((4, 5, 6))
    pictures = [Picture(name, np.ones((4, 4)), low=0.0, high=2.0) for name in ("k-space", "zero-filled")]
    page = write_report(tmp_path / "a.html", [ScanReport("a", image, image, pictures=pictures)], title="Run")
    text = page.read_text(encoding="utf-8")
    assert 'id="volume-0"' in text
    assert text.count("<img") == 2
    assert 'class="still"' not in text  # the viewer takes the place of a still


def test_a_picture_on_the_page_keeps_its_proportions():
    html = pictures_figure([Picture("a", np.ones((10, 20)), low=-1.0, high=1.0, aspect=3.0)])
    assert f"aspect-ratio: {20 / (10 * 3.0):.4g}" in html
    assert "−1 to 1" in html


def test_a_page_shrinks_large_pictures_and_enlarges_none():
    html = pictures_figure([Picture("a", np.ones(size), low=0.0, high=1.0) for size in ((720, 1440), (7, 9))])
    files = [BytesIO(b64decode(data)) for data in re.findall(r"base64,([^\"]*)", html)]
    assert [Image.open(file).size for file in files] == [(360, 180), (9, 7)]


@pytest.mark.parametrize(
    ("n_slices", "said"), [(4, "the first estimate, zero-filled."), (2, "the result itself.")]
)
def test_without_a_truth_the_page_says_what_the_result_is_compared_with(tmp_path, n_slices, said):
    image = MetaTensor(torch.rand(1, 4, 4, 4))
    output = {"pred": image, "start": image[:, :n_slices]}  # a start on another grid cannot be compared
    page = ReconstructionPage(tmp_path / "a.html", start="zero-filled")
    page.add(image, output, SimpleNamespace(histories=[]), {"scan": "a", "method": "tv"})
    page.close()
    assert f"No truth is known: the reference is {said}" in (tmp_path / "a.html").read_text(encoding="utf-8")

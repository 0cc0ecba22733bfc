"""The page of a table of reconstructions, and pages of plain text."""

from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from PIL import Image

from mrrecon.report import TablePage
from mrrecon.report.plain_page import plain_page

AFFINE = torch.diag(torch.tensor([3.0, 3.0, 3.0, 1.0]))


def volume(value: float) -> MetaTensor:
    return MetaTensor(torch.full((1, 20, 24, 20), value), affine=AFFINE)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image).astype(int)


def test_the_first_scan_of_each_set_is_drawn_with_its_differences(tmp_path):
    page = TablePage(tmp_path / "table.html")
    page.picture("controls", "sub-1", volume(0.5), {"brighter": volume(0.9), "equal": volume(0.5)})
    picture = pixels(tmp_path / "reconstructions_controls.png")
    page.picture("controls", "sub-2", volume(0.1), {})
    assert np.array_equal(pixels(tmp_path / "reconstructions_controls.png"), picture)
    height, width = picture.shape[:2]
    at = [width * column // 8 for column in (1, 3, 5)]  # a row has room for four
    images, errors = picture[height // 4, at], picture[3 * height // 4, at]
    assert (images[1] > images[0] + 40).all()
    assert (abs(images[2] - images[0]) <= 1).all()
    assert abs(errors[1, 0] - errors[1, 2]) > 60  # red, not blue
    assert (abs(errors[2] - errors[0]) <= 1).all()


def test_more_methods_than_a_row_takes_go_below(tmp_path):
    page = TablePage(tmp_path / "table.html")
    page.picture("few", "a", volume(0.5), {"b": volume(0.5)})
    page.picture("many", "a", volume(0.5), {str(n): volume(0.5) for n in range(7)})
    few, many = (pixels(tmp_path / f"reconstructions_{name}.png") for name in ("few", "many"))
    assert many.shape[1] == few.shape[1]
    assert len(many) == pytest.approx(2 * len(few), rel=0.02)


def test_the_page_needs_nothing_else(tmp_path):
    page = TablePage(tmp_path / "table.html", title="a < b")
    page.picture("controls", "sub-1", volume(0.5), {"equal": volume(0.5)})
    page.write("| a | b |\n|---|---|\n| x | **1*** |")
    text = (tmp_path / "table.html").read_text()
    assert "<b>1</b>*" in text
    assert "a &lt; b" in text
    assert "data:image/png;base64," in text
    assert "http" not in text


def test_a_range_must_be_above_0(tmp_path):
    with pytest.raises(ValueError, match="error_range=0"):
        TablePage(tmp_path / "a.html", error_range=0)


def test_words_of_a_plain_page_are_escaped():
    text = plain_page("t", "one <p>\n\n- **bold** & more\n- two", [])
    assert "<p>one &lt;p&gt;</p>" in text
    assert "<ul><li><b>bold</b> &amp; more</li><li>two</li></ul>" in text


def test_a_plain_page_fits_a_phone_and_its_tables_are_scrolled_and_named():
    text = plain_page("t", "| a | b |\n|---|---|\n| x | 1 ± 2 |\n\n| c |\n|---|\n| y |", [])
    assert '<html lang="en">' in text
    assert 'name="viewport" content="width=device-width' in text
    assert text.count('<div class="scroll" tabindex="0"') == 2
    assert '<th scope="col">b</th>' in text
    assert '<th scope="row">x</th><td>1\u00a0±\u00a02</td>' in text

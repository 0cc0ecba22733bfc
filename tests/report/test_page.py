import gc
import json
import re
import weakref
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from mrrecon.report import CodeLevel, Report, ScanReport, write_report

NASTY = '</script><script>alert("1")</script>&amp;.nii'


class Elements(HTMLParser):
    """Names, attributes and texts of a page."""

    def __init__(self, page):
        super().__init__()
        self.found, self.texts = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


def page_of(folder, scans, **options):
    return write_report(folder / "report.html", scans, title="Run", **options).read_text(encoding="utf-8")


def test_the_page_refers_to_nothing_outside(tmp_path, scan):
    page = page_of(tmp_path, [scan])
    program = re.sub(r'base64,[\w+/=]*|"data":"[^"]*"', "", page)
    assert re.search(r"https?:|[\"'(]//|@import|url\(|fetch\(|import\(", program) is None
    for _, attributes in Elements(page).found:
        assert attributes.get("src", "data:").startswith("data:")
        assert attributes.get("href", "#").startswith("#")


def test_names_from_files_stay_text(tmp_path, scan):
    nasty = replace(scan, name=NASTY, metrics={NASTY: NASTY})
    elements = Elements(page_of(tmp_path, [nasty, scan], summary={NASTY: NASTY}))
    kinds = [attributes.get("type", "program") for attributes in elements.all("script")]
    assert kinds == ["application/json"] * 4 + ["program"]
    assert elements.texts.count(NASTY) == 9


def test_the_volumes_in_the_page_are_json_with_the_shape_of_the_scan(tmp_path, scan):
    block = re.search(r'id="volume-0">(.*?)</script>', page_of(tmp_path, [scan]))
    assert json.loads(block.group(1))["shape"] == [7, 5, 6]


def test_only_the_first_scans_are_embedded_and_the_page_says_so(tmp_path, scan):
    page = page_of(tmp_path, [scan] * 5, n_embedded=2)
    assert page.count('id="volume-') == 2
    assert page.count("holds the volumes of its first 2 scans") == 3
    assert len(Elements(page).all("img")) == 5


def test_no_scan_is_kept(tmp_path, scan):
    seen = []
    with Report(tmp_path / "report.html", title="Run") as report:
        for _ in range(3):
            fresh = replace(scan, original=scan.original.copy())
            seen.append(weakref.ref(fresh.original))
            report.add(fresh)
        del fresh
        assert [volume() for volume in seen] == [None] * 3


def test_volumes_that_cannot_fit_leave_a_still_and_a_word(tmp_path, rng):
    noise = rng.random((16, 16, 16))
    page = page_of(tmp_path, [ScanReport("a", noise, noise)], max_scan_bytes=100)
    assert "do not fit into 100 bytes" in page
    assert 'id="volume-0"' not in page


def test_a_failure_midway_leaves_the_old_page_and_nothing_else(tmp_path, scan):
    (tmp_path / "report.html").write_text("old")

    def scans():
        yield scan
        raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError, match="the disk is gone"):
        page_of(tmp_path, scans())
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("report.html", "old")]


def test_the_page_appears_only_when_it_is_complete(tmp_path, scan):
    with Report(tmp_path / "report.html", title="Run") as report:
        report.add(scan)
        assert not (tmp_path / "report.html").exists()
    assert (tmp_path / "report.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert len(list(tmp_path.iterdir())) == 1


def test_a_report_that_is_forgotten_leaves_nothing(tmp_path, scan):
    report = Report(tmp_path / "report.html", title="Run").__enter__()
    report.add(scan)
    del report
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_a_finished_report_leaves_the_next_one_of_its_name_alone(tmp_path, scan):
    with Report(tmp_path / "report.html", title="First") as first:
        first.add(scan)
    with Report(tmp_path / "report.html", title="Second") as second:
        del first
        gc.collect()
        second.add(scan)
    assert "<h1>Second</h1>" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_closed_report_takes_no_scan(tmp_path, scan):
    with pytest.raises(ValueError, match="inside the with block"):
        Report(tmp_path / "report.html", title="Run").add(scan)


def test_a_missing_folder_is_an_error(tmp_path, scan):
    with pytest.raises(FileNotFoundError):
        page_of(tmp_path / "nowhere", [scan])


def test_a_negative_number_of_volumes_is_refused(tmp_path):
    with pytest.raises(ValueError, match="n_embedded=-1"):
        page_of(tmp_path, [], n_embedded=-1)


@pytest.mark.parametrize("shape", [(2, 2, 2), (8, 1, 1), (1, 3, 40)])
def test_tiny_and_constant_volumes_make_a_page(tmp_path, shape):
    image = np.full(shape, 0.25, dtype=np.float32)
    assert 'id="volume-0"' in page_of(tmp_path, [ScanReport("a", image, image, spacing=(0.5, 1.0, 9.0))])


def test_no_scans_make_a_page(tmp_path):
    assert "There are no scans." in page_of(tmp_path, [])


def test_what_was_cut_off_or_coarsened_is_said(tmp_path, rng):
    image = rng.random((16, 16, 16))
    image[0, 0, 0] = 99.0
    page = page_of(tmp_path, [ScanReport("a", image, image[::-1])], max_scan_bytes=5000)
    assert "% of the voxels lie outside" in page
    assert re.search(r"coarse steps: \d+ greys, \d+ colours", page)


def test_pictures_have_descriptions_and_inputs_have_names(tmp_path, scan):
    codes = [CodeLevel("top", np.zeros((1, 1, 1), dtype=np.int64), 4)]
    page = page_of(tmp_path, [replace(scan, codes=codes)])
    elements = Elements(page)
    assert all(attributes["alt"] for attributes in elements.all("img"))
    assert all(attributes["aria-label"] for attributes in elements.all("svg"))
    assert all(re.search(rf'<label>[^<]*<input[^>]*id="{a["id"]}"', page) for a in elements.all("input"))


def test_a_noisy_pair_of_the_full_size_stays_under_its_bound(tmp_path, rng):
    # An eighth of 192 x 256 x 192 and of 8 MB; half of it noise, half air.
    original = np.clip(rng.standard_normal((96, 128, 96), dtype=np.float32), 0, None)
    scan = ScanReport("a", original, np.float32(0.9) * original)
    page = page_of(tmp_path, [scan], max_scan_bytes=1_000_000)
    assert 'id="volume-0"' in page
    assert len(page) < 1_000_000 + 200_000


def test_the_page_says_how_large_the_voxels_are_and_where_they_lie(tmp_path, scan):
    page = page_of(tmp_path, [replace(scan, note="a < b")])
    assert "5 × 6 × 7 voxels of 1 × 2 × 4 mm; their indices grow towards P, I, R. a &lt; b" in page


def test_kinds_of_tissue_reach_the_viewer(tmp_path, scan):
    kinds = ["none", '"CSF"']
    with Report(tmp_path / "a.html", title="Run", kinds=kinds) as report:
        report.add(scan)
    elements = Elements((tmp_path / "a.html").read_text(encoding="utf-8"))
    (found,) = [a["data-kinds"] for a in elements.all("div") if "data-kinds" in a]
    assert json.loads(found) == kinds

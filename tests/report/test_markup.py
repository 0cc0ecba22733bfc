import re
from statistics import mean, stdev

import numpy as np
import pytest

from mrrecon.report import CodeLevel
from mrrecon.report.markup import codes_section, metrics_table, overview_table, show, summary_list

NASTY = '<script>alert("&")</script>'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (1234567, "1\u202f234\u202f567"),
        (0.00012345, "0.0001234"),
        (-1.5, "−1.5"),
        (1e-9, "1e−09"),
        (12345.6, "12\u202f346"),
    ],
)
def test_numbers_are_shown_short(value, text):
    assert show(value) == text


def test_every_text_is_escaped():
    level = CodeLevel(NASTY, np.zeros((1, 1, 1), dtype=np.int64), 2)
    metrics = {NASTY: NASTY}
    page = "".join(
        [
            summary_list(metrics),
            metrics_table(metrics),
            overview_table([NASTY], [metrics]),
            codes_section([level]),
        ]
    )
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 9


def test_the_last_row_is_the_mean_of_the_scans_that_have_the_metric():
    table = overview_table(["a", "b", "c"], [{"PSNR": 30.0}, {"PSNR": 33.0}, {"note": "none"}])
    assert f"{mean([30, 33])} ± {stdev([30, 33]):.4g} (2 scans)" in table


def test_infinite_values_do_not_enter_the_mean():
    table = overview_table(["a", "b", "c"], [{"PSNR": 1.0}, {"PSNR": 2.0}, {"PSNR": float("inf")}])
    assert "1.5 ± 0.7071 (2 scans)" in table


def test_bars_have_the_heights_of_the_sorted_shares():
    indices = np.repeat([2, 0, 3], [1, 4, 2]).reshape(7, 1, 1)
    heights = [float(h) for h in re.findall(r"v-([\d.]+)", codes_section([CodeLevel("top", indices, 8)]))]
    np.testing.assert_allclose(np.array(heights) / heights[0], [1, 1 / 2, 1 / 4], atol=1e-3)


def test_many_codes_share_bars():
    section = codes_section([CodeLevel("top", np.arange(4096).reshape(16, 16, 16), 4096)])
    assert section.count("v-") == 128


def test_the_histogram_is_described_in_words():
    section = codes_section([CodeLevel("top", np.array([[[0, 1, 2, 3]]]), 16)])
    assert 'aria-label="top: perplexity 4 of 16, 4 codes alive, 12 never used, 2 bits per index' in section


def test_a_wide_table_can_be_scrolled_with_the_keyboard():
    assert '<div class="scroll" tabindex="0" role="region"' in overview_table(["a"], [{"PSNR": 1.0}])

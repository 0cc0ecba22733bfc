"""Curves of a training as a drawing."""

import math
import re

import pytest

from mrrecon.report import TrainingPage, curves_figure


def places(figure: str) -> list[list[tuple[float, float]]]:
    """Distances of each point of each curve from the left and the upper edge."""
    paths = re.findall(r'class="curve"[^>]* d="M([^"]*)"', figure)
    return [[(float(x), float(y)) for x, y in map(str.split, path.split("L"))] for path in paths]


def heights(figure: str) -> list[list[float]]:
    """Distance of each point of each curve from the upper edge."""
    return [[y for _, y in path] for path in places(figure)]


def axes(figure: str) -> list[float]:
    """Left, upper, lower edge and width of the field of the curves."""
    (found,) = re.findall(r'class="axis" d="M(\d+) (\d+)V(\d+)h(\d+)"', figure)
    return [float(number) for number in found]


def test_equal_steps_of_the_value_are_equal_steps_on_paper_also_below_zero():
    (points,) = heights(curves_figure({"critic": [(1, -4.0), (2, 0.0), (3, 4.0)]}, title="t"))
    assert points[0] - points[1] == pytest.approx(points[1] - points[2])
    assert points[0] > points[2]


def test_curves_begin_at_iteration_0_and_end_at_the_last():
    figure = curves_figure({"a": [(0, 0.0), (25, 1.0), (100, 2.0)]}, title="t")
    left, upper, lower, width = axes(figure)
    assert [x for x, _ in places(figure)[0]] == pytest.approx(
        [left, left + width / 4, left + width], abs=0.06
    )
    assert heights(figure)[0] == pytest.approx([lower, (lower + upper) / 2, upper], abs=0.06)


def test_the_scale_names_its_ends_and_its_middle():
    figure = curves_figure({"critic": [(1, -4.0), (2, 0.0), (3, 6.0)]}, title="t")
    ticks = re.findall(r'y="([\d.]+)" text-anchor="end">([-\d.]+)</text>', figure)[:3]
    _, upper, lower, _ = axes(figure)
    assert [float(text) for _, text in ticks] == [-4, 1, 6]
    assert [float(y) - 4 for y, _ in ticks] == pytest.approx([lower, (lower + upper) / 2, upper])


def test_a_few_first_iterations_do_not_flatten_the_others():
    curve = [(k, 1e6 if k < 3 else k % 2) for k in range(300)]
    figure = curves_figure({"a": curve}, title="t")
    _, upper, lower, _ = axes(figure)
    assert heights(figure)[0][:5] == [upper, upper, upper, upper, lower]  # the first three stay inside


def test_curves_share_one_scale():
    lines = heights(curves_figure({"a": [(1, 0.0), (2, 1.0)], "b": [(1, 1.0), (2, 0.0)]}, title="t"))
    assert lines[0] == lines[1][::-1]


def test_what_is_not_finite_is_left_out():
    (points,) = heights(curves_figure({"a": [(1, 0.0), (2, math.nan), (3, math.inf), (4, 1.0)]}, title="t"))
    assert len(points) == 2


def test_a_constant_curve_can_be_drawn_and_a_single_point_is_none():
    assert len(heights(curves_figure({"a": [(1, 2.0), (2, 2.0)]}, title="t"))[0]) == 2
    assert curves_figure({"a": [(1, 2.0)]}, title="t") == ""


def test_names_cannot_break_out_of_the_page():
    figure = curves_figure({"<script>": [(1, 0.0), (2, 1.0)]}, title='a"b')
    assert "<script>" not in figure
    assert 'a"b' not in figure


def test_more_curves_than_kinds_of_lines_are_refused():
    with pytest.raises(ValueError, match="5 entries"):
        curves_figure({name: [(1, 0.0), (2, 1.0)] for name in "abcde"}, title="t")


def test_curves_differ_in_colour_and_in_line_and_the_key_shows_both():
    figure = curves_figure({name: [(1, 0.0), (2, 1.0)] for name in ("critic", "code_critic")}, title="t")
    for number in (0, 1):
        assert figure.count(f"var(--curve-{number})") == 2  # the curve, and its line in the key
    assert len(set(re.findall(r'stroke-dasharray="([^"]*)"', figure))) == 2
    assert "</svg>code critic</span>" in figure


def test_the_page_of_a_training_fits_a_phone(tmp_path):
    TrainingPage({"t": ["a"]}).write(tmp_path / "a.html", {"a": [(1, 0.0), (2, 1.0)]})
    assert "width=device-width" in (tmp_path / "a.html").read_text(encoding="utf-8")

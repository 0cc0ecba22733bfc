"""Curves of a training as a drawing."""

import math
import re

import pytest

from mrrecon.report import curves_figure


def heights(figure: str) -> list[list[float]]:
    """Distance of each point of each curve from the upper edge."""
    paths = re.findall(r'class="curve"[^>]* d="M([^"]*)"', figure)
    return [[float(point.split()[1]) for point in path.split("L")] for path in paths]


def test_equal_steps_of_the_value_are_equal_steps_on_paper_also_below_zero():
    (points,) = heights(curves_figure({"critic": [(1, -4.0), (2, 0.0), (3, 4.0)]}, title="t"))
    assert points[0] - points[1] == pytest.approx(points[1] - points[2])
    assert points[0] > points[2]


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

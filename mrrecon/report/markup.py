"""Pieces of HTML made of values: tables, and the histogram of a codebook. Every text is escaped here."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from math import isfinite, log2
from statistics import fmean, stdev

import numpy as np

from mrrecon.report.scan import CodeLevel
from mrrecon.report.usage import CodeUsage, code_usage

__all__ = ["codes_section", "metrics_table", "overview_table", "show", "summary_list"]

Value = float | int | str

_MOST_BARS = 128
_WIDTH, _HEIGHT, _LEFT, _BELOW = 400, 170, 46, 36


def show(value: Value) -> str:
    """A value as text that is safe inside an element: four digits of a number, all of a large one.

    Args:
        value: number or text.

    Example:
        >>> show(0.123456), show(float("inf")), show("<b>")
        ('0.1235', '∞', '&lt;b&gt;')
    """
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\u202f").replace("-", "−")
    if not isfinite(value):
        return "not a number" if value != value else ("∞" if value > 0 else "−∞")
    if 1e4 <= abs(value) < 1e12:
        return show(round(value))
    return f"{value:.4g}".replace("e-", "e−").replace("-", "−")


def summary_list(summary: Mapping[str, Value]) -> str:
    """Names and values of the run as a whole, nothing where there are none.

    Args:
        summary: values by name.

    Example:
        >>> summary_list({"scans": 3})
        '<dl class="summary"><div><dt>scans</dt><dd>3</dd></div></dl>'
    """
    rows = "".join(
        f"<div><dt>{escape(key)}</dt><dd>{show(value)}</dd></div>" for key, value in summary.items()
    )
    return f'<dl class="summary">{rows}</dl>' if rows else ""


def metrics_table(metrics: Mapping[str, Value]) -> str:
    """Metrics of one scan, a row each, nothing where there are none.

    Args:
        metrics: values by name.

    Example:
        >>> "<td>31.4</td>" in metrics_table({"PSNR (dB)": 31.4})
        True
    """
    rows = "".join(
        f'<tr><th scope="row">{escape(key)}</th><td>{show(value)}</td></tr>' for key, value in metrics.items()
    )
    return f'<div><h3>Metrics</h3><table class="metrics"><tbody>{rows}</tbody></table></div>' if rows else ""


def overview_table(names: Sequence[str], metrics: Sequence[Mapping[str, Value]]) -> str:
    """Metrics of all scans, a row each, and the mean and standard deviation of those that are numbers.

    Args:
        names: of the scans.
        metrics: of the scans, in the same order.

    Example:
        >>> overview_table(["a", "b"], [{"MSE": 1.0}, {"MSE": 3.0}]).count("<tr>")
        4
    """
    columns = list(dict.fromkeys(key for row in metrics for key in row))
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    rows = []
    for number, (name, row) in enumerate(zip(names, metrics, strict=True)):
        cells = "".join(f"<td>{show(row[column]) if column in row else ''}</td>" for column in columns)
        link = f'<a href="#scan-{number}" data-scan="{number}">{escape(name)}</a>'
        rows.append(f'<tr><th scope="row">{link}</th>{cells}</tr>')
    means = "".join(f"<td>{_mean(column, metrics)}</td>" for column in columns)
    foot = f'<tfoot><tr><th scope="row">mean ± standard deviation</th>{means}</tr></tfoot>'
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="All scans">'
        f'<table class="overview"><thead><tr><th scope="col">Scan</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody>{foot if columns and len(names) > 1 else ''}</table></div>"
    )


def _mean(column: str, metrics: Sequence[Mapping[str, Value]]) -> str:
    values = [float(row[column]) for row in metrics if isinstance(row.get(column), float | int)]
    values = [value for value in values if isfinite(value)]
    n_missing = len(metrics) - len(values)
    if len(values) < 2:
        return ""
    of = f" ({len(values)} scans)" if n_missing else ""
    return f"{show(fmean(values))} ± {show(stdev(values))}{of}"


def codes_section(levels: Sequence[CodeLevel]) -> str:
    """How each level uses its codebook, nothing where there are no codes.

    Args:
        levels: codes of one scan.

    Example:
        >>> codes = np.array([[[0, 0, 3, 3]]])
        >>> "perplexity 2 of 8" in codes_section([CodeLevel("top", codes, 8)])
        True
    """
    figures = []
    for level in levels:
        usage = code_usage(level.indices, level.n_codes)
        grid = " × ".join(str(n) for n in level.indices.shape)
        said = (
            f"perplexity {show(usage.perplexity)} of {show(level.n_codes)}, "
            f"{show(usage.n_alive)} codes alive, {show(level.n_codes - usage.n_alive)} never used, "
            f"{show(usage.entropy)} bits per index (of {show(log2(level.n_codes))})"
        )
        total = usage.entropy * level.indices.size / 8
        figures.append(
            f"<figure><h4>{escape(level.name)}</h4>{_histogram(usage, f'{escape(level.name)}: {said}')}"
            f"<figcaption>{said}; grid {grid}, {show(int(level.indices.size))} indices, "
            f"{show(round(total))} bytes at that entropy</figcaption></figure>"
        )
    return f'<section class="codes"><h3>Use of the codes</h3>{"".join(figures)}</section>' if figures else ""


def _histogram(usage: CodeUsage, said: str) -> str:
    """Share of the indices that each code takes, most frequent first; many codes share bars."""
    shares = np.sort(usage.counts)[::-1] / usage.counts.sum()
    n_codes = len(shares)
    edges = np.linspace(0, n_codes, min(n_codes, _MOST_BARS) + 1).round().astype(int)
    bars = [float(shares[first:last].mean()) for first, last in pairwise(edges)]
    top, wide, high = max(bars), _WIDTH - _LEFT - 8, _HEIGHT - _BELOW - 12
    base = _HEIGHT - _BELOW
    gap = min(1.0, 0.15 * wide / len(bars))
    path = "".join(
        f"M{_LEFT + wide * first / n_codes:.1f} {base}v-{high * bar / top:.1f}"
        f"h{wide * (last - first) / n_codes - gap:.1f}V{base}z"
        for first, last, bar in zip(edges[:-1], edges[1:], bars, strict=True)
        if bar > 0
    )
    even = base - high / n_codes / top
    ticks = "".join(
        f'<text x="{x:.0f}" y="{base + 14}" text-anchor="{anchor}">{rank}</text>'
        for x, anchor, rank in (
            (_LEFT, "start", "1"),
            (_LEFT + wide, "end", str(n_codes)),
        )
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{said}">'
        f'<path class="bars" d="{path}"/>'
        f'<path class="axis" d="M{_LEFT} {base}h{wide}"/>'
        f'<path class="even" d="M{_LEFT} {even:.1f}h{wide}"/>'
        f'<text class="even-label" x="{_LEFT + wide}" y="{max(10.0, even - 5):.1f}" text-anchor="end">'
        f"all codes alike, {100 / n_codes:.3g} %</text>"
        f'<text x="{_LEFT - 6}" y="16" text-anchor="end">{100 * top:.2g} %</text>'
        f'<text x="{_LEFT - 6}" y="{base}" text-anchor="end">0</text>{ticks}'
        f'<text x="{_LEFT + wide / 2:.0f}" y="{base + 28}" text-anchor="middle">'
        f"codes, most frequent first; share of the indices</text></svg>"
    )

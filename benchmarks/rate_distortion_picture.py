"""Picture of rate-distortion curves: PSNR and MS-SSIM over the rate, two panels for each group of scans."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from rate_distortion_curves import means

__all__ = ["draw"]

# Colours of Okabe and Ito, which stay apart for the usual kinds of colour blindness; black is ours.
STYLES = {
    "AV1": ("#0072B2", "o"),
    "HEVC": ("#D55E00", "s"),
    "JPEG XL": ("#009E73", "^"),
    "JPEG 2000": ("#CC79A7", "D"),
}
RANGE = (0.08, 2.6)
RATES = (0.1, 0.2, 0.3, 0.5, 1, 2)
SIMILARITIES = (0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995)
TITLES = {"psnr": "PSNR, dB", "ms_ssim": "MS-SSIM"}


def draw(groups: Mapping[str, Sequence[Mapping[str, Any]]], path: str | Path) -> None:
    """Write the picture as PNG.

    Args:
        groups: rows by the name of their group; those with weights are points, the others curves.
        path: the file.
    """
    with mpl.rc_context({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(11, 4.3 * len(groups)), layout="constrained", facecolor="white")
        panels = figure.subplots(len(groups), 2, squeeze=False)
        for line, (group, rows) in zip(panels, groups.items(), strict=True):
            n_scans = len({row["voxels"] for row in rows})
            for axes, metric in zip(line, TITLES, strict=True):
                scans = "1 scan" if n_scans == 1 else f"mean of {n_scans} scans"
                axes.set_title(
                    f"{group.replace('_', ' ')}, {scans}: {TITLES[metric]}", loc="left", fontsize=11
                )
                _panel(axes, rows, metric)
        figure.savefig(path, dpi=110)


def _panel(axes: Axes, rows: Sequence[Mapping[str, Any]], metric: str) -> None:
    mean = means(rows)
    weighted = {(row["codec"], row["setting"]) for row in rows if row["weights"]}
    ends: list[tuple[float, float, str, str]] = []
    lowest, highest = [], []
    for codec, (colour, marker) in STYLES.items():
        points = sorted((m["percent"], m[metric]) for (name, _), m in mean.items() if name == codec)
        points = [point for point in points if RANGE[0] <= point[0] <= RANGE[1]]
        if points:
            x, y = np.array(points).T
            axes.plot(x, _height(y, metric), color=colour, marker=marker, markersize=5, linewidth=1.8)
            ends.append((x[-1], float(_height(y[-1], metric)), codec, colour))
            lowest.append(y[0])
            highest.append(y[-1])
    for kind in sorted(weighted):
        x, y = mean[kind]["percent"], float(_height(mean[kind][metric], metric))
        axes.plot(x, y, color="black", marker="*", markersize=16, markeredgecolor="white", zorder=5)
        words = axes.annotate(
            kind[0] if len(weighted) > 1 else "vqvae3d",
            (x, y),
            (8, -4),
            textcoords="offset points",
            va="top",
            fontweight="bold",
        )
        words.set_path_effects([withStroke(linewidth=4, foreground="white")])
        lowest.append(mean[kind][metric])
        highest.append(mean[kind][metric])
    axes.set_xscale("log")
    axes.set_xlim(RANGE[0], RANGE[1])
    axes.xaxis.set_major_locator(FixedLocator(RATES))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}"))
    axes.set_xlabel("size, % of float32")
    if metric == "ms_ssim":
        axes.yaxis.set_major_locator(FixedLocator([float(_height(s, metric)) for s in SIMILARITIES]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda height, _: f"{1 - 10**-height:.4g}"))
    else:
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    if lowest:
        low, high = float(_height(min(lowest), metric)), float(_height(max(highest), metric))
        axes.set_ylim(low - 0.05 * (high - low), high + 0.08 * (high - low))
    axes.grid(color="0.9")
    _label(axes, ends)


def _height(value: Any, metric: str) -> Any:
    """Where a value stands: MS-SSIM by the logarithm of what it lacks."""
    return -np.log10(1 - np.asarray(value)) if metric == "ms_ssim" else np.asarray(value)


def _label(axes: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Names right of the panel, in the order of the ends of their curves and apart from each other."""
    low, high = axes.get_ylim()
    gap = 0.07 * (high - low)
    height = -np.inf
    for x, y, name, colour in sorted(ends, key=lambda end: end[1]):
        height = max(y, height + gap)
        axes.annotate(
            name,
            (x, y),
            (RANGE[1] * 1.04, height),
            color=colour,
            va="center",
            fontweight="bold",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.8, "linestyle": ":"},
        )

"""Picture of figure 4: errors of projections over sparsity, and training curves of linear autoencoders."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mrrecon.files import atomic_path

# Colours of Okabe and Ito, which stay apart for the usual kinds of colour blindness.
COLOURS = {
    "zero": "#0072B2",
    "mean": "#009E73",
    "interpolation": "#CC79A7",
    "sparse": "#D55E00",
    "sparse + ridge": "#000000",
}


def draw(rows: Sequence[dict[str, Any]], learned: Sequence[dict[str, Any]], path: str | Path) -> None:
    """Write the picture as PNG: a line of panels for each data set.

    Args:
        rows: of the projections.
        learned: of the autoencoders.
        path: the file.
    """
    from matplotlib.figure import Figure

    sets = list(dict.fromkeys(row["data"] for row in rows))
    figure = Figure(figsize=(14, 3.8 * len(sets)), layout="constrained", facecolor="white")
    panels = figure.subplots(len(sets), 4, squeeze=False)
    for line, data in zip(panels, sets, strict=True):
        for axes, order in zip(line, ("plain", "permuted"), strict=False):
            here = [row for row in rows if (row["data"], row["pixels"]) == (data, order)]
            axes.set_title(f"{data}, {order} pixels: projection", loc="left", fontsize=10)
            axes.set_xlabel("missing, %")
            axes.set_ylabel("squared error / variance")
            _lines(axes, here, "sparsity", "relative")
        for axes, (key, words) in zip(line[2:], {"observed": "observed", "all": "all"}.items(), strict=True):
            here = [row for row in learned if row["data"] == data]
            axes.set_title(f"{data}: autoencoder, {words} pixels", loc="left", fontsize=10)
            axes.set_xlabel("epoch")
            axes.set_ylabel("mean squared error")
            _lines(axes, here, "epoch", key)
        line[0].legend(frameon=False, fontsize=8)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110)


def _lines(axes: Any, rows: Sequence[dict[str, Any]], x: str, y: str) -> None:
    axes.set_yscale("log")
    for filling, colour in COLOURS.items():
        points = [(row[x], row[y]) for row in rows if row["filling"] == filling]
        if points:
            axes.plot(*zip(*points, strict=True), color=colour, label=filling, marker=".", linewidth=1.2)

"""Table and picture of figure 8."""

import itertools
import math
import statistics
from collections.abc import Sequence
from pathlib import Path

from tables import Cell, markdown

from mrrecon.files import atomic_path

COLOURS = ("#D55E00", "#0072B2", "#009E73")


def report(cells: Sequence[Cell], methods: Sequence[str]) -> str:
    """Markdown: errors and seconds of each method at each sparsity, and whether the gap widens."""
    rows, gaps = [], []
    for sparsity in sorted({cell["sparsity"] for cell in cells}):
        here = {method: _of(cells, sparsity, method) for method in methods}
        errors = [_mean([cell["missing"] for cell in here[method]]) for method in methods]
        seconds = [_mean([cell["seconds"] for cell in here[method]]) for method in methods]
        rivals = [error for error in errors[1:] if not math.isnan(error)]
        gaps.append((sparsity, min(rivals) - errors[0] if rivals else math.nan))
        rows.append(
            [
                f"{sparsity} %",
                *(f"{1000 * error:.2f}" for error in errors),
                *(f"{second:.3g}" for second in seconds),
            ]
        )
    header = ["missing", *(f"{m}, 1e-3" for m in methods), *(f"{m}, s" for m in methods)]
    widens = all(later >= sooner for (_, sooner), (_, later) in itertools.pairwise(gaps))
    told = ", ".join(f"{sparsity} %: {1000 * gap:+.2f}" for sparsity, gap in gaps)
    n_images = len({cell["image"] for cell in cells})
    return (
        f"Mean squared error of missing pixels of {n_images} images, and seconds for an image:\n\n"
        f"{markdown(header, rows)}\n\n"
        f"Error of the better prior less that of conv_sparse, in thousandths: {told}. "
        f"That it widens with every sparsity {'holds' if widens else 'does not hold'}."
    )


def draw(cells: Sequence[Cell], methods: Sequence[str], path: str | Path) -> None:
    """Write the picture as PNG: error over sparsity, a line a method."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained", facecolor="white")
    axes = figure.subplots()
    for method, colour in zip(methods, COLOURS, strict=True):
        places = sorted({cell["sparsity"] for cell in cells})
        errors = [_mean([cell["missing"] for cell in _of(cells, place, method)]) for place in places]
        axes.plot(places, errors, color=colour, marker="o", label=method)
    axes.set_yscale("log")
    axes.set_xlabel("missing, %")
    axes.set_ylabel("mean squared error, missing pixels")
    axes.legend(frameon=False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110)


def _of(cells: Sequence[Cell], sparsity: int, method: str) -> list[Cell]:
    return [cell for cell in cells if (cell["sparsity"], cell["method"]) == (sparsity, method)]


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values) if values else math.nan

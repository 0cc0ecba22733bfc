"""Table and picture of figure 8."""

import itertools
import math
import statistics
from collections.abc import Sequence
from pathlib import Path

from mrrecon.files import atomic_path
from scripts.experiments.tables import Cell, markdown

COLOURS = ("#D55E00", "#0072B2", "#009E73")


def report(cells: Sequence[Cell], methods: Sequence[str]) -> str:
    """Markdown: errors and seconds of each method at each sparsity, and whether the gap widens.

    The gap of an image is the error of the better prior (of the two, the one that is better on the mean over
    the images) less that of the network; the same images are seen at every sparsity, so that changes of the
    gap are compared image by image.
    """
    rows = []
    gaps: dict[int, dict[int, float]] = {}
    for sparsity in sorted({cell["sparsity"] for cell in cells}):
        here = [_of(cells, sparsity, method) for method in methods]
        errors = [_mean([cell["missing"] for cell in found]) for found in here]
        seconds = [_mean([cell["seconds"] for cell in found]) for found in here]
        gaps[sparsity] = _gaps(here)
        rows.append(
            [
                f"{sparsity} %",
                *(f"{1000 * error:.2f}" for error in errors),
                *(f"{second:.3g}" for second in seconds),
            ]
        )
    header = ["missing", *(f"{m}, 1e-3" for m in methods), *(f"{m}, s" for m in methods)]
    told = ", ".join(f"{sparsity} %: {_words(list(gap.values()))}" for sparsity, gap in gaps.items())
    steps = list(itertools.pairwise(gaps))
    ends = [(steps[0][0], steps[-1][1])] if len(steps) > 1 else []
    changes = [
        f"from {one} to {other} % it {_change(gaps[one], gaps[other])}" for one, other in [*steps, *ends]
    ]
    n_images = len({cell["image"] for cell in cells})
    return (
        f"Mean squared error of missing pixels of {n_images} images, and seconds for an image:\n\n"
        f"{markdown(header, rows)}\n\n"
        f"Error of the better prior less that of conv_sparse, in thousandths, ± standard error: {told}.\n"
        f"The gap, decided beyond two standard errors: {'; '.join(changes) or 'one sparsity only'}."
    )


def _gaps(here: Sequence[Sequence[Cell]]) -> dict[int, float]:
    """For each image that all methods have seen: error of the better prior less that of the network."""
    errors = [{cell["image"]: cell["missing"] for cell in found} for found in here]
    shared = sorted(set(errors[0]).intersection(*errors[1:]))
    if not shared:
        return {}
    better = min(errors[1:], key=lambda found: _mean([found[image] for image in shared]))
    return {image: better[image] - errors[0][image] for image in shared}


def _change(sooner: dict[int, float], later: dict[int, float]) -> str:
    changes = [later[image] - sooner[image] for image in sorted(set(sooner) & set(later))]
    if len(changes) < 2:
        return "is undecided (fewer than two images)"
    mean, error = _mean(changes), _standard_error(changes)
    verdict = "is undecided" if not abs(mean) > 2 * error else "widens" if mean > 0 else "narrows"
    return f"{verdict} ({_words(changes)})"


def _words(values: Sequence[float]) -> str:
    return f"{1000 * _mean(values):+.2f} ± {1000 * _standard_error(values):.2f}"


def _standard_error(values: Sequence[float]) -> float:
    return statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan


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

"""Results of the experiments: a line a cell, tables, and orderings with their standard errors."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Cell = dict[str, Any]


def read_cells(path: str | Path) -> list[Cell]:
    """Cells of a file of JSON lines, in order; none where there is no file.

    A last line that was cut off when a run was stopped does not count.

    Raises:
        ValueError: another line is broken.
    """
    path = Path(path)
    cells = []
    lines = path.read_text().splitlines() if path.exists() else []
    for number, line in enumerate(lines, start=1):
        try:
            cells.append(json.loads(line))
        except json.JSONDecodeError as error:
            if number < len(lines):
                raise ValueError(f"{path}: line {number} is no JSON: {error}") from None
    return cells


def append_cell(path: str | Path, cell: Cell) -> None:
    """Add a cell to a file of JSON lines. What a stopped run left half is taken away."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        whole = path.read_text()
        if whole and not whole.endswith("\n"):
            path.write_text(whole[: whole.rfind("\n") + 1])
    with path.open("a") as stream:
        stream.write(json.dumps(cell) + "\n")


def rounded(values: Iterable[float]) -> list[float]:
    """Six significant digits: what a line of JSON needs."""
    return [float(f"{value:.6g}") for value in values]


def group_means(values: Sequence[float], groups: Sequence[int]) -> np.ndarray:
    """Mean of each group: images of one subject are no independent draws, subjects are."""
    _, which, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    means: np.ndarray = np.bincount(which, np.asarray(values, np.float64)) / sizes
    return means


def mean_and_error(values: Sequence[float], groups: Sequence[int]) -> tuple[float, float]:
    """Mean over groups, and its standard error."""
    means = group_means(values, groups)
    error = float(means.std(ddof=1)) / math.sqrt(len(means)) if len(means) > 1 else math.nan
    return float(means.mean()), error


def paired(a: Cell, b: Cell, key: str) -> tuple[float, float]:
    """Mean of ``b - a`` over the test images (by group), and its standard error."""
    difference = np.asarray(b[key], np.float64) - np.asarray(a[key], np.float64)
    return mean_and_error(difference.tolist(), a["groups"])


def smaller(a: Cell, b: Cell, key: str) -> str:
    """Whether ``a`` has the smaller error: holds, fails, or undecided within two standard errors."""
    difference, error = paired(a, b, key)
    verdict = "undecided" if not abs(difference) > 2 * error else "holds" if difference > 0 else "fails"
    return f"{verdict} ({difference:+.5f} ± {error:.5f})"


def markdown(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table of Markdown: the first column to the left, the others to the right."""
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
    lines += ["| " + " | ".join(str(value) for value in row) + " |" for row in rows]
    return "\n".join(lines)


def grid(cells: Sequence[Cell], key: str, *, columns: Sequence[tuple[str, int]], order: Sequence[str]) -> str:
    """Table of mean ± standard error, in thousandths: a row a method, a column a data set and sparsity.

    The smallest of each column is bold.
    """
    found: Mapping[tuple[str, int, str], Cell] = {
        (cell["data"], cell["sparsity"], cell["method"]): cell for cell in cells
    }
    means = {place: mean_and_error(cell[key], cell["groups"]) for place, cell in found.items()}
    rows: dict[str, list[str]] = {method: [] for method in order}
    for data, sparsity in columns:
        here = {
            method: means[data, sparsity, method] for method in order if (data, sparsity, method) in means
        }
        least = min(mean for mean, _ in here.values())
        for method, row in rows.items():
            mean, error = here.get(method, (math.nan, math.nan))
            text = f"{1000 * mean:.2f} ± {1000 * error:.2f}" if method in here else ""
            row.append(f"**{text}**" if mean == least else text)
    header = ["method", *(f"{data} {sparsity} %" for data, sparsity in columns)]
    return markdown(header, ([method, *row] for method, row in rows.items() if any(row)))

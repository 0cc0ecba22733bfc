"""The report of figure 5: tables, and which of the paper's orderings hold."""

from collections.abc import Mapping, Sequence

from mrrecon.networks import SPARSE_VARIANTS
from scripts.experiments.methods import BASELINES
from scripts.experiments.tables import Cell, grid, markdown, mean_and_error, smaller

HARD = ("mnist_rot", "patches")
"""Where the paper says that conv-sparse is best and the linear subspace worst."""

KEYS = {"missing": "missing pixels", "all": "all pixels"}


def report(cells: Sequence[Cell], *, data: Sequence[str], methods: Sequence[str]) -> str:
    """Markdown of all cells.

    Args:
        cells: as ``figure5.py`` writes them.
        data: names of data sets, in order.
        methods: names of methods, in order.
    """
    columns = sorted(
        {(cell["data"], cell["sparsity"]) for cell in cells},
        key=lambda column: (data.index(column[0]), column[1]),
    )
    parts = []
    for key, words in KEYS.items():
        parts.append(f"Mean squared error over {words}, in thousandths, ± standard error:\n")
        parts.append(grid(cells, key, columns=columns, order=methods) + "\n")
    parts.append(
        "Orderings of the paper (difference of errors ± paired standard error, decided beyond two):\n"
    )
    rows = [row for column in columns for row in _orderings(cells, column)]
    parts.append(markdown(["claim", "data", "missing pixels", "all pixels"], rows))
    return "\n".join(parts)


def _orderings(cells: Sequence[Cell], column: tuple[str, int]) -> list[list[str]]:
    here = {cell["method"]: cell for cell in cells if (cell["data"], cell["sparsity"]) == column}
    where = f"{column[0]} {column[1]} %"
    ours = [method for method in SPARSE_VARIANTS if method in here]
    rivals = [method for method in BASELINES if method in here]
    rows = []

    def claim(text: str, better: str | None, worse: str | None) -> None:
        if better is not None and worse is not None and better != worse:
            verdicts = [smaller(here[better], here[worse], key) for key in KEYS]
            rows.append([text.format(better=better, worse=worse), where, *verdicts])

    sparse = "conv_sparse" if "conv_sparse" in here else None
    completion = "completion" if "completion" in here else None
    subspace = _best(here, [method for method in rivals if method.startswith("subspace")])
    claim(
        "conv_sparse better than the next best variant, {worse}",
        sparse,
        _best(here, [method for method in ours if method != sparse]),
    )
    claim(
        "the worst variant but conv_zero, {better}, better than the best baseline, {worse}",
        _worst(here, [method for method in ours if method != "conv_zero"]),
        _best(here, rivals),
    )
    if column[0] in HARD:
        claim("the worst variant, {better}, better than the linear {worse}", _worst(here, ours), subspace)
        claim("conv_sparse better than the linear {worse}", sparse, subspace)
    claim(
        "beyond the paper: completion better than the next, {worse}", completion, _best(here, ours + rivals)
    )
    return rows


def _best(here: Mapping[str, Cell], names: Sequence[str]) -> str | None:
    return min(names, key=lambda name: _error(here[name])) if names else None


def _worst(here: Mapping[str, Cell], names: Sequence[str]) -> str | None:
    return max(names, key=lambda name: _error(here[name])) if names else None


def _error(cell: Cell) -> float:
    return mean_and_error(cell["missing"], cell["groups"])[0]

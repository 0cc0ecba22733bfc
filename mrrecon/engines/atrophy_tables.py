"""The tables of a study of known atrophies, as Markdown."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mrrecon.engines.markdown_table import markdown_table

__all__ = ["atrophy_markdown"]

Row = Mapping[str, Any]


def atrophy_markdown(study: Mapping[str, Any]) -> str:
    """What an ``AtrophyStudy`` found.

    Args:
        study: the content of ``atrophy.json``.

    Example:
        >>> empty = {"subjects": 10, "percents": [10.0], "smallest": [], "rows": [], "left_out": []}
        >>> atrophy_markdown(empty)
        'Subjects: 10. Volume that a ball of tissue lost: 10 %.'
    """
    percents = ", ".join(f"{percent:g}" for percent in study["percents"])
    parts = [f"Subjects: {study['subjects']}. Volume that a ball of tissue lost: {percents} %."]
    if study["smallest"]:
        parts.append(_smallest(study["smallest"]))
    for design in dict.fromkeys(row["design"] for row in study["rows"]):
        rows = [row for row in study["rows"] if row["design"] == design]
        title = f"Design: {design}, {rows[0]['degrees_of_freedom']} degrees of freedom."
        parts += [title, _findings(rows)]
    if study["left_out"]:
        parts += ["Left out:", "\n".join(f"- {reason}" for reason in study["left_out"])]
    return "\n\n".join(parts)


def _smallest(rows: Sequence[Mapping[str, Any]]) -> str:
    head = ["scans"] + [
        f"{row['design']}, {row['where']}" for row in rows if row["source"] == rows[0]["source"]
    ]
    body: dict[str, list[str]] = {}
    for row in rows:
        found = "none" if row["percent"] is None else f"{row['percent']:g} %"
        body.setdefault(row["source"], []).append(found)
    words = (
        "Smallest loss that is found, as is every greater one (corrected p, brain or region of two radii):"
    )
    return words + "\n\n" + markdown_table(head, [[source, *cells] for source, cells in body.items()])


def _findings(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = {name: write for name, write in _COLUMNS.items() if any(write(row) for row in rows)}
    return markdown_table(list(columns), [[write(row) for write in columns.values()] for row in rows])


def _number(key: str, form: str = ".3f", *, times: float | int = 1, unit: str = "") -> Callable[[Row], str]:
    def write(row: Row) -> str:
        return f"{times * row[key]:{form}}{unit}" if key in row else ""

    return write


def _p(key: str, found: str) -> Callable[[Row], str]:
    def write(row: Row) -> str:
        return f"**{row[key]:.3f}**" if row[found] else f"{row[key]:.3f}"

    return write


_COLUMNS: dict[str, Callable[[Row], str]] = {
    "scans": lambda row: str(row["source"]),
    "%": _number("percent", "g"),
    "greatest t": _number("t_peak", ".2f"),
    "t needed": _number("t_needed", ".2f"),
    "p, brain": _p("p_brain", "found"),
    "p, region": _p("p_region", "found_in_region"),
    "groupings that find it": _number("found_share", ".0f", times=100, unit=" %"),
    "Dice with the balls": _number("dice_truth"),
    "Dice with original": _number("overlap"),
    "correlation": _number("correlation"),
    "correlation, region": _number("correlation_region"),
    "true loss, ml": _number("true_loss_ml", ".2f"),
    "measured, ml": lambda row: f"{row['loss_ml']:.2f} ± {row['loss_sd_ml']:.2f}",
    "of originals'": _number("loss_share", ".0f", times=100, unit=" %"),
    "elsewhere, ml": _number("elsewhere_ml", ".1f"),
}

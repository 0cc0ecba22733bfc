"""A table of words for the terminal."""

from collections.abc import Sequence

__all__ = ["text_table"]


def text_table(
    head: Sequence[str], body: Sequence[Sequence[str]], ends: Sequence[Sequence[str]] = (), *, n_left: int = 1
) -> str:
    """Rows with columns below each other, and rules under the head and above the last rows.

    Args:
        head: names of the columns.
        body: rows of as many cells.
        ends: rows that sum up.
        n_left: how many columns, the first ones, begin on the left; the others end on the right.

    Example:
        >>> print(text_table(["scan", "ml"], [["a", "7"], ["bc", "11"]]))
        scan  ml
        ----  --
        a      7
        bc    11
    """
    widths = [max(len(cell) for cell in column) for column in zip(head, *body, *ends, strict=True)]
    rule = "  ".join("-" * width for width in widths)
    lines = [_line(head, widths, n_left), rule, *(_line(cells, widths, n_left) for cells in body)]
    if ends:
        lines += [rule, *(_line(cells, widths, n_left) for cells in ends)]
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int], n_left: int) -> str:
    padded = [
        cell.ljust(width) if column < n_left else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()

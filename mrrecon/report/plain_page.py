"""A page of text, tables and pictures, one HTML file that needs nothing else."""

import re
from collections.abc import Sequence
from html import escape
from importlib import resources

from mrrecon.report.still import Still

__all__ = ["plain_page", "whole_page"]


def plain_page(title: str, markdown: str, stills: Sequence[Still]) -> str:
    r"""The page.

    Args:
        title: heading.
        markdown: paragraphs, lists, tables and words in bold; a line's other marks stay as they are.
        stills: pictures, below the text.

    Example:
        >>> "<td><b>1</b></td>" in plain_page("t", "| a | b |\n|---|---|\n| x | **1** |", [])
        True
    """
    return whole_page(title, [*_elements(markdown), *(still.html() for still in stills)])


def whole_page(title: str, elements: Sequence[str]) -> str:
    """Elements under a heading, in the style of all pages.

    Args:
        title: heading; any text.
        elements: HTML, from top to bottom.

    Example:
        >>> "<h1>a &lt; b</h1>" in whole_page("a < b", [])
        True
    """
    style = resources.files("mrrecon.report").joinpath("report.css").read_text(encoding="utf-8")
    head = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{style}</style></head>",
    ]
    body = [f"<body><main><h1>{escape(title)}</h1>", *elements, "</main></body></html>"]
    return "\n".join([*head, *body]) + "\n"


def _elements(markdown: str) -> list[str]:
    parts, n_tables = [], 0
    for block in markdown.split("\n\n"):
        lines = block.splitlines()
        if lines[0].startswith("| "):
            rows, n_tables = "".join(_row(line) for line in lines[2:]), n_tables + 1
            # A table wider than the page is scrolled, also by the keyboard.
            parts.append(
                f'<div class="scroll" tabindex="0" role="region" aria-label="Table {n_tables}"><table>'
                f"<thead>{_head(lines[0])}</thead><tbody>{rows}</tbody></table></div>"
            )
        elif lines[0].startswith("- "):
            parts.append("<ul>" + "".join(f"<li>{_words(line[2:])}</li>" for line in lines) + "</ul>")
        else:
            parts.append(f"<p>{_words(block)}</p>")
    return parts


def _head(line: str) -> str:
    return "<tr>" + "".join(f'<th scope="col">{cell}</th>' for cell in _cells(line)) + "</tr>"


def _row(line: str) -> str:
    first, *others = _cells(line)
    return f'<tr><th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in others) + "</tr>"


def _cells(line: str) -> list[str]:
    # A value and its deviation stay on one line.
    cells = line.strip().strip("|").split("|")
    return [_words(cell.strip()).replace(" ± ", "\u00a0±\u00a0") for cell in cells]


def _words(text: str) -> str:
    return re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", escape(text))

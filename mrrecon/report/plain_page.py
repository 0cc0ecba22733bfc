"""A page of text, tables and pictures, one HTML file that needs nothing else."""

import re
from collections.abc import Sequence
from html import escape

from mrrecon.report.still import Still

__all__ = ["plain_page"]

_STYLE = """
body { background: #14161a; color: #d6d9df; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 62rem; }
table { border-collapse: collapse; margin: 1rem 0; } td, th { padding: .2rem .7rem; text-align: right; }
td:first-child, th:first-child { text-align: left; } tr + tr { border-top: 1px solid #2c3038; }
figure { margin: 1.5rem 0; } img { max-width: 100%; height: auto; } figcaption { color: #9aa0ac; }
"""


def plain_page(title: str, markdown: str, stills: Sequence[Still]) -> str:
    r"""The page.

    Args:
        title: heading.
        markdown: paragraphs, lists, tables and words in bold; a line's other marks stay as they are.
        stills: pictures, below the text.

    Example:
        >>> "<td><b>1</b></td>" in plain_page("t", "| a |\n|---|\n| **1** |", [])
        True
    """
    body = [f"<h1>{escape(title)}</h1>", *_elements(markdown), *(still.html() for still in stills)]
    head = f'<!doctype html><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    return "\n".join([head, *body]) + "\n"


def _elements(markdown: str) -> list[str]:
    parts = []
    for block in markdown.split("\n\n"):
        lines = block.splitlines()
        if lines[0].startswith("| "):
            rows = [
                _row(line, "th" if number == 0 else "td") for number, line in enumerate(lines) if number != 1
            ]
            parts.append(f"<table>{''.join(rows)}</table>")
        elif lines[0].startswith("- "):
            parts.append("<ul>" + "".join(f"<li>{_words(line[2:])}</li>" for line in lines) + "</ul>")
        else:
            parts.append(f"<p>{_words(block)}</p>")
    return parts


def _row(line: str, tag: str) -> str:
    cells = [_words(cell.strip()) for cell in line.strip().strip("|").split("|")]
    return "<tr>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in cells) + "</tr>"


def _words(text: str) -> str:
    return re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", escape(text))

"""The page of a study of codecs: tables, and the t-maps as pictures."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from mrrecon.files import atomic_path
from mrrecon.report.glass_brain import glass_brain
from mrrecon.report.still import Still
from mrrecon.report.t_map import t_map_slices

__all__ = ["StudyPage"]

_STYLE = """
body { background: #14161a; color: #d6d9df; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 62rem; }
table { border-collapse: collapse; margin: 1rem 0; } td, th { padding: .2rem .7rem; text-align: right; }
td:first-child, th:first-child { text-align: left; } tr + tr { border-top: 1px solid #2c3038; }
figure { margin: 1.5rem 0; } img { max-width: 100%; height: auto; } figcaption { color: #9aa0ac; }
"""


class StudyPage:
    """Page of a ``MorphometryStudy``: one HTML file that needs nothing else.

    Args:
        path: file to write.
        background: brain in the template's space, a path; the t-maps are drawn over it.
        title: heading of the page.
    """

    def __init__(
        self, path: str | Path, *, background: str | Path, title: str = "What a codec does to anatomy"
    ) -> None:
        self.path, self.title = Path(path), title
        image: Any = nibabel.load(background)
        self.background = np.asarray(image.dataobj, dtype=np.float64)
        self.affine = np.asarray(image.affine, dtype=np.float64)

    def still(self, name: str, found: Any, threshold: float, affine: np.ndarray) -> Still:
        """Picture of a t-map: slices where something exceeds the threshold, else all as a glass brain."""
        t = found.t.double().numpy()
        greatest = float(np.abs(t).max())
        words = f"{name}: |t| > {threshold:.2f} (p < 0.001, uncorrected)"
        if greatest > threshold:
            return t_map_slices(
                t,
                affine,
                background=self.background,
                background_affine=self.affine,
                threshold=threshold,
                name=words,
            )
        # Nothing exceeds it: the shape of what there is.
        words = f"{name}: nothing exceeds |t| = {threshold:.2f}; shown above half of the greatest"
        return glass_brain(
            t,
            affine,
            threshold=max(greatest / 2, 1e-6),
            background=self.background,
            background_affine=self.affine,
            name=words,
        )

    def write(self, study: Mapping[str, Any], stills: Sequence[Still]) -> None:
        """Write the page.

        Args:
            study: the content of ``study.json``; its ``markdown`` is shown as tables.
            stills: pictures, from ``still``.
        """
        body = [f"<h1>{escape(self.title)}</h1>", *_html(str(study["markdown"])), *(s.html() for s in stills)]
        head = (
            f'<!doctype html><meta charset="utf-8"><title>{escape(self.title)}</title><style>{_STYLE}</style>'
        )
        with atomic_path(self.path) as temporary:
            temporary.write_text("\n".join([head, *body]) + "\n", encoding="utf-8")


def _html(markdown: str) -> list[str]:
    """Paragraphs, lists and tables of Markdown as elements."""
    parts = []
    for block in markdown.split("\n\n"):
        lines = block.splitlines()
        if lines[0].startswith("| "):
            rows = [
                _row(line, "th" if number == 0 else "td") for number, line in enumerate(lines) if number != 1
            ]
            parts.append(f"<table>{''.join(rows)}</table>")
        elif lines[0].startswith("- "):
            parts.append("<ul>" + "".join(f"<li>{escape(line[2:])}</li>" for line in lines) + "</ul>")
        else:
            parts.append(f"<p>{escape(block)}</p>")
    return parts


def _row(line: str, tag: str) -> str:
    cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
    inner = [
        f"<{tag}><b>{escape(cell[2:-2])}</b></{tag}>"
        if cell.startswith("**")
        else f"<{tag}>{escape(cell)}</{tag}>"
        for cell in cells
    ]
    return f"<tr>{''.join(inner)}</tr>"

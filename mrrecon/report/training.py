"""The page of a training: its curves, in one HTML file that needs nothing else."""

from collections.abc import Mapping, Sequence
from html import escape
from math import isfinite
from pathlib import Path

from mrrecon.files import atomic_path
from mrrecon.report.plain_page import whole_page

__all__ = ["TrainingPage", "curves_figure"]

_WIDTH, _HEIGHT, _LEFT, _BELOW = 640, 240, 64, 40
_DASHES = ("", "6 3", "2 3", "9 3 2 3")

Number = int | float
Curve = Sequence[tuple[Number, Number]]


def curves_figure(curves: Mapping[str, Curve], *, title: str) -> str:
    """Curves over the iterations on one linear scale, as SVG; nothing where no curve has two points.

    Args:
        curves: (iteration, value) by name, at most four. What is not finite is left out.
        title: what stands above.

    Raises:
        ValueError: there are more than four curves.

    Example:
        >>> figure = curves_figure({"critic": [(1.0, -3.0), (2.0, -1.0)]}, title="Critics")
        >>> "<svg" in figure, curves_figure({}, title="Critics")
        (True, '')
    """
    if len(curves) > len(_DASHES):
        raise ValueError(f"curves has {len(curves)} entries: draw at most {len(_DASHES)} in a figure")
    drawn = {name: [(x, y) for x, y in curve if isfinite(y)] for name, curve in curves.items()}
    drawn = {name: curve for name, curve in drawn.items() if len(curve) > 1}
    if not drawn:
        return ""
    values = sorted(y for curve in drawn.values() for _, y in curve)
    # A few first iterations would leave all others in a flat line.
    cut = len(values) // 100
    low, high = values[cut], values[-1 - cut]
    high = high if high > low else low + 1.0
    end = max(x for curve in drawn.values() for x, _ in curve)
    base, wide = _HEIGHT - _BELOW, _WIDTH - _LEFT - 10

    def place(x: Number, y: Number) -> str:
        up = min(max((y - low) / (high - low), 0.0), 1.0)
        return f"{_LEFT + wide * x / end:.1f} {base - (base - 12) * up:.1f}"

    lines = "".join(
        f'<path class="curve" style="stroke: var(--curve-{number})" stroke-dasharray="{dashes}" '
        f'd="M{"L".join(place(x, y) for x, y in curve)}"/>'
        for number, (curve, dashes) in enumerate(zip(drawn.values(), _DASHES, strict=False))
    )
    ticks = "".join(
        f'<text x="{_LEFT - 6}" y="{base - (base - 12) * part + 4:.1f}" text-anchor="end">'
        f"{low + part * (high - low):.3g}</text>"
        for part in (0.0, 0.5, 1.0)
    )
    kinds = ("full line", "dashes", "dots", "dashes and dots")
    names = [escape(name.replace("_", " ")) for name in drawn]
    key = "; ".join(f"{name}: {kind}" for name, kind in zip(names, kinds, strict=False))
    legend = "".join(
        f'<span><svg viewBox="0 0 36 10" aria-hidden="true"><path class="line" d="M0 5h36" '
        f'style="stroke: var(--curve-{number})" stroke-dasharray="{dashes}"/></svg>{name}</span>'
        for number, (name, dashes) in enumerate(zip(names, _DASHES, strict=False))
    )
    return (
        f"<section><h2>{escape(title)}</h2><figure>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}: {key}">'
        f'<path class="axis" d="M{_LEFT} 12V{base}h{wide}"/>{lines}{ticks}'
        f'<text x="{_LEFT}" y="{base + 15}">0</text>'
        f'<text x="{_LEFT + wide}" y="{base + 15}" text-anchor="end">{end:.0f}</text>'
        f'<text x="{_LEFT + wide / 2:.0f}" y="{base + 32}" text-anchor="middle">iteration</text></svg>'
        f'<figcaption class="key">{legend}</figcaption></figure></section>'
    )


class TrainingPage:
    """Page of a training, written anew whenever it is told: what ``AdversarialCurves`` takes as ``page``.

    Args:
        figures: names of the curves of each figure, by its title; a curve that is not there is left out.
        title: heading of the page.
    """

    def __init__(self, figures: Mapping[str, Sequence[str]], *, title: str = "Training") -> None:
        self.figures = {name: tuple(curves) for name, curves in figures.items()}
        self.title = title

    def write(self, path: Path, curves: Mapping[str, Curve]) -> None:
        """Write the page, whole or not at all.

        Args:
            path: the HTML file, whose folder is made.
            curves: (iteration, value) by name.
        """
        body = "".join(
            curves_figure({name: curves[name] for name in names if name in curves}, title=title)
            for title, names in self.figures.items()
        )
        page = whole_page(self.title, [f'<div class="curves">{body}</div>'])
        with atomic_path(path) as temporary:
            temporary.write_text(page, encoding="utf-8")

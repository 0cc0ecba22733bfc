"""How a solver converged, as a drawing."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, isfinite, log10

__all__ = ["Curve", "curve_section"]

_WIDTH, _HEIGHT, _LEFT, _BELOW = 400, 190, 52, 40


@dataclass(frozen=True)
class Curve:
    """A positive number that falls with the iterations.

    Args:
        name: what the number is.
        values: one an iteration, from 0 on; what is not positive and finite leaves a gap.
        goal: where the solver stops; 0: nowhere.

    Example:
        >>> Curve("duality gap", [1.0, 0.1], goal=0.01).goal
        0.01
    """

    name: str
    values: Sequence[float]
    goal: float = 0.0


def curve_section(curves: Sequence[Curve]) -> str:
    """Curves over the iterations, the values on a logarithmic scale; nothing where there are none to draw.

    Args:
        curves: of one scan, for example of its slices.

    Example:
        >>> "<svg" in curve_section([Curve("gap", [1.0, 0.1, 0.01])]), curve_section([])
        (True, '')
    """
    drawn = [curve for curve in curves if len(_points(curve)) > 1]
    if not drawn:
        return ""
    n = max(len(curve.values) for curve in drawn) - 1
    heights = [value for curve in drawn for _, value in _points(curve)]
    heights += [curve.goal for curve in drawn if curve.goal > 0]
    low, high = floor(log10(min(heights))), ceil(log10(max(heights)))
    high = max(high, low + 1)
    base, wide = _HEIGHT - _BELOW, _WIDTH - _LEFT - 10

    def x(iteration: int) -> float:
        return _LEFT + wide * iteration / n

    def y(value: float) -> float:
        return base - (base - 12) * (log10(value) - low) / (high - low)

    lines = "".join(
        '<path class="curve" d="M'
        + "L".join(f"{x(i):.1f} {y(value):.1f}" for i, value in _points(curve))
        + '"/>'
        for curve in drawn
    )
    goals = "".join(
        f'<path class="even" d="M{_LEFT} {y(goal):.1f}h{wide}"/>'
        for goal in sorted({curve.goal for curve in drawn if curve.goal > 0})
    )
    step = max(1, (high - low) // 5)
    ticks = "".join(
        f'<text x="{_LEFT - 6}" y="{y(10.0**power) + 4:.1f}" text-anchor="end">1e{power}</text>'
        for power in range(low, high + 1, step)
    )
    names = ", ".join(dict.fromkeys(escape(curve.name) for curve in drawn))
    said = f"{names} over the iterations"
    return (
        f'<section class="codes"><h3>Convergence</h3><figure>'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{said}">'
        f'<path class="axis" d="M{_LEFT} 12V{base}h{wide}"/>{lines}{goals}{ticks}'
        f'<text x="{_LEFT}" y="{base + 15}">0</text>'
        f'<text x="{_LEFT + wide}" y="{base + 15}" text-anchor="end">{n}</text>'
        f'<text x="{_LEFT + wide / 2:.0f}" y="{base + 32}" text-anchor="middle">iteration</text></svg>'
        f"<figcaption>{said}; dashed: where the solver stops</figcaption></figure></section>"
    )


def _points(curve: Curve) -> list[tuple[int, float]]:
    return [(i, value) for i, value in enumerate(curve.values) if isfinite(value) and value > 0]

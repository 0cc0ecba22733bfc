"""How much each view, and each ray of a fan that turns less than once, counts in back-projection."""

import numpy as np

__all__ = ["short_scan_weights", "view_weights"]

_MISSING = 4
"""How many times as wide as the second widest gap between views one is that was not measured."""


def view_weights(angles: np.ndarray, *, period: float) -> tuple[np.ndarray, float | None]:
    """Range of angles that each view stands for, and the angle where a scan begins that leaves some out.

    A view stands for half the way to its neighbours on the circle; those of one angle share. A gap more than
    four times as wide as any other was not measured: its neighbours get nothing of it, but as much as on
    their other side.

    Args:
        angles: of the views, in radians, any order; two or more that differ.
        period: after which views repeat, in radians: π for parallel rays, 2π for a fan.

    Returns:
        Weights in the order of the angles, in radians, and the first angle after the gap, None without a gap.

    Example:
        >>> view_weights(np.array([0.0, np.pi / 2, np.pi]), period=np.pi)[0] / np.pi
        array([0.25, 0.5 , 0.25])
    """
    wrapped = np.mod(angles, period)
    order = np.argsort(wrapped, kind="stable")
    ordered = wrapped[order]
    new = np.diff(ordered, prepend=ordered[-1] - period) > 1e-6
    if not new.any():
        new[0] = True
    distinct = ordered[new]
    # The views before the first new one belong to the last of the circle before.
    member = (np.cumsum(new) - 1) % len(distinct)
    gaps = np.diff(distinct, append=distinct[0] + period)
    begin = None
    widest = int(np.argmax(gaps))
    others = np.delete(gaps, widest)
    before, after = np.roll(gaps, 1), gaps.copy()
    if others.size and gaps[widest] > _MISSING * others.max():
        first = (widest + 1) % len(distinct)
        begin = float(distinct[first])
        after[widest], before[first] = before[widest], after[first]
    each = (before + after) / 2 / np.bincount(member, minlength=len(distinct))
    weights = np.empty(len(angles))
    weights[order] = each[member]
    return weights, begin


def short_scan_weights(since: np.ndarray, fan: np.ndarray, *, turn: float) -> np.ndarray:
    """Parker's weights: of rays measured twice in a turn of less than once around, both count as one.

    Args:
        since: angle of each view from where the scan begins, in radians, from 0 to ``turn``.
        fan: angle γ of each ray to the one through the axis, in radians; see ``FanBeam``.
        turn: how far the scan goes, in radians: π and more.

    Returns:
        Weights (views, rays) from 0 to 1.

    Reference:
        D. L. Parker, "Optimal short scan convolution reconstruction for fan beam CT", Medical Physics 9
        (1982), doi:10.1118/1.595078.

    Example:
        >>> short_scan_weights(np.array([0.0, 2.0, 4.0]), np.array([0.0]), turn=4.0)[:, 0]
        array([0., 1., 0.])
    """
    half = max((turn - np.pi) / 2, 1e-12)
    # Rays outside of the fan that such a turn covers are measured once at most.
    ray = np.clip(-fan, -half * (1 - 1e-9), half * (1 - 1e-9))
    view = since[:, None]
    rise = np.sin(np.pi / 4 * np.clip(view / (half - ray), 0, 2)) ** 2
    fall = np.sin(np.pi / 4 * np.clip((turn - view) / (half + ray), 0, 2)) ** 2
    weights = np.ones(np.broadcast_shapes(view.shape, ray.shape))
    weights = np.where(view < 2 * (half - ray), rise, weights)
    return np.where(view > np.pi - 2 * ray, fall, weights)

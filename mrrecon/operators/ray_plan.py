"""Rays through a grid, sorted so that those related by a turn or a mirror share their weights."""

from bisect import bisect
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["Beam", "RayGroup", "Turn", "plan_rays", "turned_angle"]

Turn = tuple[bool, bool, bool]
"""Whether an image is transposed and then whether its rows and its columns are put in reverse order."""

# The turns of a rectangle, rotations before mirrors. Steep rays walk down the rows of the image, the others
# down the rows of the image turned by a quarter.
_KEEP: tuple[Turn, ...] = (
    (False, False, False),
    (False, True, True),
    (False, True, False),
    (False, False, True),
)
_SWAP: tuple[Turn, ...] = ((True, True, False), (True, False, True), (True, False, False), (True, True, True))
_SQUARE: tuple[tuple[tuple[Turn, ...], ...], ...] = ((_KEEP + _SWAP,), (_KEEP[:2] + _SWAP[:2],))
_ANY: tuple[tuple[tuple[Turn, ...], ...], ...] = tuple((_KEEP[:n], _SWAP[:n]) for n in (4, 2, 1))

_SLACK = 1e-5


@dataclass(frozen=True)
class Beam:
    """Rays of a scan, straight lines ``x cos θ + y sin θ = s``: those of one view, and the angles of all.

    Args:
        views: angle of each view, in radians.
        rays: θ, in radians, and s, in mm, of the rays of a view at an angle, detector by detector.
        n_detectors: rays of a view.
        parallel: whether the rays of a view are parallel.
        centred: whether they lie symmetrically about the axis.
        tolerance: angles as close as this, in radians, count as equal.
    """

    views: np.ndarray
    rays: Callable[[float], tuple[np.ndarray, np.ndarray]]
    n_detectors: int
    parallel: bool
    centred: bool
    tolerance: float


@dataclass(frozen=True)
class RayGroup:
    """Bundles of rays, each of which serves several views at once: one a lane, which sees the image turned.

    On row i of a turned image, ray r crosses at column ``offset[r] + slope[r] * i``. Within a bundle the
    crossings are in order wherever they lie inside of the image.

    Args:
        shape: rows and columns of the turned image.
        turns: how the image is turned, lane by lane.
        offset: in columns.
        slope: in columns a row, from -1 to 1.
        length: path from one row to the next, in mm.
        bundles: bundle b consists of the rays ``bundles[b]`` to ``bundles[b + 1]``.
        uses: rows (lane, view, first ray of the bundle, its detector, step of the detector, count).
        users: bundle b serves ``uses[users[b]:users[b + 1]]``.
    """

    shape: tuple[int, int]
    turns: tuple[Turn, ...]
    offset: np.ndarray
    slope: np.ndarray
    length: np.ndarray
    bundles: np.ndarray
    uses: np.ndarray
    users: np.ndarray


def plan_rays(
    beam: Beam, shape: tuple[int, int], spacing: tuple[float, float], *, share: bool = True
) -> tuple[RayGroup, ...]:
    """Every ray of every view, exactly once, with the sharing that costs least.

    Args:
        beam: the rays.
        shape: rows and columns of the image.
        spacing: distance of the rows and of the columns, in mm.
        share: False gives every lane to the image as it is, or turned by a quarter.
    """
    choices = _ANY if share else _ANY[-1:]
    if share and shape[0] == shape[1] and spacing[0] == spacing[1]:
        choices = _SQUARE + choices
    if not beam.parallel and not beam.centred:  # a mirror would put the detector in reverse order
        choices = tuple(c for c in choices if all(_is_rotation(turn) for turns in c for turn in turns))
    shared = [[_share(beam, spacing, turns) for turns in choice] for choice in choices]
    # A crossing costs about as much with one lane as with four, and twice as much with sixteen.
    costs = [
        sum(len(bundles) * (16 + len(turns)) for turns, bundles in zip(choice, plan, strict=True))
        for choice, plan in zip(choices, shared, strict=True)
    ]
    best = costs.index(min(costs))
    groups = [_group(beam, shape, spacing, *pair) for pair in zip(choices[best], shared[best], strict=True)]
    return tuple(group for group in groups if group.offset.size)


_Served = tuple[int, int, bool, bool]
"""Lane, direction, whether its flat rays and not its steep ones, whether the detector is in reverse order."""


def _share(
    beam: Beam, spacing: tuple[float, float], turns: tuple[Turn, ...]
) -> list[tuple[float, list[_Served]]]:
    """Angles to project, and what else each of them serves."""
    angles, _ = _directions(beam)
    todo = {
        (direction, part)
        for direction, angle in enumerate(angles)
        for part in {turn[0] for turn in turns}
        if (_is_steep(_rays(beam, angle)[0], spacing) != part).any()
    }
    shared = []
    for direction, part in sorted(todo):
        if (direction, part) not in todo:
            continue
        first = next(turn for turn in turns if turn[0] == part and (beam.parallel or _is_rotation(turn)))
        angle = _turned_back(angles[direction], first)
        served = []
        for lane, turn in enumerate(turns):
            reverse = not beam.parallel and not _is_rotation(turn)
            target = _nearest(angles, turned_angle(angle, turn) + reverse * np.pi, beam.tolerance)
            if target is not None and (target, turn[0]) in todo:
                todo.remove((target, turn[0]))
                served.append((lane, target, turn[0], reverse))
        shared.append((angle, served))
    return shared


def _group(
    beam: Beam,
    shape: tuple[int, int],
    spacing: tuple[float, float],
    turns: tuple[Turn, ...],
    shared: list[tuple[float, list[_Served]]],
) -> RayGroup:
    angles, readers = _directions(beam)
    steep = [_is_steep(_rays(beam, angle)[0], spacing) for angle in angles]
    if all(turn[0] for turn in turns):
        shape, spacing = shape[::-1], spacing[::-1]
    last = beam.n_detectors - 1
    lines: list[np.ndarray] = [np.zeros((3, 0))]
    uses: list[tuple[int, ...]] = []
    users = [0]
    for angle, served in shared:
        theta, s = _rays(beam, angle)
        # The slack leaves no ray between two stools whose slope is 1 up to rounding.
        for run in _runs(_is_steep(theta, spacing, slack=_SLACK)):
            ray = _lines(theta[run], s[run], shape, spacing)
            # Of a fan those crossings are in order that lie in front of the source.
            order = ray[0] if beam.parallel else -np.sign(np.cos(theta[run])) * ray[1]
            if order[-1] < order[0]:
                run, ray = run[::-1], ray[:, ::-1]
            before = len(uses)
            for lane, target, flat, reverse in served:
                own = last - run if reverse else run
                wanted = steep[target][own] != flat
                for view, mirrored in readers[target]:
                    detector = last - own if mirrored else own
                    uses += _use(lane, view, detector, wanted & ~(mirrored & (detector == own)))
            if len(uses) > before:
                lines.append(ray)
                users.append(len(uses))
    offset, slope, length = np.ascontiguousarray(np.concatenate(lines, axis=1))
    return RayGroup(
        shape=shape,
        turns=turns,
        offset=offset,
        slope=slope,
        length=length,
        bundles=np.cumsum([line.shape[1] for line in lines]),
        uses=np.array(uses, dtype=np.int64).reshape(-1, 6),
        users=np.array(users),
    )


def _rays(beam: Beam, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Rays of a view. Half of a centred parallel beam will do: the rest are those of half a turn later."""
    theta, s = beam.rays(angle)
    used = (beam.n_detectors + 1) // 2 if beam.parallel and beam.centred else beam.n_detectors
    return theta[:used], s[:used]


def _is_rotation(turn: Turn) -> bool:
    return sum(turn) % 2 == 0


def _directions(beam: Beam) -> tuple[list[float], list[list[tuple[int, bool]]]]:
    """Different angles, from 0 to 2π, and the views that read each, with whether from the last detector."""
    turn = 2 * np.pi
    found = [(view % turn, number, False) for number, view in enumerate(beam.views)]
    if beam.parallel and beam.centred:
        found += [((view + np.pi) % turn, number, True) for number, view in enumerate(beam.views)]
    angles: list[float] = []
    readers: list[list[tuple[int, bool]]] = []
    for angle, number, mirrored in sorted(
        (0.0 if turn - a <= beam.tolerance else a, n, m) for a, n, m in found
    ):
        if not angles or angle - angles[-1] > beam.tolerance:
            angles.append(float(angle))
            readers.append([])
        readers[-1].append((number, mirrored))
    return angles, readers


def _nearest(angles: list[float], angle: float, tolerance: float) -> int | None:
    angle %= 2 * np.pi
    place = bisect(angles, angle)
    for candidate in (place - 1, place):
        index = candidate % len(angles)
        gap = abs(angles[index] - angle)
        if min(gap, 2 * np.pi - gap) <= tolerance:
            return index
    return None


def turned_angle(angle: float, turn: Turn) -> float:
    """Direction in the image of a line's direction in the turned image."""
    transpose, rows, columns = turn
    x, y = np.cos(angle) * (-1) ** columns, np.sin(angle) * (-1) ** rows
    return float(np.arctan2(-x, -y) if transpose else np.arctan2(y, x))


def _turned_back(angle: float, turn: Turn) -> float:
    transpose, rows, columns = turn
    x, y = np.cos(angle), np.sin(angle)
    if transpose:
        x, y = -y, -x
    return float(np.arctan2(y * (-1) ** rows, x * (-1) ** columns))


def _is_steep(theta: np.ndarray, spacing: tuple[float, float], *, slack: float = 0.0) -> np.ndarray:
    """Whether rays cross at most one column a row."""
    return np.abs(np.sin(theta)) * spacing[0] <= np.abs(np.cos(theta)) * spacing[1] * (1 + slack)


def _runs(where: np.ndarray) -> list[np.ndarray]:
    """Indices of True, neighbours together."""
    places = np.flatnonzero(where)
    return np.split(places, np.flatnonzero(np.diff(places) > 1) + 1) if places.size else []


def _lines(
    theta: np.ndarray, s: np.ndarray, shape: tuple[int, int], spacing: tuple[float, float]
) -> np.ndarray:
    """Offset, slope and length of steep rays; row 0 is on top, the axis is in the middle of the grid."""
    slope = spacing[0] / spacing[1] * np.tan(theta)
    offset = s / np.cos(theta) / spacing[1] + (shape[1] - 1) / 2 - slope * (shape[0] - 1) / 2
    return np.stack([offset, slope, spacing[0] / np.abs(np.cos(theta))])


def _use(lane: int, view: int, detector: np.ndarray, wanted: np.ndarray) -> list[tuple[int, ...]]:
    """The wanted rays of a bundle, which are neighbours."""
    rays = np.flatnonzero(wanted)
    if not rays.size:
        return []
    step = int(detector[rays[1]] - detector[rays[0]]) if rays.size > 1 else 1
    return [(lane, view, int(rays[0]), int(detector[rays[0]]), step, int(rays.size))]

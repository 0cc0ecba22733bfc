"""Filtered views spread over the image, each pixel looking up its ray between two detectors."""

import math
from bisect import bisect
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from mrrecon.operators import FanBeam, Radon
from mrrecon.operators.ray_plan import Turn, turned_angle

__all__ = ["spread"]

_Turns = tuple[Turn, ...]

_SAME = 1e-9

_KEEP: Turn = (False, False, False)
_HALF: Turn = (False, True, True)
_MIRROR: Turn = (False, False, True)
_QUARTER: Turn = (True, True, False)
# Of every turn and the one by half a turn more, parallel rays need one: the others see the same lines.
_PARALLEL: tuple[_Turns, ...] = ((_KEEP, _MIRROR, _QUARTER, (True, False, False)), (_KEEP, _MIRROR), (_KEEP,))
_TURNS: _Turns = (_KEEP, _HALF, _QUARTER, (True, False, True))
_FAN: tuple[_Turns, ...] = (
    (*_TURNS, _MIRROR, (False, True, False), (True, False, False), (True, True, True)),
    _TURNS,
)
_FAN_ANY: tuple[_Turns, ...] = ((_KEEP, _HALF, _MIRROR, (False, True, False)), (_KEEP, _HALF), (_KEEP,))


def spread(A: Radon | FanBeam, y: Tensor) -> Tensor:
    """Sum over the views of what the ray through each pixel measured.

    The values of a flat fan are weighted by (D / depth)², those of a curved one by 1 / distance², with the
    pixel's depth along the central ray and its distance, both from the source.

    Args:
        A: the scan.
        y: filtered views (count, views, detectors).
    """
    x = y.new_zeros(len(y), *A.shape)
    if y.device.type == "cpu" and y.dtype in (torch.float32, torch.float64) and not y.requires_grad:
        # numba takes a second to import.
        from mrrecon.solvers.back_projection_kernels import spread_views

        square = A.shape[0] == A.shape[1] and A.spacing[0] == A.spacing[1]
        centred = A.detector_offset == 0
        turns, angles, uses, users = _plan(A.angles, square, centred, isinstance(A, Radon))
        spread_views(
            y.contiguous().numpy(),
            x.numpy(),
            turns=turns,
            angles=angles,
            uses=uses,
            users=users,
            geometry=_geometry(A),
        )
        return x
    for view, angle in enumerate(A.angles):
        x = x + _one_view(A, y[:, view], angle)
    return x


def _geometry(A: Radon | FanBeam) -> np.ndarray:
    kind, source, whole = 0, 1.0, 1.0
    if isinstance(A, FanBeam):
        kind = 1 if A.detector == "flat" else 2
        source, whole = A.source_distance, A.source_distance + A.detector_distance
    return np.array([kind, *A.spacing, source, whole, A.positions[0], A.detector_spacing])


def _one_view(A: Radon | FanBeam, values: Tensor, angle: float) -> Tensor:
    kind, height, width, source, whole, first, step = _geometry(A).tolist()
    rows, columns = A.shape
    right = (torch.arange(columns, dtype=torch.float64) - (columns - 1) / 2) * width
    up = ((rows - 1) / 2 - torch.arange(rows, dtype=torch.float64))[:, None] * height
    s = right * math.cos(angle) + up * math.sin(angle)
    depth = source + up * math.cos(angle) - right * math.sin(angle)
    weight = torch.ones_like(s)
    if kind == 1:
        s, weight = whole * s / depth, (source / depth) ** 2
    elif kind == 2:
        s, weight = whole * torch.atan2(s, depth), 1 / (s**2 + depth**2)
    place = ((s - first) / step + 1).clamp(0, values.shape[-1] + 1 - 1e-6)
    left = place.long()
    far = ((place - left) * weight).to(values)
    near = ((1 - (place - left)) * weight).to(values)
    left = left.to(values.device)
    padded = torch.nn.functional.pad(values, (1, 1))
    return padded[:, left] * near + padded[:, left + 1] * far


_Plan = tuple[_Turns, np.ndarray, np.ndarray, np.ndarray]


@lru_cache(maxsize=8)
def _plan(angles: tuple[float, ...], square: bool, centred: bool, parallel: bool) -> _Plan:
    """Views that share their look-up, with the sharing that costs least."""
    if parallel:
        choices = _PARALLEL if square else _PARALLEL[1:]
    else:
        choices = _FAN + _FAN_ANY if square else _FAN_ANY
        if not centred:
            choices = tuple(turns for turns in choices if all(sum(turn) % 2 == 0 for turn in turns))
    plans = [_share(angles, turns, parallel=parallel, fold=parallel and centred) for turns in choices]
    return min(plans, key=lambda plan: len(plan[1]) * (16 + len(plan[0])))


def _fold(angle: float, *, fold: bool) -> tuple[float, bool]:
    """An angle below one turn; or below half a turn, and whether the detector is then in reverse order."""
    angle, reverse = angle % (2 * math.pi), False
    if 2 * math.pi - angle < _SAME:
        angle = 0.0
    if fold and angle >= math.pi - _SAME:
        angle, reverse = max(angle - math.pi, 0.0), True
    return angle, reverse


def _share(angles: tuple[float, ...], turns: _Turns, *, parallel: bool, fold: bool) -> _Plan:
    directions: list[float] = []
    readers: list[list[tuple[int, bool]]] = []
    for (angle, reverse), view in sorted(
        (_fold(angle, fold=fold), view) for view, angle in enumerate(angles)
    ):
        if not directions or angle - directions[-1] > _SAME:
            directions.append(angle)
            readers.append([])
        readers[-1].append((view, reverse))
    todo = set(range(len(directions)))
    looks, uses, users = [], [], [0]
    for direction, angle in enumerate(directions):
        if direction not in todo:
            continue
        for lane, turn in enumerate(turns):
            mirror = not parallel and sum(turn) % 2 == 1
            wanted, reverse = _fold(turned_angle(angle, turn) + mirror * math.pi, fold=fold)
            place = bisect(directions, wanted)
            for target in (place - 1, place):
                if target in todo and abs(directions[target] - wanted) < _SAME:
                    todo.remove(target)
                    uses += [(lane, view, other ^ reverse ^ mirror) for view, other in readers[target]]
        looks.append(angle)
        users.append(len(uses))
    return turns, np.array(looks), np.array(uses, dtype=np.int64), np.array(users)

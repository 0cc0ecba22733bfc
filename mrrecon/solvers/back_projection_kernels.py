"""Back-projection pixel by pixel, compiled for the CPU."""

import math
from typing import no_type_check

import numba
import numpy as np

from mrrecon.operators.lane_kernels import PLAIN, gather, prepare, run, turn_back
from mrrecon.operators.ray_plan import Turn

__all__ = ["spread_views"]

_ROWS = 8
"""Rows of a turned image that are filled at a time, while they are at hand."""


def spread_views(
    y: np.ndarray,
    x: np.ndarray,
    *,
    turns: tuple[Turn, ...],
    angles: np.ndarray,
    uses: np.ndarray,
    users: np.ndarray,
    geometry: np.ndarray,
) -> None:
    """Adds to every pixel, from every view, what its ray measured, interpolated between detectors.

    Args:
        y: filtered views (count, views, detectors), float32 or float64, contiguous.
        x: images (count, rows, columns) of the same type.
        turns: how an image is turned, lane by lane.
        angles: at which the turned images are looked at, in radians.
        uses: rows (lane, view, whether its detectors are in reverse order).
        users: angle b serves ``uses[users[b]:users[b + 1]]``.
        geometry: kind of ``locate``, distance of rows, of columns, source to axis, source to detector, first
            detector, step of the detectors, in mm.
    """
    turned, grid, lanes = prepare(x, x.shape[1:], turns)
    values = np.zeros((len(turned), len(angles), (y.shape[2] + 2) * len(lanes)), x.dtype)
    flat, views = x.reshape(len(x), -1), (angles, uses, users, geometry)

    def side_by_side(share: int, shares: int) -> None:
        _collect(y, values, grid, views, lanes, share, shares)

    def turned_images(share: int, shares: int) -> None:
        _fill(values, turned, grid, views, lanes, share, shares)

    def images(share: int, shares: int) -> None:
        turn_back(turned, flat, grid, lanes, share, shares)

    run([side_by_side, turned_images, images], turned.size * len(angles))


@numba.njit(**PLAIN)
@no_type_check
def _collect(y, values, grid, views, lanes, share, shares):
    """Views side by side in the lanes, with a zero before the first detector and after the last."""
    angles, uses, users, _ = views
    n, turns, detectors = len(lanes), grid[2].size, y.shape[2]
    together = n // turns
    total = values.shape[0] * angles.size
    for task in range(total * share // shares, total * (share + 1) // shares):
        number, angle = task // angles.size, task % angles.size
        for use in range(users[angle], users[angle + 1]):
            lane, view, reverse = uses[use]
            for image in range(min(together, y.shape[0] - number * together)):
                source = y[number * together + image, view]
                for k in range(detectors):
                    value = source[detectors - 1 - k] if reverse else source[k]
                    values[number, angle, (k + 1) * n + image * turns + lane] += value


# A loop for each kind, and none that looks at its bounds: only then does the compiler make vectors of them.
@numba.njit(**PLAIN)
@no_type_check
def _locate(geometry, across, along, step, last, left, near, far):
    """Detector left of each pixel's ray, counted from the zero before the first, and the weights of both."""
    kind, source, whole, origin = int(geometry[0]), geometry[3], geometry[4], geometry[5]
    scale = 1 / geometry[6]
    if kind == 0:
        for column in range(left.size):
            place = (across + column * step[0] - origin) * scale + 1.0
            left[column], near[column], far[column] = _split(place, last, 1.0)
    elif kind == 1:
        for column in range(left.size):
            inverse = 1 / (source + along + column * step[1])
            place = (whole * (across + column * step[0]) * inverse - origin) * scale + 1.0
            left[column], near[column], far[column] = _split(place, last, (source * inverse) ** 2)
    else:
        for column in range(left.size):
            s, depth = across + column * step[0], source + along + column * step[1]
            place = (whole * math.atan(s / depth) - origin) * scale + 1.0
            left[column], near[column], far[column] = _split(place, last, 1 / (s * s + depth * depth))


@numba.njit(inline="always", **PLAIN)
@no_type_check
def _split(place, last, weight):
    place = 0.0 if place < 0.0 else place
    place = last if place > last else place
    detector = np.int32(place)
    far = (place - detector) * weight
    return detector, weight - far, far


@numba.njit(**PLAIN)
@no_type_check
def _fill(values, turned, grid, views, lanes, share, shares):
    """Rows of the turned images."""
    rows, columns, _, _ = grid
    angles, _, _, geometry = views
    n, blocks = len(lanes), (rows + _ROWS - 1) // _ROWS
    height, width = geometry[1], geometry[2]
    left = np.empty(columns, np.int32)
    near, far = np.empty(columns, turned.dtype), np.empty(columns, turned.dtype)
    end = values.shape[2] // n - 1 - 1e-6
    total = turned.shape[0] * blocks
    for task in range(total * share // shares, total * (share + 1) // shares):
        number, first = task // blocks, task % blocks * _ROWS
        last = min(first + _ROWS, rows)
        image = turned[number]
        image[first * (columns + 2) * n : last * (columns + 2) * n] = 0
        for angle in range(angles.size):
            cosine, sine = np.cos(angles[angle]), np.sin(angles[angle])
            view = values[number, angle]
            for row in range(first, last):
                x, y = -(columns - 1) / 2 * width, ((rows - 1) / 2 - row) * height
                across, along = x * cosine + y * sine, y * cosine - x * sine
                step = (width * cosine, -width * sine)
                _locate(geometry, across, along, step, end, left, near, far)
                corner = (row * (columns + 2) + 1) * n
                for column in range(columns):
                    place = corner + column * n
                    gather(image, place, view, left[column] * n, near[column], far[column], lanes)

"""Projection along rays and its transpose, compiled for the CPU."""

from typing import Any, no_type_check

import numba
import numpy as np

from mrrecon.operators.lane_kernels import PLAIN, gather, prepare, run, scatter, turn, turn_back
from mrrecon.operators.ray_plan import RayGroup

__all__ = ["backproject", "project"]

_ROWS = 8
"""Rows of a turned image that are filled at a time, while they are at hand."""


def project(x: np.ndarray, y: np.ndarray, group: RayGroup) -> None:
    """Line integrals of images, written to the places of the sinograms that the group serves.

    Args:
        x: images (count, rows, columns), float32 or float64, contiguous.
        y: sinograms (count, views, detectors) of the same type.
        group: the rays.
    """
    turned, grid, lanes = prepare(x, group.shape, group.turns)
    flat, rays = x.reshape(len(x), -1), _rays(group, x)

    def turned_images(share: int, shares: int) -> None:
        turn(flat, turned, grid, lanes, share, shares)

    def integrals(share: int, shares: int) -> None:
        _walk(y, turned, grid, rays, lanes, share, shares)

    run([turned_images, integrals], turned.shape[0] * group.shape[0] * group.offset.size * len(lanes))


def backproject(y: np.ndarray, x: np.ndarray, group: RayGroup) -> None:
    """The transpose of ``project``, added to ``x``."""
    turned, grid, lanes = prepare(x, group.shape, group.turns)
    flat, rays = x.reshape(len(x), -1), _rays(group, x)
    values = np.zeros((len(turned), group.offset.size * len(lanes)), x.dtype)

    def measured_values(share: int, shares: int) -> None:
        _collect(y, values, grid, rays, lanes, share, shares)

    def turned_images(share: int, shares: int) -> None:
        _fill(values, turned, grid, rays, lanes, share, shares)

    def images(share: int, shares: int) -> None:
        turn_back(turned, flat, grid, lanes, share, shares)

    work = turned.shape[0] * group.shape[0] * group.offset.size * len(lanes)
    run([measured_values, turned_images, images], work)


def _rays(group: RayGroup, x: np.ndarray) -> tuple[Any, ...]:
    length = group.length.astype(x.dtype)
    return group.offset, group.slope, length, group.bundles, group.uses, group.users


@numba.njit(**PLAIN)
@no_type_check
def _inside(offset, slope, row, columns, low, high):
    """First ray inside of a row and first one beyond it, sought from where they were one row earlier."""
    n = offset.size
    while low > 0 and offset[low - 1] + slope[low - 1] * row > -1:
        low -= 1
    while low < n and offset[low] + slope[low] * row <= -1:
        low += 1
    while high > low and offset[high - 1] + slope[high - 1] * row >= columns:
        high -= 1
    high = max(high, low)
    while high < n and offset[high] + slope[high] * row < columns:
        high += 1
    return low, high


# Counted from zero, no index can be negative: only then does the compiler make vectors of this.
@numba.njit(**PLAIN)
@no_type_check
def _cross(offset, slope, row, left, near, far):
    """Pixel left of each crossing, counted from the zero before the row, and weights of it and the next."""
    for ray in range(offset.size):
        column = offset[ray] + slope[ray] * row + 1.0
        pixel = np.int32(column)
        left[ray] = pixel
        near[ray] = 1 - (column - pixel)
        far[ray] = column - pixel


@numba.njit(**PLAIN)
@no_type_check
def _room(size, like):
    return np.empty(size, np.int32), np.empty(size, like.dtype), np.empty(size, like.dtype)


@numba.njit(**PLAIN)
@no_type_check
def _walk(y, turned, grid, rays, lanes, share, shares):
    """Some bundles down the rows of the turned images."""
    rows, columns, starts, _ = grid
    offset, slope, length, bundles, uses, users = rays
    n, together, count = len(lanes), len(lanes) // starts.size, bundles.size - 1
    left, near, far = _room(y.shape[2], y)
    for task in range(
        turned.shape[0] * count * share // shares, turned.shape[0] * count * (share + 1) // shares
    ):
        number, bundle = task // count, task % count
        begin, end = bundles[bundle], bundles[bundle + 1]
        image = turned[number]
        sums = np.zeros((end - begin) * n, y.dtype)
        low, high = 0, 0
        for row in range(rows):
            low, high = _inside(offset[begin:end], slope[begin:end], row, columns, low, high)
            _cross(
                offset[begin + low : begin + high], slope[begin + low : begin + high], row, left, near, far
            )
            for ray in range(high - low):
                pixel = (row * (columns + 2) + left[ray]) * n
                gather(sums, (low + ray) * n, image, pixel, near[ray], far[ray], lanes)
        for use in range(users[bundle], users[bundle + 1]):
            lane, view, ray, detector, step, many = uses[use]
            for place in range(min(together, y.shape[0] - number * together)):
                for k in range(many):
                    value = sums[(ray + k) * n + place * starts.size + lane] * length[begin + ray + k]
                    y[number * together + place, view, detector + k * step] = value


@numba.njit(**PLAIN)
@no_type_check
def _collect(y, values, grid, rays, lanes, share, shares):
    """What the views measured, times the path, to the rays that served them."""
    _, _, starts, _ = grid
    _, _, length, bundles, uses, users = rays
    n, together, count = len(lanes), len(lanes) // starts.size, bundles.size - 1
    for task in range(
        values.shape[0] * count * share // shares, values.shape[0] * count * (share + 1) // shares
    ):
        number, bundle = task // count, task % count
        for use in range(users[bundle], users[bundle + 1]):
            lane, view, ray, detector, step, many = uses[use]
            ray += bundles[bundle]
            for image in range(min(together, y.shape[0] - number * together)):
                for k in range(many):
                    value = y[number * together + image, view, detector + k * step] * length[ray + k]
                    values[number, (ray + k) * n + image * starts.size + lane] += value


@numba.njit(**PLAIN)
@no_type_check
def _fill(values, turned, grid, rays, lanes, share, shares):
    """Rows of the turned images. Neighbouring rays meet the same pixels: they take turns with two copies."""
    rows, columns, _, _ = grid
    offset, slope, _, bundles, _, _ = rays
    n, blocks = len(lanes), (rows + _ROWS - 1) // _ROWS
    left, near, far = _room(offset.size, turned)
    for task in range(
        turned.shape[0] * blocks * share // shares, turned.shape[0] * blocks * (share + 1) // shares
    ):
        number, first = task // blocks, task % blocks * _ROWS
        last = min(first + _ROWS, rows)
        size = (last - first) * (columns + 2) * n
        measured = values[number]
        even, odd = np.zeros(size, turned.dtype), np.zeros(size, turned.dtype)
        for bundle in range(bundles.size - 1):
            begin, end = bundles[bundle], bundles[bundle + 1]
            low, high = 0, 0
            for row in range(first, last):
                low, high = _inside(offset[begin:end], slope[begin:end], row, columns, low, high)
                _cross(
                    offset[begin + low : begin + high],
                    slope[begin + low : begin + high],
                    row,
                    left,
                    near,
                    far,
                )
                for ray in range(high - low):
                    pixel = ((row - first) * (columns + 2) + left[ray]) * n
                    copy = even if ray % 2 == 0 else odd
                    scatter(copy, pixel, measured, (begin + low + ray) * n, near[ray], far[ray], lanes)
        turned[number, first * (columns + 2) * n : first * (columns + 2) * n + size] = even + odd

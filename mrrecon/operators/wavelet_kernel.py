"""Levels of an orthogonal wavelet transform, compiled for the CPU."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, no_type_check

import numba
import numpy as np
import torch

from mrrecon.threads import in_threads

__all__ = ["transform"]

_LANES = 16
"""Numbers side by side, in the lines of one bundle, that are filtered together."""

_WORK = 1 << 16
"""Numbers below which a second thread costs more than it saves."""

# Sums may be taken in any order; what is not a number or infinite stays so.
_FAST = {"reassoc", "contract", "nsz"}

Step = tuple[tuple[int, ...], int]
"""Number of voxels along each axis that take part, counted from the first, and the axis of the lines."""


def transform(
    source: Any,
    target: Any,
    *,
    parts: int,
    steps: Sequence[Step],
    filters: tuple[tuple[float, ...], tuple[float, ...]],
    forward: bool,
) -> None:
    """Lines to averages (first half) and details (second half), or back, axis by axis.

    Args:
        source: contiguous array (batch, *axes), float32 or float64, with a last axis of real and imaginary
            part if there are two parts.
        target: array of the same shape for the result, not ``source``.
        parts: 1 or 2.
        steps: what is done one after the other.
        filters: taps of averages and details with which lines are correlated.
        forward: from lines to averages and details. False: the adjoint of this.
    """
    table, most = _table(source.shape, parts, tuple(steps))
    if steps[0][0] != source.shape[1 : 1 + len(steps[0][0])]:
        target[...] = source
        source = target
    even, odd = _halves(filters, source.dtype.name)
    threads = torch.get_num_threads() if most > _WORK else 1
    source, target = source.reshape(-1), target.reshape(-1)
    if threads == 1:
        _steps(source, target, table, even, odd, forward, 0, 1)
        return
    in_threads(_steps_in_threads, source, target, table, even, odd, forward, threads, threads=threads)


@lru_cache(maxsize=64)
def _table(shape: tuple[int, ...], parts: int, steps: tuple[Step, ...]) -> tuple[Any, int]:
    """Rows (n, stride, inner, counts, steps) of the steps, and the numbers in the largest.

    A line has n numbers that are ``stride`` apart; ``inner`` lines lie side by side; three loops of so many
    counts, with these steps, lead to all of them.
    """
    sizes = (*shape[1:], 1) if parts == 1 else shape[1:]
    strides = [int(np.prod(sizes[axis + 1 :])) for axis in range(len(sizes) - 1)]
    rows = []
    for grid, axis in steps:
        last = len(grid) - 1
        loops = [(shape[0], int(np.prod(sizes)))]
        loops += [(grid[other], strides[other]) for other in range(last) if other != axis]
        loops += [(1, 0)] * (3 - len(loops))
        inner = parts if axis == last else grid[last] * parts
        counts, hops = zip(*loops, strict=True)
        rows.append((grid[axis], strides[axis], inner, *counts, *hops))
    most = max(shape[0] * parts * int(np.prod(grid)) for grid, _ in steps)
    return np.array(rows, dtype=np.int64), most


@lru_cache(maxsize=64)
def _halves(filters: tuple[tuple[float, ...], tuple[float, ...]], dtype: str) -> tuple[Any, Any]:
    """Even and odd taps, those of averages in the first row."""
    taps = np.array(filters, dtype=dtype)
    return np.ascontiguousarray(taps[:, 0::2]), np.ascontiguousarray(taps[:, 1::2])


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _steps(source, target, table, even, odd, forward, share, shares):
    for row in range(table.shape[0]):
        _lines(source if row == 0 else target, target, table[row], even, odd, forward, share, shares)


@numba.njit(cache=True, nogil=True, error_model="numpy", parallel=True)
@no_type_check
def _steps_in_threads(source, target, table, even, odd, forward, shares):
    for row in range(table.shape[0]):
        for share in numba.prange(shares):
            # As a signed number, or the lines are compiled once more for an unsigned one.
            part = np.int64(share)
            _lines(source if row == 0 else target, target, table[row], even, odd, forward, part, shares)


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _lines(source, target, step, even, odd, forward, share, shares):
    """One share of all bundles of lines of one step."""
    n, stride, inner = step[0], step[1], step[2]
    counts, hops = step[3:6], step[6:9]
    lanes = min(_LANES, inner)
    bundles = (inner + lanes - 1) // lanes
    total = counts[0] * counts[1] * counts[2] * bundles
    half, taps = n // 2, even.shape[1]
    # The pairs (2 j, 2 j + 1) of a line are counted from the sample that the first tap of average 0 meets.
    first = -(taps - 1) % n
    room = (half + taps - 1) * lanes
    a, b = np.empty(room, source.dtype), np.empty(room, source.dtype)
    c, d = np.empty(half * lanes, source.dtype), np.empty(half * lanes, source.dtype)
    for bundle in range(total * share // shares, total * (share + 1) // shares):
        lane = bundle % bundles * lanes
        rest = bundle // bundles
        start = rest // (counts[1] * counts[2]) * hops[0] + lane
        start += rest // counts[2] % counts[1] * hops[1] + rest % counts[2] * hops[2]
        width = min(lanes, inner - lane)
        if forward:
            _take(source, start, stride, n, first, half + taps - 1, width, a, b)
            _filter(a, b, c, d, even, odd, half * width, width)
            _put_half(c, target, start, stride, half, width)
            _put_half(d, target, start + half * stride, stride, half, width)
        else:
            _take_half(source, start, stride, half, taps - 1, width, a)
            _take_half(source, start + half * stride, stride, half, taps - 1, width, b)
            _filter_back(a, b, c, d, even, odd, half * width, width)
            _put(target, start, stride, n, first, half, width, c, d)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
@no_type_check
def _filter(even_line, odd_line, low, high, even, odd, size, width):
    for k in range(size):
        low[k] = high[k] = 0
    for tap in range(even.shape[1]):
        p, q, r, s = even[0, tap], odd[0, tap], even[1, tap], odd[1, tap]
        x = even_line[tap * width : tap * width + size]
        y = odd_line[tap * width : tap * width + size]
        for k in range(size):
            low[k] += p * x[k] + q * y[k]
            high[k] += r * x[k] + s * y[k]


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
@no_type_check
def _filter_back(low, high, even_line, odd_line, even, odd, size, width):
    for k in range(size):
        even_line[k] = odd_line[k] = 0
    taps = even.shape[1]
    for tap in range(taps):
        p, q, r, s = even[0, tap], odd[0, tap], even[1, tap], odd[1, tap]
        x = low[(taps - 1 - tap) * width : (taps - 1 - tap) * width + size]
        y = high[(taps - 1 - tap) * width : (taps - 1 - tap) * width + size]
        for k in range(size):
            even_line[k] += p * x[k] + r * y[k]
            odd_line[k] += q * x[k] + s * y[k]


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _take(source, start, stride, n, first, pairs, width, even, odd):
    """Pairs of samples of a line that goes round, from sample ``first`` on."""
    pair, place = 0, first
    while pair < pairs:
        if place + 1 == n:
            for lane in range(width):
                even[pair * width + lane] = source[start + place * stride + lane]
                odd[pair * width + lane] = source[start + lane]
            pair, place = pair + 1, 1
            continue
        run = min((n - place) // 2, pairs - pair)
        x = source[start + place * stride :]
        a, b = even[pair * width : (pair + run) * width], odd[pair * width : (pair + run) * width]
        if stride == 1:
            for k in range(run):
                a[k], b[k] = x[2 * k], x[2 * k + 1]
        elif stride == 2:
            for k in range(run):
                a[2 * k], a[2 * k + 1] = x[4 * k], x[4 * k + 1]
                b[2 * k], b[2 * k + 1] = x[4 * k + 2], x[4 * k + 3]
        else:
            for k in range(run):
                u = x[2 * k * stride : 2 * k * stride + width]
                v = x[(2 * k + 1) * stride : (2 * k + 1) * stride + width]
                for lane in range(width):
                    a[k * width + lane] = u[lane]
                    b[k * width + lane] = v[lane]
        pair, place = pair + run, (place + 2 * run) % n


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _put(target, start, stride, n, first, pairs, width, even, odd):
    """Undoes ``_take``."""
    pair, place = 0, first
    while pair < pairs:
        if place + 1 == n:
            for lane in range(width):
                target[start + place * stride + lane] = even[pair * width + lane]
                target[start + lane] = odd[pair * width + lane]
            pair, place = pair + 1, 1
            continue
        run = min((n - place) // 2, pairs - pair)
        x = target[start + place * stride :]
        a, b = even[pair * width : (pair + run) * width], odd[pair * width : (pair + run) * width]
        if stride == 1:
            for k in range(run):
                x[2 * k], x[2 * k + 1] = a[k], b[k]
        elif stride == 2:
            for k in range(run):
                x[4 * k], x[4 * k + 1] = a[2 * k], a[2 * k + 1]
                x[4 * k + 2], x[4 * k + 3] = b[2 * k], b[2 * k + 1]
        else:
            for k in range(run):
                u = x[2 * k * stride : 2 * k * stride + width]
                v = x[(2 * k + 1) * stride : (2 * k + 1) * stride + width]
                for lane in range(width):
                    u[lane] = a[k * width + lane]
                    v[lane] = b[k * width + lane]
        pair, place = pair + run, (place + 2 * run) % n


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _take_half(source, start, stride, half, lead, width, line):
    """Half of a line, going round, with the ``lead`` numbers before its first one in front."""
    done, place = 0, -lead % half
    while done < half + lead:
        run = min(half - place, half + lead - done)
        if stride == width:
            x = source[start + place * width : start + (place + run) * width]
            y = line[done * width : (done + run) * width]
            for k in range(run * width):
                y[k] = x[k]
        else:
            for i in range(run):
                x = source[start + (place + i) * stride : start + (place + i) * stride + width]
                for lane in range(width):
                    line[(done + i) * width + lane] = x[lane]
        done, place = done + run, 0


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _put_half(line, target, start, stride, half, width):
    if stride == width:
        y = target[start : start + half * width]
        for k in range(half * width):
            y[k] = line[k]
        return
    for i in range(half):
        x = target[start + i * stride : start + i * stride + width]
        for lane in range(width):
            x[lane] = line[i * width + lane]

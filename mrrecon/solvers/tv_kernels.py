"""Total variation's primal-dual steps, compiled; import it where it is needed, it loads numba.

Numbers lie in flat arrays of one layout (unit, part, plane, row, column), one number before the first. A unit
is a slab of planes of one problem, with ghost planes of its neighbours on both sides, so that threads can do
several steps before they exchange ghosts; one more column holds what lies beyond the edge. ``deep``, ``pair``
and ``joint`` are tuples that are empty for no: compilers know their length and leave out what is not needed.
"""

from typing import no_type_check

import numba
import numpy as np

__all__ = ["COLUMNS", "FAST", "advance", "before_first"]

COLUMNS = 6
"""Of a table of units: where it lies, its first plane and the one behind its last, -1 at an edge of the image
or the unit before, the same behind, and the problem it belongs to."""

# Sums may be taken in any order; what is not a number or infinite stays so.
FAST = {"reassoc", "contract", "arcp", "nsz"}
_compile = numba.njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
_compile_threads = numba.njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy", parallel=True)


@_compile
@no_type_check
def _dual(x, old, p0, p1, p2, o, n, ahead, below, part, theta, sigma, weight, deep, pair, joint):
    """P = P(p + σ D(x + θ (x - old))) for n numbers from o on; P projects onto balls of radius ``weight``."""
    # Slices from zero, since indices that may be negative would keep the loop from being vectorised.
    x_here, old_here = x[o : o + n + 1], old[o : o + n + 1]
    x_ahead, old_ahead = x[o + ahead : o + ahead + n], old[o + ahead : o + ahead + n]
    x_below, old_below = x[o + below : o + below + n], old[o + below : o + below + n]
    q0, q1, q2 = p0[o : o + n], p1[o * len(deep) : (o + n) * len(deep)], p2[o : o + n]
    if len(pair):
        j = o + part
        y_here, odd_here = x[j : j + n + 1], old[j : j + n + 1]
        y_ahead, odd_ahead = x[j + ahead : j + ahead + n], old[j + ahead : j + ahead + n]
        y_below, odd_below = x[j + below : j + below + n], old[j + below : j + below + n]
        r0, r1, r2 = p0[j : j + n], p1[j * len(deep) : (j + n) * len(deep)], p2[j : j + n]
    for k in range(n):
        a = x_here[k] + theta * (x_here[k] - old_here[k])
        g0 = q0[k] + sigma * (x_ahead[k] + theta * (x_ahead[k] - old_ahead[k]) - a)
        g2 = q2[k] + sigma * (x_here[k + 1] + theta * (x_here[k + 1] - old_here[k + 1]) - a)
        m0, m2 = g0 * g0, g2 * g2
        if len(deep):
            g1 = q1[k] + sigma * (x_below[k] + theta * (x_below[k] - old_below[k]) - a)
            m1 = g1 * g1
        if len(pair):
            b = y_here[k] + theta * (y_here[k] - odd_here[k])
            h0 = r0[k] + sigma * (y_ahead[k] + theta * (y_ahead[k] - odd_ahead[k]) - b)
            h2 = r2[k] + sigma * (y_here[k + 1] + theta * (y_here[k + 1] - odd_here[k + 1]) - b)
            m0 += h0 * h0
            m2 += h2 * h2
            if len(deep):
                h1 = r1[k] + sigma * (y_below[k] + theta * (y_below[k] - odd_below[k]) - b)
                m1 += h1 * h1
        if len(joint):
            m0 += m2
            if len(deep):
                m0 += m1
            s0 = weight / max(np.sqrt(m0), weight)
            s1, s2 = s0, s0
        else:
            s0 = weight / max(np.sqrt(m0), weight)
            s2 = weight / max(np.sqrt(m2), weight)
            if len(deep):
                s1 = weight / max(np.sqrt(m1), weight)
        q0[k] = g0 * s0
        q2[k] = g2 * s2
        if len(deep):
            q1[k] = g1 * s1
        if len(pair):
            r0[k] = h0 * s0
            r2[k] = h2 * s2
            if len(deep):
                r1[k] = h1 * s1


@_compile
@no_type_check
def _primal(x, old, p0, p1, p2, y, o, n, above, over, tau, deep):
    """Old = (x + τ (y - D^T p)) / (1 + τ) for n numbers from o on."""
    x_here, new, y_here = x[o : o + n], old[o : o + n], y[o : o + n]
    q0, u0, q2 = p0[o : o + n], p0[o + above : o + above + n], p2[o - 1 : o + n]
    q1 = p1[o * len(deep) : (o + n) * len(deep)]
    u1 = p1[(o + over) * len(deep) : (o + over + n) * len(deep)]
    shrink = (tau / tau) / (tau / tau + tau)
    for k in range(n):
        d = u0[k] - q0[k] + q2[k] - q2[k + 1]
        if len(deep):
            d += u1[k] - q1[k]
        new[k] = (x_here[k] + tau * (y_here[k] - d)) * shrink


@_compile
@no_type_check
def before_first(p, o, rows, columns, periodic):
    """Fills the column before the first of ``rows`` rows from o on: the last number of p, or zero."""
    for row in range(rows):
        first = o + row * (columns + 1)
        last = first + columns - 1
        p[first - 1] = p[last] if periodic else p[last] - p[last]


@_compile
@no_type_check
def _behind_last(x, o, rows, columns, periodic):
    """Fills the column behind the last of ``rows`` rows from o on: the first number of x, or the last."""
    for row in range(rows):
        first = o + row * (columns + 1)
        last = first + columns - 1
        x[last + 1] = x[first] if periodic else x[last]


@_compile
@no_type_check
def _plane(x, old, p0, p1, p2, y, o, shape, ahead, steps, weight, periodic, deep, pair, joint):
    """One step on one plane; ``old`` becomes the new image."""
    tau, sigma, theta = steps
    planes, rows, columns = shape
    row = columns + 1
    plane = rows * row
    part = planes * plane
    # As many rows at a time as fit the cache of first level with all that belongs to them, but the first and
    # the last one by themselves. The dual variable of the last row comes before all others: with periodic
    # edges it needs the first row of the old image, and the first row of the new one needs it.
    strip = max(1, 1024 // row)
    begin = -1
    while begin < rows:
        first = begin if begin >= 0 else rows - 1
        end = first + 1 if first == 0 or first == rows - 1 else min(first + strip, rows - 1)
        n = (end - first) * row
        at = o + first * row
        if begin < rows - 1:
            below = row if end < rows else (-(rows - 1) * row if periodic else 0)
            _dual(x, old, p0, p1, p2, at, n, ahead, below, part, theta, sigma, weight, deep, pair, joint)
        if begin < 0:
            begin = 0
            continue
        for _ in range(1 + len(pair)):
            before_first(p2, at, end - first, columns, periodic)
            # With reflecting edges p is zero in the last row.
            over = -row if first else (rows - 1) * row
            _primal(x, old, p0, p1, p2, y, at, n, -plane, over, tau, deep)
            _behind_last(old, at, end - first, columns, periodic)
            at += part
        begin = end


@_compile
@no_type_check
def _slab(x, old, p0, p1, p2, y, unit, shape, steps, weight, periodic, deep, pair, joint):
    """Some steps on one unit, a step following the one before at a distance of one plane."""
    place, first, behind, before, after = unit[0], unit[1], unit[2], unit[3], unit[4]
    planes, rows, columns = shape
    plane = rows * (columns + 1)
    base = 1 + place * (1 + len(pair)) * planes * plane
    n_steps = len(steps)
    # Each step leaves one ghost plane on either side that can no longer be known.
    low = first if before < 0 else first - n_steps
    high = behind if after < 0 else behind + n_steps
    for front in range(low, high + n_steps):
        for t in range(n_steps):
            i = front - t
            if i < low + (0 if before < 0 else t) or i >= high - (0 if after < 0 else t + 1):
                continue
            ahead = 0 if after < 0 and i == high - 1 else plane
            step = (steps[t, 0], steps[t, 1], steps[t, 2])
            a, b = (x, old) if t % 2 == 0 else (old, x)
            o = base + i * plane
            _plane(a, b, p0, p1, p2, y, o, shape, ahead, step, weight, periodic, deep, pair, joint)


@_compile
@no_type_check
def _refresh(a, unit, units, parts, shape, ghosts):
    """Ghost planes of one unit, from its neighbours."""
    place, first, behind, before, after = unit[0], unit[1], unit[2], unit[3], unit[4]
    planes, rows, columns = shape
    plane = rows * (columns + 1)
    for c in range(parts):
        here = 1 + (place * parts + c) * planes * plane
        if before >= 0:
            there = 1 + (before * parts + c) * planes * plane + (units[before, 2] - ghosts) * plane
            start = here + (first - ghosts) * plane
            a[start : start + ghosts * plane] = a[there : there + ghosts * plane]
        if after >= 0:
            there = 1 + (after * parts + c) * planes * plane + units[after, 1] * plane
            start = here + behind * plane
            a[start : start + ghosts * plane] = a[there : there + ghosts * plane]


@_compile_threads
@no_type_check
def advance(x, old, p0, p1, p2, y, units, active, shape, ghosts, steps, weights, periodic, deep, pair, joint):
    """Steps on the active units, one for each row (τ, σ, θ) of ``steps``; a weight for each problem.

    After an even number ``x`` is the image and ``old`` the one before it, after an odd number the reverse.
    """
    for begin in range(0, len(steps), ghosts):
        some = steps[begin : begin + ghosts]
        for u in numba.prange(len(active)):
            a, b = (x, old) if begin % 2 == 0 else (old, x)
            unit = units[active[u]]
            _slab(a, b, p0, p1, p2, y, unit, shape, some, weights[unit[5]], periodic, deep, pair, joint)
        for u in numba.prange(len(active)):
            unit = units[active[u]]
            for a in (x, old, p0, p2):
                _refresh(a, unit, units, 1 + len(pair), shape, ghosts)
            if len(deep):
                _refresh(p1, unit, units, 1 + len(pair), shape, ghosts)

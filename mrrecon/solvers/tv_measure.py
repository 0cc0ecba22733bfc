"""The sums of which total variation's duality gap is made, compiled; importing it loads numba."""

from typing import no_type_check

import numba
import numpy as np

from mrrecon.solvers.tv_kernels import FAST, before_first

__all__ = ["measure"]

_compile = numba.njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
_compile_threads = numba.njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy", parallel=True)


@_compile_threads
@no_type_check
def measure(x, p0, p1, p2, y, units, active, shape, weights, periodic, sums, deep, pair, joint):
    """For each unit and plane: |Dx|, w |Dx| - <p, Dx>, (x - y + D^T p)² and (x - y)², each summed.

    The layout of all but ``sums`` is that of ``tv_kernels``; ``sums`` has the axes unit, plane, kind of sum.
    """
    planes, rows, columns = shape
    row = columns + 1
    plane = rows * row
    part = planes * plane
    for u in numba.prange(len(active)):
        unit = units[active[u]]
        weight = weights[unit[5]]
        place, first, behind, after = unit[0], unit[1], unit[2], unit[4]
        for i in range(first, behind):
            o = 1 + place * (1 + len(pair)) * part + i * plane
            ahead = 0 if after < 0 and i == behind - 1 else plane
            for c in range(1 + len(pair)):
                before_first(p2, o + c * part, rows, columns, periodic)
            for k in range(4):
                sums[active[u], i - first, k] = 0
            for j in range(rows):
                below = row if j < rows - 1 else (-(rows - 1) * row if periodic else 0)
                over = -row if j else (rows - 1) * row
                a, b, c, d = _row(
                    x,
                    p0,
                    p1,
                    p2,
                    y,
                    o + j * row,
                    columns,
                    ahead,
                    below,
                    -plane,
                    over,
                    part,
                    weight,
                    deep,
                    pair,
                    joint,
                )
                sums[active[u], i - first, 0] += a
                sums[active[u], i - first, 1] += b
                sums[active[u], i - first, 2] += c
                sums[active[u], i - first, 3] += d


@_compile
@no_type_check
def _row(x, p0, p1, p2, y, o, n, ahead, below, above, over, part, weight, deep, pair, joint):
    """What ``measure`` sums, over one row."""
    x_here, x_ahead, x_below = x[o : o + n + 1], x[o + ahead : o + ahead + n], x[o + below : o + below + n]
    y_here = y[o : o + n]
    q0, u0, q2 = p0[o : o + n], p0[o + above : o + above + n], p2[o - 1 : o + n]
    if len(deep):
        q1, u1 = p1[o : o + n], p1[o + over : o + over + n]
    if len(pair):
        j = o + part
        z_here, z_ahead, z_below = (
            x[j : j + n + 1],
            x[j + ahead : j + ahead + n],
            x[j + below : j + below + n],
        )
        t_here = y[j : j + n]
        r0, v0, r2 = p0[j : j + n], p0[j + above : j + above + n], p2[j - 1 : j + n]
        if len(deep):
            r1, v1 = p1[j : j + n], p1[j + over : j + over + n]
    zero = weight - weight
    variation, slack, residual, data = zero, zero, zero, zero
    for k in range(n):
        d0, d2 = x_ahead[k] - x_here[k], x_here[k + 1] - x_here[k]
        m0, m1, m2 = d0 * d0, zero, d2 * d2
        along = q0[k] * d0 + q2[k + 1] * d2
        s = u0[k] - q0[k] + q2[k] - q2[k + 1]
        if len(deep):
            d1 = x_below[k] - x_here[k]
            m1 = d1 * d1
            along += q1[k] * d1
            s += u1[k] - q1[k]
        t = x_here[k] - y_here[k]
        data += t * t
        residual += (t + s) * (t + s)
        if len(pair):
            e0, e2 = z_ahead[k] - z_here[k], z_here[k + 1] - z_here[k]
            m0 += e0 * e0
            m2 += e2 * e2
            along += r0[k] * e0 + r2[k + 1] * e2
            s = v0[k] - r0[k] + r2[k] - r2[k + 1]
            if len(deep):
                e1 = z_below[k] - z_here[k]
                m1 += e1 * e1
                along += r1[k] * e1
                s += v1[k] - r1[k]
            t = z_here[k] - t_here[k]
            data += t * t
            residual += (t + s) * (t + s)
        length = np.sqrt(m0 + m1 + m2) if len(joint) else np.sqrt(m0) + np.sqrt(m1) + np.sqrt(m2)
        variation += length
        slack += weight * length - along
    return variation, slack, residual, data

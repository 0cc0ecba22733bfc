"""Lines and splines through what was observed, compiled; import it where it is needed, it loads numba."""

from typing import no_type_check

import numba
import numpy as np

__all__ = ["add_lines"]

_compile = numba.njit(cache=True, nogil=True, error_model="numpy")
_compile_threads = numba.njit(cache=True, nogil=True, error_model="numpy", parallel=True)


@_compile_threads
@no_type_check
def add_lines(values, seen, total, weights, cubic):
    """Interpolate along the middle of three axes, and add the result times its weight, and the weight.

    The weight is 1 / variance of a Brownian bridge between the observed voxels before and after; beyond the
    last of them, of the free motion from it.
    """
    outer, n, inner = values.shape
    for start in numba.prange(outer):
        knots = np.empty(n, np.int64)
        curve = np.empty(n)
        work = np.empty(n)
        for i in range(inner):
            m = 0
            for k in range(n):
                if seen[start, k, i]:
                    knots[m] = k
                    m += 1
            if 0 < m < n:
                if cubic and m > 2:
                    _curvature(values[start, :, i], knots[:m], curve, work)
                else:
                    curve[:m] = 0
                _fill(values[start, :, i], knots[:m], curve, total[start, :, i], weights[start, :, i])


@_compile
@no_type_check
def _curvature(values, knots, curve, work):
    """Second derivatives at the knots of the natural cubic spline: a tridiagonal system."""
    m = knots.size
    curve[0] = work[0] = 0.0
    for j in range(1, m - 1):
        a, b = knots[j] - knots[j - 1], knots[j + 1] - knots[j]
        after = (values[knots[j + 1]] - values[knots[j]]) / b
        before = (values[knots[j]] - values[knots[j - 1]]) / a
        pivot = 2.0 * (a + b) - a * work[j - 1]
        work[j] = b / pivot
        curve[j] = (6.0 * (after - before) - a * curve[j - 1]) / pivot
    curve[m - 1] = 0.0
    for j in range(m - 2, 0, -1):
        curve[j] -= work[j] * curve[j + 1]


@_compile
@no_type_check
def _fill(values, knots, curve, total, weights):
    m = knots.size
    for k in range(knots[0]):
        weight = 1.0 / (knots[0] - k)
        total[k] += weight * values[knots[0]]
        weights[k] += weight
    for k in range(knots[m - 1] + 1, values.size):
        weight = 1.0 / (k - knots[m - 1])
        total[k] += weight * values[knots[m - 1]]
        weights[k] += weight
    for j in range(m - 1):
        first, second = knots[j], knots[j + 1]
        h = second - first
        for k in range(first + 1, second):
            a, b = k - first, second - k
            u, v = b / h, a / h
            value = u * values[first] + v * values[second]
            value += ((u * u * u - u) * curve[j] + (v * v * v - v) * curve[j + 1]) * h * h / 6.0
            weight = h / (a * b)
            total[k] += weight * value
            weights[k] += weight

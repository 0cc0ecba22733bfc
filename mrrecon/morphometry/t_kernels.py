"""Sums over the maps at each voxel, compiled; import it where it is needed, it loads numba.

One pass over memory: a piece of voxels stays in the caches while all maps are added to its sums, in float64.
Maps come as one array and the step from a map to the next, for a slice of an array that is known to be
contiguous is what the compiler makes vector instructions of.
"""

from typing import no_type_check

import numba
import numpy as np

__all__ = ["greatest_shares", "t_values", "unit_residuals", "voxel_sums"]

_SAFE = 1e-6
"""Above this part of the sum of squares, a residual one is the difference of sums to nine digits."""

# Products and sums may be joined; nothing else changes, so that a voxel's value depends on no other's.
_compile = numba.njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")
_compile_threads = numba.njit(
    cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy", parallel=True
)
# Here NaN cannot come in.
_compile_threads_finite = numba.njit(
    cache=True, nogil=True, fastmath={"contract", "nsz", "nnan", "arcp"}, error_model="numpy", parallel=True
)


@_compile
@no_type_check
def _add_maps(maps, step, start, basis, own, sums):
    """Σ y² and basis' y, four maps at a time, which spares their way to the caches and back."""
    n, m = basis.shape[0], own.size
    own[:] = 0.0
    sums[:] = 0.0
    for row in range(0, n - n % 4, 4):
        o = row * step + start
        a, b = maps[o : o + m], maps[o + step : o + step + m]
        c, d = maps[o + 2 * step : o + 2 * step + m], maps[o + 3 * step : o + 3 * step + m]
        for j in range(m):
            e, f, g, h = np.float64(a[j]), np.float64(b[j]), np.float64(c[j]), np.float64(d[j])
            own[j] += e * e + f * f + g * g + h * h
        for k in range(basis.shape[1]):
            total = sums[k]
            u, v, w, x = basis[row, k], basis[row + 1, k], basis[row + 2, k], basis[row + 3, k]
            if u == 0.0 and v == 0.0 and w == 0.0 and x == 0.0:
                continue
            for j in range(m):
                total[j] += u * a[j] + v * b[j] + w * c[j] + x * d[j]
    for row in range(n - n % 4, n):
        a = maps[row * step + start : row * step + start + m]
        for j in range(m):
            own[j] += np.float64(a[j]) * np.float64(a[j])
        for k in range(basis.shape[1]):
            total, u = sums[k], basis[row, k]
            for j in range(m):
                total[j] += u * a[j]


@_compile_threads
@no_type_check
def voxel_sums(maps, step, weights, piece, sums):
    """Weighted sums over the maps at each voxel."""
    for i in numba.prange((sums.shape[1] + piece - 1) // piece):
        start, stop = i * piece, min((i + 1) * piece, sums.shape[1])
        _add_maps(maps, step, start, weights, np.empty(stop - start), sums[:, start:stop])


@_compile
@no_type_check
def _by_residuals(maps, step, start, basis, sums, j):
    """Sums of squares at voxel j without the columns not of interest, and without any, from residuals."""
    squares, left = 0.0, 0.0
    for row in range(basis.shape[0]):
        rest = np.float64(maps[row * step + start + j])
        for k in range(1, basis.shape[1]):
            rest -= basis[row, k] * sums[k, j]
        squares += rest * rest
        rest -= basis[row, 0] * sums[0, j]
        left += rest * rest
    return squares, left


@_compile_threads
@no_type_check
def t_values(maps, step, basis, chosen, numbers, piece, t, effect, none, finite):
    """Student's t, effect and whether there is no variance; 0, 0 and no at voxels that are not chosen.

    ``numbers`` are the degrees of freedom, the scale of the effect, and the part of the sum of squares that
    is no more than rounding. ``finite`` says of each piece whether its sums of squares are.
    """
    degrees, scale, nothing = numbers
    for i in numba.prange(finite.size):
        start, stop = i * piece, min((i + 1) * piece, t.size)
        m = stop - start
        own, sums, left = np.empty(m), np.empty((basis.shape[1], m)), np.empty(m)
        _add_maps(maps, step, start, basis, own, sums)
        left[:] = own
        for k in range(basis.shape[1]):
            some = sums[k]
            for j in range(m):
                left[j] -= some[j] * some[j]
        here, value, change, flat = chosen[start:stop], t[start:stop], effect[start:stop], none[start:stop]
        along, n_unsafe = sums[0], 0
        for j in range(m):
            n_unsafe += not left[j] > _SAFE * own[j]  # neither is what is infinite or not a number
            value[j] = along[j] / np.sqrt(left[j] / degrees)
            change[j] = along[j] * scale
            flat[j] = False
        if not n_unsafe and here.all():
            continue
        for j in range(m):
            if not here[j]:
                value[j], change[j] = 0.0, 0.0
            elif not np.isfinite(own[j]):
                finite[i] = False
            elif not left[j] > _SAFE * own[j]:
                squares, rest = (
                    (0.0, 0.0) if own[j] == 0.0 else _by_residuals(maps, step, start, basis, sums, j)
                )
                flat[j] = squares <= nothing * own[j] or rest <= nothing * squares
                value[j] = 0.0 if flat[j] else along[j] / np.sqrt(rest / degrees)


@_compile_threads
@no_type_check
def unit_residuals(maps, step, others, piece, unit):
    """What the columns not of interest leave of the maps, scaled to the sum of squares 1."""
    for i in numba.prange((unit.shape[1] + piece - 1) // piece):
        start, stop = i * piece, min((i + 1) * piece, unit.shape[1])
        n, m = len(others), stop - start
        squares, sums, rest = np.empty(m), np.empty((others.shape[1], m)), np.empty((n, m))
        _add_maps(maps, step, start, others, squares, sums)
        squares[:] = 0.0
        for row in range(n):
            here, given = rest[row], maps[row * step + start : row * step + stop]
            for j in range(m):
                here[j] = given[j]
            for k in range(others.shape[1]):
                some, weight = sums[k], others[row, k]
                if weight != 0.0:
                    for j in range(m):
                        here[j] -= weight * some[j]
            for j in range(m):
                squares[j] += here[j] * here[j]
        for j in range(m):
            squares[j] = 1.0 / np.sqrt(squares[j])
        for row in range(n):
            here, out = rest[row], unit[row, start:stop]
            for j in range(m):
                out[j] = here[j] * squares[j]


@_compile_threads_finite
@no_type_check
def greatest_shares(products, two_sided, greatest):
    """Raises ``greatest`` to the share of the sum of squares, 1, that the first column explains anywhere.

    ``products`` are units times columns, (rearrangements, columns, voxels); the others leave 1 - Σ o².
    """
    n, columns, n_voxels = products.shape
    for i in numba.prange(n):
        top, rest = np.zeros(256, np.float32), np.empty(256, np.float32)
        for start in range(0, n_voxels, 256):
            m = min(256, n_voxels - start)
            along = products[i, 0, start : start + m]
            rest[:m] = 1.0
            for k in range(1, columns):
                other = products[i, k, start : start + m]
                for j in range(m):
                    rest[j] -= other[j] * other[j]
            for j in range(m):
                part = along[j] if two_sided else max(along[j], np.float32(0.0))
                top[j] = max(top[j], part * part / max(rest[j], np.float32(1e-7)))  # but for rounding, > 0
        greatest[i] = max(greatest[i], top.max())

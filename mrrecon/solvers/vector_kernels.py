"""Compiled sums and updates of vectors in one pass over memory; import it where it is needed, it loads numba.

A vector is a row of a matrix, one for each problem of a batch, of real numbers; complex ones come as pairs.
Sums run over pieces of fixed length and add those up, so that they do not depend on the number of threads.
"""

from typing import no_type_check

import numba
import numpy as np

__all__ = ["PIECE", "advance", "advance_parallel", "inner", "inner_parallel", "redirect", "redirect_parallel"]

PIECE = 1 << 14
"""Length of a piece."""

# What lets sums be split over the lanes of a vector unit; NaN and infinity keep their meaning.
_FAST = {"reassoc", "contract", "nsz"}


@no_type_check
def _inner(a, b, partial):
    pieces = partial.shape[1]
    for i in numba.prange(partial.size):
        row, start = i // pieces, i % pieces * PIECE
        # Slices, whose indices start at 0, are what the compiler makes vector instructions of.
        left, right = a[row, start : start + PIECE], b[row, start : start + PIECE]
        total = 0.0
        for j in range(left.size):
            total += np.float64(left[j]) * np.float64(right[j])
        partial[row, i % pieces] = total


@no_type_check
def _advance(x, r, p, q, alpha, partial):
    pieces = partial.shape[1]
    for i in numba.prange(partial.size):
        row, start = i // pieces, i % pieces * PIECE
        image, residual = x[row, start : start + PIECE], r[row, start : start + PIECE]
        forth, back = p[row, start : start + PIECE], q[row, start : start + PIECE]
        step = alpha[row]
        total = 0.0
        for j in range(image.size):
            image[j] += step * forth[j]
            rest = residual[j] - step * back[j]
            residual[j] = rest
            total += np.float64(rest) * np.float64(rest)
        partial[row, i % pieces] = total


@no_type_check
def _redirect(p, z, beta, pieces):
    for i in numba.prange(p.shape[0] * pieces):
        row, start = i // pieces, i % pieces * PIECE
        old, new = p[row, start : start + PIECE], z[row, start : start + PIECE]
        factor = beta[row]
        for j in range(old.size):
            old[j] = new[j] + factor * old[j]


inner = numba.njit(cache=True, fastmath=_FAST)(_inner)
advance = numba.njit(cache=True, fastmath=_FAST)(_advance)
redirect = numba.njit(cache=True, fastmath=_FAST)(_redirect)
inner_parallel = numba.njit(cache=True, fastmath=_FAST, parallel=True)(_inner)
advance_parallel = numba.njit(cache=True, fastmath=_FAST, parallel=True)(_advance)
redirect_parallel = numba.njit(cache=True, fastmath=_FAST, parallel=True)(_redirect)

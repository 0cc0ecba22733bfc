"""Soft thresholding in one pass over memory, compiled; import it where it is needed, it loads numba."""

from typing import no_type_check

import numba
import numpy as np

__all__ = ["PIECE", "shrink"]

PIECE = 1 << 13
"""Numbers, real or complex, that are summed at a time: sums do not depend on the number of threads."""

_RUN = 512

_FAST = {"reassoc", "contract", "nsz"}
_compile = numba.njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
_compile_threads = numba.njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy", parallel=True)


@_compile_threads
@no_type_check
def shrink(c, thresholds, sums, pair):
    """Each magnitude made shorter by its row's threshold, and what is left of the magnitudes summed.

    Rows of real numbers, or of real and imaginary parts in turn if the tuple ``pair`` is not empty.
    """
    rows, size = c.shape
    pieces = sums.shape[1]
    length = PIECE * (1 + len(pair))
    for i in numba.prange(rows * pieces):
        row, piece = i // pieces, i % pieces
        end = min((piece + 1) * length, size)
        for o in range(piece * length, end, _RUN):
            sums[row, piece] += _shrink(c[row, o : min(o + _RUN, end)], thresholds[row], pair)


@_compile
@no_type_check
def _shrink(c, threshold, pair):
    zero = threshold - threshold
    total = zero
    if len(pair):
        for k in range(c.size // 2):
            size = np.sqrt(c[2 * k] * c[2 * k] + c[2 * k + 1] * c[2 * k + 1])
            left = max(size - threshold, zero)
            total += left
            # Where nothing is left the divisor does not matter, but must not be zero.
            factor = left / max(size, threshold)
            c[2 * k] *= factor
            c[2 * k + 1] *= factor
    else:
        for k in range(c.size):
            left = max(abs(c[k]) - threshold, zero)
            total += left
            c[k] = _signed(left, c[k])
    return total


@_compile
@no_type_check
def _signed(size, sign):
    return size if sign > 0 else -size

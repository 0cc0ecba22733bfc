"""The vector work of one proximal gradient step, compiled; import it where it is needed, it loads numba."""

from typing import no_type_check

import numba

__all__ = ["N_SUMS", "PIECE", "compare", "move"]

PIECE = 1 << 13
"""Numbers that are summed at a time, so that sums do not depend on the number of threads."""

N_SUMS = 6

_RUN = 512

_FAST = {"reassoc", "contract", "nsz"}
_compile = numba.njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy", parallel=True)
_compile_serial = numba.njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")


@_compile
@no_type_check
def compare(new, gram_new, x, z, gram_z, b, inverse, sums):
    """Sums of a new image, for each row and piece: see ``forward_backward_vectors.Sums``."""
    rows, size = new.shape
    pieces = sums.shape[1]
    for i in numba.prange(rows * pieces):
        row, piece = i // pieces, i % pieces
        end = min((piece + 1) * PIECE, size)
        # Short runs in the vectors' own precision, their sums in double.
        for o in range(piece * PIECE, end, _RUN):
            p = min(o + _RUN, end)
            u, gu, v, w = new[row, o:p], gram_new[row, o:p], x[row, o:p], z[row, o:p]
            several = _compare(u, gu, v, w, gram_z[row, o:p], b[row, o:p], inverse[row])
            for k in range(N_SUMS):
                sums[row, piece, k] += several[k]


@_compile_serial
@no_type_check
def _compare(u, gu, v, w, gw, c, inverse):
    zero = inverse - inverse
    moved, bent, turned, energy, data, residual = zero, zero, zero, zero, zero, zero
    for k in range(u.size):
        d, gd = u[k] - w[k], gu[k] - gw[k]
        r = gd - inverse * d
        moved += d * d
        bent += d * gd
        turned += d * (v[k] - u[k])
        energy += u[k] * gu[k]
        data += u[k] * c[k]
        residual += r * r
    return moved, bent, turned, energy, data, residual


@_compile
@no_type_check
def move(new, gram_new, x, gram_x, z, gram_z, b, v, beta, step, accepted):
    """x, A^H A x, z and A^H A z of accepted rows, and v of all, in place."""
    rows, size = new.shape
    pieces = (size + PIECE - 1) // PIECE
    for i in numba.prange(rows * pieces):
        row, piece = i // pieces, i % pieces
        begin, end = piece * PIECE, min((piece + 1) * PIECE, size)
        u, gu, p, gp = (
            new[row, begin:end],
            gram_new[row, begin:end],
            x[row, begin:end],
            gram_x[row, begin:end],
        )
        w, gw, c, target = z[row, begin:end], gram_z[row, begin:end], b[row, begin:end], v[row, begin:end]
        momentum, length = beta[row], step[row]
        if accepted[row]:
            for k in range(end - begin):
                w[k] = u[k] + momentum * (u[k] - p[k])
                gw[k] = gu[k] + momentum * (gu[k] - gp[k])
                p[k] = u[k]
                gp[k] = gu[k]
                target[k] = w[k] - length * (gw[k] - c[k])
        else:
            for k in range(end - begin):
                target[k] = w[k] - length * (gw[k] - c[k])

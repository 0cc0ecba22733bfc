"""Images of coils combined in one pass over memory; importing it loads numba, so do it where it is needed."""

from typing import Any, no_type_check

import numba
import torch

from mrrecon.threads import in_threads

__all__ = ["combine"]

_PIECE = 1 << 12
"""Numbers, real and imaginary parts by turns, that a thread works on at a time."""

_WORK = 1 << 16
"""Numbers below which a second thread costs more than it saves."""

# Sums may be taken in any order; what is not a number or infinite stays so.
_FAST = {"reassoc", "contract", "nsz"}


def combine(maps: Any, images: Any, target: Any) -> None:
    """Adds to ``target`` (places, n) the sum over coils of conjugate maps times images (places, coils, n).

    Args:
        maps: complex array, its last axis contiguous in memory.
        images: complex array of its shape and type, contiguous.
        target: complex array, contiguous.
    """
    threads = torch.get_num_threads() if images.size > _WORK else 1
    real = "f4" if images.dtype.itemsize == 8 else "f8"
    arrays = (maps.view(real), images.view(real), target.view(real))
    if threads == 1:
        _serial(*arrays)
        return
    in_threads(_parallel, *arrays, threads=threads)


@no_type_check
def _combine(maps, images, target):
    places, coils, length = maps.shape
    pieces = (length + _PIECE - 1) // _PIECE
    for i in numba.prange(places * pieces):
        place, start = i // pieces, i % pieces * _PIECE
        total = target[place, start : start + _PIECE]
        for coil in range(coils):
            a, b = maps[place, coil, start : start + _PIECE], images[place, coil, start : start + _PIECE]
            for j in range(total.size // 2):
                total[2 * j] += a[2 * j] * b[2 * j] + a[2 * j + 1] * b[2 * j + 1]
                total[2 * j + 1] += a[2 * j] * b[2 * j + 1] - a[2 * j + 1] * b[2 * j]


_serial = numba.njit(cache=True, fastmath=_FAST)(_combine)
_parallel = numba.njit(cache=True, fastmath=_FAST, parallel=True)(_combine)

"""Points taken one after the other where none that was taken is too near, compiled for the CPU."""

from typing import no_type_check

import numba
import numpy as np

__all__ = ["throw_darts"]


@numba.njit(cache=True, nogil=True)
@no_type_check
def throw_darts(order, radius):
    """Places, out of those that are offered, no two nearer to each other than the smaller of their radii.

    Args:
        order: places as numbers, row by row, in the order in which they are tried; int64.
        radius: radius of each place (height, width), float64.

    Returns:
        The places that were taken, in that order.
    """
    height, width = radius.shape
    blocked = np.zeros((height, width), np.bool_)
    taken = np.empty(len(order), np.int64)
    n_taken = 0
    for place in order:
        row, column = place // width, place % width
        if blocked[row, column]:
            continue
        taken[n_taken] = place
        n_taken += 1
        own = radius[row, column] ** 2
        reach = int(np.ceil(radius[row, column])) - 1
        for i in range(max(0, row - reach), min(height, row + reach + 1)):
            for j in range(max(0, column - reach), min(width, column + reach + 1)):
                squared = (i - row) ** 2 + (j - column) ** 2
                if squared < own and squared < radius[i, j] ** 2:
                    blocked[i, j] = True
    return taken[:n_taken]

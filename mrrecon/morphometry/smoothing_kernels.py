"""Smoothing along three axes, compiled; import it where it is needed."""

from typing import no_type_check

import numba
import numpy as np
import torch
from torch import Tensor

from mrrecon.operators.lane_kernels import PLAIN, run

__all__ = ["smooth"]


def smooth(maps: Tensor, taps: Tensor) -> Tensor:
    """Volumes (c, x, y, z) convolved along each axis with an odd number of taps, the border repeated.

    Args:
        maps: volumes, float32.
        taps: float32.
    """
    source, result = maps.contiguous().numpy(), torch.empty(maps.shape)

    def planes(share: int, shares: int) -> None:
        _planes(result.numpy(), source, taps.numpy(), share, shares)

    run([planes], maps.numel())
    return result


@numba.njit(**PLAIN)
@no_type_check
def _planes(result, source, taps, share, shares):
    """Plane by plane, with a margin, so that a shift along either of its axes is one of the flat plane."""
    channels, depth, rows, columns = source.shape
    radius = taps.size // 2
    width = columns + 2 * radius
    plane = np.empty((rows + 2 * radius, width), np.float32)
    flat, along = plane.reshape(-1), np.empty(rows * width, np.float32)
    middle = np.empty(rows * columns, np.float32)
    total = channels * depth
    for task in range(total * share // shares, total * (share + 1) // shares):
        volume, x = source[task // depth].reshape(depth, rows * columns), task % depth
        middle[:] = 0
        for shift in range(taps.size):
            _add(middle, volume[min(max(x + shift - radius, 0), depth - 1)], taps[shift])
        inside = middle.reshape(rows, columns)
        for row in range(rows + 2 * radius):
            line = inside[min(max(row - radius, 0), rows - 1)]
            plane[row, :radius] = line[0]
            plane[row, radius : radius + columns] = line
            plane[row, radius + columns :] = line[columns - 1]
        along[:] = 0
        for shift in range(taps.size):
            _add(along, flat[shift * width :], taps[shift])
        flat[: along.size] = 0
        for shift in range(taps.size):
            _add(flat[: along.size - shift], along[shift:], taps[shift])
        result[task // depth, task % depth] = plane[:rows, :columns]


@numba.njit(**PLAIN)
@no_type_check
def _add(total, values, weight):
    for i in range(total.size):
        total[i] += weight * values[i]

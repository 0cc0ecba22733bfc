"""Volumes read between their voxels, compiled; import it where it is needed."""

from typing import no_type_check

import numba
import numpy as np
import torch
from torch import Tensor

from mrrecon.operators.lane_kernels import PLAIN, run

__all__ = ["read"]

_PIECE = 256
"""Points that are read at a time."""

_ZERO, _ONE = np.float32(0), np.float32(1)


def read(volumes: Tensor, voxels: Tensor, *, border: bool) -> Tensor:
    """Volumes (c, x, y, z) at points (3, n), float32; beyond the last voxel lies 0, or the border."""
    source, places = volumes.contiguous().numpy(), voxels.contiguous().numpy()
    result = torch.empty(len(volumes), voxels.shape[1])
    flat = source.reshape(len(source), -1)

    def share_of_points(share: int, shares: int) -> None:
        _read(result.numpy(), flat, places, source.shape[1:], border, share, shares)

    run([share_of_points], voxels.shape[1])
    return result


@numba.njit(**PLAIN)
@no_type_check
def _read(result, flat, places, shape, border, share, shares):
    pieces = (places.shape[1] + _PIECE - 1) // _PIECE
    corner = np.empty(_PIECE, np.uint32)
    weights = np.empty((3, 2, _PIECE), np.float32)
    for piece in range(pieces * share // shares, pieces * (share + 1) // shares):
        begin = piece * _PIECE
        n = min(_PIECE, places.shape[1] - begin)
        corner[:n] = 0
        for axis in range(3):
            _locate(corner[:n], weights[axis], places[axis, begin : begin + n], shape[axis], border)
        for c in range(flat.shape[0]):
            _combine(result[c, begin : begin + n], flat[c], corner, weights, shape)


@numba.njit(**PLAIN)
@no_type_check
def _locate(corner, weights, places, size, border):
    """Voxel before each point, such that one lies behind it, and the weights of both."""
    before, after = weights[0], weights[1]
    last, before_last = np.float32(size - 1), np.int32(max(size - 2, 0))
    least, most = (_ZERO, last) if border else (-_ONE, last + _ONE)
    several = np.float32(size > 1)
    for i in range(places.size):
        p = min(max(places[i], least), most)
        low = max(min(np.int32(p), before_last), np.int32(0))
        gap = p - np.float32(low)
        before[i] = max(_ONE - abs(gap), _ZERO)
        after[i] = max(_ONE - abs(gap - _ONE), _ZERO) * several
        corner[i] = corner[i] * np.uint32(size) + np.uint32(low)


@numba.njit(**PLAIN)
@no_type_check
def _combine(target, volume, corner, weights, shape):
    z = np.uint32(shape[2] > 1)
    y = np.uint32(shape[2] if shape[1] > 1 else 0)
    x = np.uint32(shape[1] * shape[2] if shape[0] > 1 else 0)
    (left, right), (back, front), (below, above) = _pair(weights, 0), _pair(weights, 1), _pair(weights, 2)
    for i in range(target.size):
        p = corner[i]
        b, a = below[i], above[i]
        one = back[i] * (b * volume[p] + a * volume[np.uint32(p + z)])
        one += front[i] * (b * volume[np.uint32(p + y)] + a * volume[np.uint32(p + y + z)])
        other = back[i] * (b * volume[np.uint32(p + x)] + a * volume[np.uint32(p + x + z)])
        other += front[i] * (b * volume[np.uint32(p + x + y)] + a * volume[np.uint32(p + x + y + z)])
        target[i] = left[i] * one + right[i] * other


@numba.njit(inline="always", **PLAIN)
@no_type_check
def _pair(weights, axis):
    return weights[axis, 0], weights[axis, 1]

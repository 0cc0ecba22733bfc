"""The sweeps of a Markov field over the voxels of a region, compiled; import it where it is needed.

Pieces of a few hundred voxels stay at hand, and the compiler makes vectors of the loops over them.
"""

from typing import Any, no_type_check

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from torch import Tensor

from mrrecon.operators.lane_kernels import PLAIN, run

__all__ = ["sweep"]

_PIECE = 256
"""Voxels that are updated at a time."""

_LOG2_E, _LN2_HIGH, _LN2_LOW = np.float32(1.44269504), np.float32(0.693359375), np.float32(-2.12194440e-4)
_HALF, _ONE, _LEAST, _BIAS, _SHIFT = (
    np.float32(0.5),
    np.float32(1),
    np.float32(-87),
    np.int32(127),
    np.int32(23),
)
_P = tuple(np.float32(1 / n) for n in (720, 120, 24, 6))
"""Coefficients of the exponential between -ln 2 / 2 and ln 2 / 2: what is left out is below 2e-7."""


def sweep(
    new: Tensor,
    held: Tensor,
    places: Tensor,
    log_evidence: Tensor,
    fractions: Tensor,
    *,
    weights: tuple[float, ...],
    steps: tuple[int, ...],
) -> None:
    """Update the first voxels of the region in ``new`` from ``held``; float32.

    Args:
        new: fraction of each class (k, voxels of the padded volume).
        held: the same before the update.
        places: where the voxels lie in the padded volume.
        log_evidence: of each state (states, voxels of the region).
        fractions: of each class in each state (states, k).
        weights: of a neighbour along each axis.
        steps: to a neighbour along each axis.
    """
    arrays: list[Any] = [t.numpy() for t in (new, held, places, log_evidence, fractions)]
    settings = np.array(weights, np.float32), np.array(steps, np.int64)

    def share_of_voxels(share: int, shares: int) -> None:
        _sweep(*arrays, *settings, share, shares)

    run([share_of_voxels], len(places))


@intrinsic
@no_type_check
def _as_float(_typing, bits):
    """The float32 whose bits are those of an int32."""

    def code(_context, builder, _signature, arguments):
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(bits), code


@numba.njit(inline="always", **PLAIN)
@no_type_check
def _exp(x):
    """Exponential of a float32 from -87 to 0."""
    x = max(x, _LEAST)
    n = np.int32(x * _LOG2_E - _HALF)
    whole = np.float32(n)
    x = x - whole * _LN2_HIGH - whole * _LN2_LOW
    series = (((_P[0] * x + _P[1]) * x + _P[2]) * x + _P[3]) * x + _HALF
    return ((series * x + _ONE) * x + _ONE) * _as_float(np.int32(np.int32(n + _BIAS) << _SHIFT))


@numba.njit(**PLAIN)
@no_type_check
def _sweep(new, held, places, evidence, fractions, weights, steps, share, shares):
    states, classes = fractions.shape
    pieces = (places.size + _PIECE - 1) // _PIECE
    pull = np.empty((classes, _PIECE), np.float32)
    chance = np.empty((states, _PIECE), np.float32)
    most, total = np.empty(_PIECE, np.float32), np.empty(_PIECE, np.float32)
    pulled = weights.max() > 0
    for piece in range(pieces * share // shares, pieces * (share + 1) // shares):
        first = piece * _PIECE
        n = min(_PIECE, places.size - first)
        here = places[first : first + n]
        if pulled:
            _pulls(pull, held, here, weights, steps)
        most[:n] = np.float32(-np.inf)
        for s in range(states):
            e = chance[s]
            e[:n] = evidence[s, first : first + n]
            if pulled:
                for k in range(classes):
                    part, m = fractions[s, k], pull[k]
                    for i in range(n):
                        e[i] += part * m[i]
            for i in range(n):
                most[i] = max(most[i], e[i])
        total[:n] = 0
        for s in range(states):
            e = chance[s]
            for i in range(n):
                e[i] = _exp(e[i] - most[i])
            for i in range(n):
                total[i] += e[i]
        for i in range(n):
            total[i] = _ONE / total[i]
        for k in range(classes):
            m = pull[k]
            m[:n] = 0
            for s in range(states):
                part, e = fractions[s, k], chance[s]
                for i in range(n):
                    m[i] += part * e[i]
            for i in range(n):
                new[k, here[i]] = m[i] * total[i]


@numba.njit(**PLAIN)
@no_type_check
def _pulls(pull, held, here, weights, steps):
    x, y, z = steps
    across, along, up = weights
    for k in range(pull.shape[0]):
        m, target = held[k], pull[k]
        for i in range(here.size):
            p = here[i]
            target[i] = (
                across * (m[p - x] + m[p + x]) + along * (m[p - y] + m[p + y]) + up * (m[p - z] + m[p + z])
            )

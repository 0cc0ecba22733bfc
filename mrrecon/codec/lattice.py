"""The order in which the sites of a field are coded: fifteen passes over sparse lattices, coarse to fine."""

import itertools
from functools import cache

import numpy as np

__all__ = ["BLOCK", "N_PASSES", "REACH", "known_offsets", "pass_positions", "sites_of_pass"]

BLOCK = 4  # sites a side that share a site of the next coarser field

REACH = 4
"""Sites from a site to its furthest neighbour, at most."""

Offset = tuple[int, int, int]

# Order of the eight parity classes: two interleaved lattices first, then what lies between them.
_PARITIES: tuple[Offset, ...] = (
    (0, 0, 0), (1, 1, 1), (0, 1, 1), (1, 0, 1), (1, 1, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)
)  # fmt: skip
N_PASSES = 2 * len(_PARITIES) - 1


def pass_of(position: Offset) -> int:
    """Pass in which a site is coded, from its coordinates (only their remainders by 4 count).

    Pass 0 takes every fourth site of each axis, passes 1 to 7 the rest of every second, 8 to 14 all others.

    Example:
        >>> pass_of((4, 0, 8)), pass_of((2, 2, 6)), pass_of((0, 0, 1))
        (0, 1, 14)
    """
    z, y, x = position
    odd = _PARITIES.index((z % 2, y % 2, x % 2))
    return odd + 7 if odd else _PARITIES.index((z // 2 % 2, y // 2 % 2, x // 2 % 2))


@cache
def pass_positions(number: int) -> list[Offset]:
    """Positions within a block of 4 x 4 x 4 that are coded in a pass: one in passes 0 to 7, else eight.

    Example:
        >>> pass_positions(7)
        [(0, 0, 2)]
    """
    positions = itertools.product(range(BLOCK), range(BLOCK), range(BLOCK))
    return [position for position in positions if pass_of(position) == number]


def known_offsets(number: int, limit: int) -> list[Offset]:
    """Steps from a site of a pass to the nearest sites that an earlier pass has coded, nearest first.

    Args:
        number: of the pass.
        limit: steps at most.

    Example:
        >>> known_offsets(14, 2)
        [(-1, 0, 0), (0, -1, 0)]
    """
    start = pass_positions(number)[0]
    reach = range(-REACH, REACH + 1)
    steps = (step for step in itertools.product(reach, reach, reach) if _square(step) <= REACH**2)
    known = [step for step in steps if pass_of(_add(start, step)) < number]
    return sorted(known, key=lambda step: (_square(step), step))[:limit]


def sites_of_pass(shape: Offset, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coordinates z, y, x, each int64 (n,), of a field's sites that are coded in a pass, in a fixed order.

    Example:
        >>> [axis.tolist() for axis in sites_of_pass((1, 1, 5), 0)]
        [[0, 0], [0, 0], [0, 4]]
    """
    parts = []
    for position in pass_positions(number):
        axes = [np.arange(first, side, BLOCK) for first, side in zip(position, shape, strict=True)]
        parts.append(np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")]))
    z, y, x = np.concatenate(parts, axis=1)
    return z, y, x


def _square(step: Offset) -> int:
    return sum(part * part for part in step)


def _add(position: Offset, step: Offset) -> Offset:
    z, y, x = (a + b for a, b in zip(position, step, strict=True))
    return z, y, x

"""Levels that a scan uses, when it leaves some out: scaled integers often do."""

import zlib

import numpy as np

from mrrecon.codec.container import CodecError

__all__ = ["from_ranks", "to_ranks"]

_SPAN = 1 << 16
_WORTH = 0.9


def to_ranks(levels: np.ndarray) -> tuple[np.ndarray, bytes]:
    """Each level as its place among the used ones, and which are used; unchanged where that does not pay.

    Args:
        levels: integers from 0, any shape.

    Example:
        >>> ranks, used = to_ranks(np.array([0, 30, 10, 30]))
        >>> ranks.tolist(), from_ranks(ranks, used).tolist()
        ([0, 2, 1, 2], [0, 30, 10, 30])
    """
    span = int(levels.max()) + 1
    if span > _SPAN:
        return levels, b""
    used = np.bincount(levels.reshape(-1), minlength=span) > 0
    if np.count_nonzero(used) > _WORTH * span:
        return levels, b""
    return (np.cumsum(used) - 1)[levels], zlib.compress(np.packbits(used).tobytes(), 9)


def from_ranks(ranks: np.ndarray, used: bytes) -> np.ndarray:
    """The levels of `to_ranks`.

    Raises:
        CodecError: ``used`` is damaged, or names fewer levels than there are ranks.
    """
    if not used:
        return ranks
    try:
        packed = zlib.decompressobj().decompress(used, _SPAN // 8)
    except zlib.error as error:
        raise CodecError(f"coded volume is damaged: {error}") from error
    levels = np.flatnonzero(np.unpackbits(np.frombuffer(packed, np.uint8)))
    if ranks.max() >= len(levels):
        raise CodecError(f"coded volume is damaged: {len(levels)} levels in use, not {ranks.max() + 1}")
    return levels[ranks]

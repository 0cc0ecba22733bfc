"""Probabilities of indices without context: counts of the codes, stored with the indices."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int64

from mrrecon.codec.symbol_coder import SymbolCoder, SymbolDecoder, SymbolEncoder

__all__ = ["HistogramModel"]

_DIGITS = 5  # binary digits of a count that are stored; the rest is worth less than its place
_MAX_DIGITS = 31

Shape = tuple[int, int, int]


class HistogramModel:
    """Each field under the frequencies of its own codes: for networks without a context model.

    Before the indices of a field stand its frequencies: of each count the number of binary digits, then the
    first five of them. A field too small to pay for them is coded with equal probabilities.

    Args:
        n_codes: 2 to 65536.

    Example:
        >>> field = np.repeat([0, 7], [990, 10]).reshape(10, 10, 10)
        >>> len(HistogramModel(8).encode([field])) < field.size / 8
        True
    """

    identity = "histogram"

    def __init__(self, n_codes: int = 256) -> None:
        if not 2 <= n_codes <= 65536:
            raise ValueError(f"n_codes={n_codes} must lie in 2..65536")
        self.n_codes = n_codes

    def encode(self, fields: Sequence[Int64[np.ndarray, "..."]]) -> bytes:
        """Fields to bytes."""
        coder = SymbolEncoder()
        for field in fields:
            self._code(field.ravel(), coder, np.bincount(field.ravel(), minlength=self.n_codes))
        return coder.payload()

    def decode(self, payload: bytes, shapes: Sequence[Shape]) -> list[Int64[np.ndarray, "..."]]:
        """Bytes to fields of the given shapes."""
        coder = SymbolDecoder(payload)
        nothing = np.zeros(self.n_codes, np.int64)
        fields = [
            self._code(np.zeros(int(np.prod(shape)), np.int64), coder, nothing).reshape(shape)
            for shape in shapes
        ]
        coder.close()
        return fields

    def _code(self, field: np.ndarray, coder: SymbolCoder, counts: np.ndarray) -> np.ndarray:
        """Give frequencies and indices to the coder, and return the indices that it returns."""
        worth = np.array([_bits_without(counts) > _bits_with(counts)], np.int64)
        if not coder.code_uniform(worth, 2)[0]:
            return coder.code_uniform(field, self.n_codes)
        return coder.code_alike(self._code_counts(counts, coder), field)

    def _code_counts(self, counts: np.ndarray, coder: SymbolCoder) -> np.ndarray:
        lengths = _n_digits(counts)
        of_lengths = coder.code_uniform(np.bincount(lengths, minlength=_MAX_DIGITS + 1), self.n_codes + 1)
        lengths = coder.code_alike(of_lengths, lengths)
        dropped = np.maximum(lengths - _DIGITS, 0)
        result = np.zeros(self.n_codes, np.int64)
        for length in range(1, _MAX_DIGITS + 1):
            found = np.flatnonzero(lengths == length)
            first = 1 << (min(length, _DIGITS) - 1)
            # The first digit is a one; below it stand up to four.
            low = (counts[found] >> dropped[found]) - first
            result[found] = (first + (coder.code_uniform(low, first) if first > 1 else 0)) << dropped[found]
        return result


def _n_digits(counts: np.ndarray) -> np.ndarray:
    """Binary digits of each count; 0 has none."""
    return np.frexp(counts.astype(np.float64))[1].astype(np.int64)


def _bits_without(counts: np.ndarray) -> float:
    return float(counts.sum() * np.log2(len(counts)))


def _bits_with(counts: np.ndarray) -> float:
    """About what frequencies and indices cost together."""
    lengths = np.bincount(_n_digits(counts))
    of_counts = (_MAX_DIGITS + 1) * np.log2(len(counts)) + np.minimum(_n_digits(counts), _DIGITS).sum()
    return float(of_counts + _entropy(lengths) + _entropy(counts))


def _entropy(counts: np.ndarray) -> float:
    """Bits of all that was counted."""
    p = counts[counts > 0] / counts.sum()
    return float(-(counts.sum() * p * np.log2(p)).sum())

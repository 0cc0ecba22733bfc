"""Range coding of symbols whose distributions are rows of integer frequencies."""

from typing import Protocol, runtime_checkable

import constriction
import numpy as np
from jaxtyping import Float32, Int

from mrrecon.codec.container import CodecError

__all__ = ["SymbolCoder", "SymbolDecoder", "SymbolEncoder"]

_GROUP = 16
# With integers below 2^24 the library's cumulative sums are exact, and what it rounds after is one product
# in float32, which IEEE 754 defines. Its faster variant is the one of these semantics.
_ROWS = constriction.stream.model.Categorical(perfect=False)
_UNIFORM = constriction.stream.model.Uniform()


@runtime_checkable
class SymbolCoder(Protocol):
    """One interface for both directions, so that encoder and decoder are one walk over the sites."""

    def code(
        self,
        table: Float32[np.ndarray, "m n_codes"],
        rows: Int[np.ndarray, " n"],
        symbols: Int[np.ndarray, " n"],
    ) -> Int[np.ndarray, " n"]:
        """The symbols: those given when encoding, those read when decoding.

        Args:
            table: frequencies, integers, no row with a sum of 2^24 - 256 or more. A symbol of frequency 0 can
                be coded too, at a cost of some 24 bits.
            rows: the row of the table for each symbol.
            symbols: to encode; a decoder does not look at them.
        """
        ...

    def code_alike(
        self, counts: Int[np.ndarray, " n_codes"], symbols: Int[np.ndarray, " n"]
    ) -> Int[np.ndarray, " n"]:
        """Symbols of one distribution, given by counts of any size."""
        ...

    def code_uniform(self, numbers: Int[np.ndarray, " n"], size: int) -> Int[np.ndarray, " n"]:
        """Numbers from 0 to ``size`` - 1, all equally probable."""
        ...


class SymbolEncoder:
    """Symbols to bytes.

    Example:
        >>> table, rows = np.array([[3, 1], [0, 1]], np.float32), np.array([0, 0, 1])
        >>> encoder = SymbolEncoder()
        >>> _ = encoder.code(table, rows, np.array([0, 1, 1]))
        >>> SymbolDecoder(encoder.payload()).code(table, rows, rows).tolist()
        [0, 1, 1]
    """

    def __init__(self) -> None:
        self._encoder = constriction.stream.queue.RangeEncoder()

    def code(
        self,
        table: Float32[np.ndarray, "m n_codes"],
        rows: Int[np.ndarray, " n"],
        symbols: Int[np.ndarray, " n"],
    ) -> Int[np.ndarray, " n"]:
        """Append symbols, each as its group of 16 and its place there, which is faster than at once."""
        table = _grouped(table)
        group, place = np.divmod(symbols.astype(np.int32), _GROUP)
        if table.shape[1] > 1:
            self._encoder.encode(group, _ROWS, _of_groups(table)[rows])
        self._encoder.encode(place, _ROWS, table[rows, group] + np.float32(1))
        return symbols

    def code_alike(
        self, counts: Int[np.ndarray, " n_codes"], symbols: Int[np.ndarray, " n"]
    ) -> Int[np.ndarray, " n"]:
        """Append symbols of one distribution."""
        self._encoder.encode(symbols.astype(np.int32), _categorical(counts))
        return symbols

    def code_uniform(self, numbers: Int[np.ndarray, " n"], size: int) -> Int[np.ndarray, " n"]:
        """Append numbers from 0 to ``size`` - 1, all equally probable."""
        self._encoder.encode(numbers.astype(np.int32), _UNIFORM, np.full(len(numbers), size, np.int32))
        return numbers

    def payload(self) -> bytes:
        """All that was coded, as little-endian 32-bit words."""
        return bytes(self._encoder.get_compressed().astype("<u4").tobytes())


class SymbolDecoder:
    """Bytes to symbols, asked for in the order in which they were encoded.

    Args:
        payload: of a ``SymbolEncoder``.

    Raises:
        CodecError: the payload does not consist of 32-bit words.
    """

    def __init__(self, payload: bytes) -> None:
        if len(payload) % 4:
            raise CodecError(
                f"payload of indices has {len(payload)} bytes, which is no multiple of 4: cut off?"
            )
        words = np.frombuffer(payload, "<u4").astype(np.uint32)
        self._decoder = constriction.stream.queue.RangeDecoder(words)

    def code(
        self,
        table: Float32[np.ndarray, "m n_codes"],
        rows: Int[np.ndarray, " n"],
        symbols: Int[np.ndarray, " n"],  # noqa: ARG002
    ) -> Int[np.ndarray, " n"]:
        """Read as many symbols as there are rows."""
        n_codes = table.shape[1]
        table = _grouped(table)
        group = np.zeros(len(rows), np.int64)
        if table.shape[1] > 1:
            group = self._read(_of_groups(table)[rows])
        result = _GROUP * group + self._read(table[rows, group] + np.float32(1))
        if result.size and result.max() >= n_codes:
            raise CodecError(f"payload of indices is damaged: index {result.max()} of {n_codes} codes")
        return result

    def code_alike(
        self, counts: Int[np.ndarray, " n_codes"], symbols: Int[np.ndarray, " n"]
    ) -> Int[np.ndarray, " n"]:
        """Read as many symbols as are given."""
        if not counts.any():
            raise CodecError("payload of indices is damaged: it counts no code")
        result = self._decode(_categorical(counts), len(symbols))
        if result.size and result.max() >= len(counts):
            raise CodecError(f"payload of indices is damaged: index {result.max()} of {len(counts)} codes")
        return result

    def code_uniform(self, numbers: Int[np.ndarray, " n"], size: int) -> Int[np.ndarray, " n"]:
        """Read as many numbers as are given, each from 0 to ``size`` - 1."""
        return self._decode(_UNIFORM, np.full(len(numbers), size, np.int32))

    def close(self) -> None:
        """All symbols are read.

        Raises:
            CodecError: there is more in the payload.
        """
        if not self._decoder.maybe_exhausted():
            raise CodecError("payload of indices is damaged: it goes on after the last index")

    def _read(self, table: np.ndarray) -> np.ndarray:
        return self._decode(_ROWS, table)

    def _decode(self, model: object, parameters: np.ndarray | int) -> np.ndarray:
        try:
            return np.asarray(self._decoder.decode(model, parameters)).astype(np.int64)
        except (ValueError, AssertionError) as error:  # of the library, when the bytes are none of its own
            raise CodecError("payload of indices is damaged: it holds no symbols of this model") from error


def _categorical(counts: np.ndarray) -> object:
    """Distribution of counts, scaled to a sum below 2^22."""
    scaled = counts
    while scaled.sum() >= 1 << 22:
        scaled = (scaled + 1) >> 1  # a count of 1 stays
    # One more symbol, never used, for the same reason as the 4 in _of_groups.
    scaled = np.append(scaled, max(1, int(scaled.sum()) >> 18))
    return constriction.stream.model.Categorical(scaled.astype(np.float32), perfect=False)


def _grouped(table: np.ndarray) -> np.ndarray:
    """Frequencies in groups of 16, filled up with zeros: (m, n_codes) -> (m, n_groups, 16)."""
    missing = -table.shape[1] % _GROUP
    if missing:
        table = np.pad(table, ((0, 0), (0, missing)))
    return table.reshape(len(table), -1, _GROUP)


def _of_groups(table: np.ndarray) -> np.ndarray:
    # The 4 keeps the last group's share above what the library's product may be off by rounding.
    n_groups = table.shape[1]
    to_groups = np.repeat(np.eye(n_groups, dtype=np.float32), _GROUP, axis=0)
    return table.reshape(len(table), -1) @ to_groups + np.float32(4)

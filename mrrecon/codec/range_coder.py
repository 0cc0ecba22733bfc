"""One code path for both directions: a range coder that writes the symbols it is given, or reads them."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import constriction
import numpy as np

from mrrecon.codec.container import CodecError

__all__ = ["Coder", "Reader", "Writer", "in_groups", "table_model"]

Model = Any
RAW_BITS = 16


@runtime_checkable
class Coder(Protocol):
    """What `Reader` and `Writer` have in common: symbols in, or `None` and a number of them; symbols out."""

    def code(self, symbols: np.ndarray | None, model: Model, number: int) -> np.ndarray:
        """Writes the symbols, or reads ``number`` of them; int32 either way."""
        ...


class Writer:
    """Symbols -> bytes.

    Example:
        >>> writer = Writer()
        >>> _ = writer.code(np.array([0, 1, 1]), table_model(np.array([1, 3])), 3)
        >>> Reader(writer.payload()).code(None, table_model(np.array([1, 3])), 3)
        array([0, 1, 1], dtype=int32)
    """

    def __init__(self) -> None:
        self._coder = constriction.stream.queue.RangeEncoder()

    def code(self, symbols: np.ndarray | None, model: Model, number: int) -> np.ndarray:
        """Writes ``number`` symbols and returns them."""
        if symbols is None or len(symbols) != number:
            raise ValueError(f"symbols must be {number} integers to write, got {symbols!r}")
        self._coder.encode(symbols.astype(np.int32), model)
        return symbols

    def payload(self) -> bytes:
        """All that was written, little-endian words of 32 bits."""
        return self._coder.get_compressed().astype("<u4").tobytes()


class Reader:
    """Bytes -> symbols. Behind the end of the bytes follow zeros: a damaged payload gives wrong symbols.

    Raises:
        CodecError: the bytes are no whole words, or no symbols of the model asked for.
    """

    def __init__(self, payload: bytes) -> None:
        if len(payload) % 4:
            raise CodecError(f"coded symbols must be whole words of 4 bytes, got {len(payload)} bytes")
        words = np.frombuffer(payload, "<u4").astype(np.uint32)
        self._coder = constriction.stream.queue.RangeDecoder(words)

    def code(self, symbols: np.ndarray | None, model: Model, number: int) -> np.ndarray:  # noqa: ARG002
        """Reads ``number`` symbols; ``symbols`` is ``None``."""
        try:
            return self._coder.decode(model, number)
        except (AssertionError, ValueError) as error:
            raise CodecError(f"coded symbols are damaged: {error}") from error


def table_model(weights: np.ndarray) -> Model:
    """Distribution of the symbols 0, 1, ...: ``weights``, positive integers below 2**22 in sum.

    As float32 they and their sums are exact; what is rounded after is one product, which IEEE 754 defines.
    One more symbol, never written, keeps what that product may be off by away from the last one.
    """
    weights = weights * max(1, (1 << 20) // int(weights.sum()))
    spare = max(1, int(weights.sum()) >> 18)
    return constriction.stream.model.Categorical(np.append(weights, spare).astype(np.float32), perfect=False)


def in_groups(
    coder: Coder, symbols: np.ndarray | None, groups: np.ndarray, models: Sequence[Model]
) -> np.ndarray:
    """Codes symbols whose distribution depends on their group.

    Args:
        coder: reads or writes.
        symbols: (n,) to write; ``None`` to read.
        groups: (n,) index into ``models``, an unsigned type.
        models: a distribution for each group.

    Returns:
        The symbols, int64 (n,).
    """
    order = np.argsort(groups, kind="stable")
    counts = np.bincount(groups)
    done = np.empty(len(groups), dtype=np.int64)
    given = None if symbols is None else symbols[order].astype(np.int32)
    parts = []
    start = 0
    for group in np.flatnonzero(counts).tolist():
        number = int(counts[group])
        part = None if given is None else given[start : start + number]
        parts.append(coder.code(part, models[group], number))
        start += number
    if parts:
        done[order] = np.concatenate(parts)
    return done


def raw(coder: Coder, values: np.ndarray | None, bits: int, number: int) -> np.ndarray:
    """Codes ``number`` values below 2**bits that have no distribution worth a model; int64."""
    done = np.zeros(number, dtype=np.int64)
    for shift in range(0, bits, RAW_BITS):
        width = min(RAW_BITS, bits - shift)
        part = None if values is None else (values >> shift) & ((1 << width) - 1)
        done |= (
            coder.code(part, constriction.stream.model.Uniform(1 << width), number).astype(np.int64) << shift
        )
    return done

"""Fields of indices to bytes and back."""

import math
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int64, UInt

__all__ = ["FieldModel", "decode_fields", "encode_fields"]

Shape = tuple[int, int, int]


@runtime_checkable
class FieldModel(Protocol):
    """What gives indices their probabilities: ``ContextModel`` or ``HistogramModel``."""

    n_codes: int
    identity: str

    def encode(self, fields: Sequence[Int64[np.ndarray, "..."]]) -> bytes:
        """Fields, finest first, to bytes."""
        ...

    def decode(self, payload: bytes, shapes: Sequence[Shape]) -> list[Int64[np.ndarray, "..."]]:
        """Bytes to fields of the given shapes, finest first."""
        ...


def encode_fields(fields: Sequence[np.ndarray], model: FieldModel) -> bytes:
    """Entropy-coded fields of indices.

    Args:
        fields: of any integer type, each (d, h, w), finest first.
        model: ``ContextModel`` of the network's weights; ``HistogramModel`` needs none.

    Raises:
        ValueError: a field has not three axes, or an index is none of the model's codes.

    Example:
        >>> from mrrecon.codec.histogram_model import HistogramModel
        >>> payload = encode_fields([np.array([[[3, 3, 1]]])], HistogramModel(4))
        >>> [field.tolist() for field in decode_fields(payload, [(1, 1, 3)], HistogramModel(4))]
        [[[[3, 3, 1]]]]
    """
    for number, field in enumerate(fields, start=1):
        _check_shape(field.shape)
        if not np.issubdtype(field.dtype, np.integer):
            raise ValueError(f"field {number} is of {field.dtype}; indices are integers")
        if field.min() < 0 or field.max() >= model.n_codes:
            found = f"{field.min()} to {field.max()}"
            raise ValueError(
                f"field {number} has indices {found}; the model has codes 0 to {model.n_codes - 1}"
            )
    return model.encode([np.array(field, np.int64) for field in fields])


def decode_fields(
    payload: bytes, shapes: Sequence[Shape], model: FieldModel
) -> list[UInt[np.ndarray, "..."]]:
    """Fields of indices, uint8 or, of more than 256 codes, uint16.

    Args:
        payload: of ``encode_fields``.
        shapes: of the fields, finest first.
        model: the one that encoded.

    Raises:
        CodecError: the payload is damaged. Not all damage can be seen here: files have checksums for it.
        ValueError: a shape has not three positive sides.
    """
    for shape in shapes:
        _check_shape(shape)
    dtype = np.uint8 if model.n_codes <= 256 else np.uint16
    return [field.astype(dtype) for field in model.decode(payload, shapes)]


def _check_shape(shape: Sequence[int]) -> None:
    if len(shape) != 3 or min(shape) < 1 or math.prod(shape) >= 1 << 31:
        raise ValueError(f"shape={tuple(shape)} must have three sides of 1 or more, and below 2^31 sites")

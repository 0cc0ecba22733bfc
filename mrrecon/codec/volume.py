"""Integer volumes to bytes and back, each voxel exact or within a given error."""

import struct
import zlib

import numpy as np

from mrrecon.codec.bitmap import code_mask
from mrrecon.codec.container import CodecError
from mrrecon.codec.prediction import MAX_BITS, MAX_CLASSES, Predictor, State, fit
from mrrecon.codec.range_coder import Coder, Reader, Writer, raw
from mrrecon.codec.ranks import from_ranks, to_ranks
from mrrecon.codec.residuals import N_THRESHOLDS, ResidualCoder, thresholds

__all__ = ["decode_volume", "encode_volume"]

# checksum; order of axes, masked, classes, low bits; minimum, max error, largest level, level outside,
# bytes of the coefficients, bytes of the list of levels
_CHECKSUM = struct.Struct("<I")
_HEADER = struct.Struct("<BBBBqIIIII")
_ORDERS = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
_LEVELS = 1 << 32


def encode_volume(volume: np.ndarray, *, max_error: int = 0, check: bool = True) -> bytes:
    """Bytes from which `decode_volume` brings a volume back, no voxel off by more than ``max_error``.

    Levels are rounded to steps of $2 e + 1$, then coded without loss: each is predicted from the ones before
    it by integer arithmetic, so that every machine decodes the same.

    Args:
        volume: (depth, height, width) integers of up to 32 bits, signed or not.
        max_error: e, in units of the volume. 0: lossless.
        check: decode the bytes, and compare, before they are returned.

    Raises:
        ValueError: ``volume`` is not of three axes, not of integers, or spans more than 32 bits;
            ``max_error`` is negative or larger than 2**31 - 1.
        CodecError: the check failed.

    Example:
        >>> volume = np.arange(24).reshape(2, 3, 4) - 7
        >>> bool((decode_volume(encode_volume(volume), volume.shape) == volume).all())
        True
    """
    if volume.ndim != 3 or volume.dtype.kind not in "iu":
        raise ValueError(f"volume must be integers along three axes, got {volume.dtype} of {volume.shape}")
    if not 0 <= max_error < _LEVELS // 2:
        raise ValueError(f"max_error={max_error} must be 0 or more, and less than 2**31")
    if not volume.size:
        return b""
    minimum, maximum = int(volume.min()), int(volume.max())
    if maximum - minimum >= _LEVELS or max(abs(minimum), abs(maximum)) >= 2**62:
        raise ValueError(f"volume must span less than 2**32 levels, got {minimum} to {maximum}")
    levels = (volume.astype(np.int64) - minimum + max_error) // (2 * max_error + 1)
    order = _order(volume.shape)
    payload = _encode_levels(levels.transpose(order), minimum, max_error, order)
    if check:
        decoded = decode_volume(payload, volume.shape)
        worst = int(np.abs(decoded - volume.astype(np.int64)).max())
        if worst > max_error:
            raise CodecError(f"volume comes back with an error of {worst}, above max_error={max_error}")
    return payload


def decode_volume(payload: bytes, shape: tuple[int, int, int]) -> np.ndarray:
    """The volume of `encode_volume`: int64, of ``shape``.

    Args:
        payload: of `encode_volume`.
        shape: of the volume; time and memory are in proportion to it, whatever the payload.

    Raises:
        CodecError: the payload is damaged, or of another shape.
    """
    if 0 in shape:
        return np.zeros(shape, dtype=np.int64)
    start = _CHECKSUM.size + _HEADER.size
    if len(payload) < start:
        raise CodecError(f"coded volume is cut off: it has {len(payload)} bytes")
    header = payload[_CHECKSUM.size : start]
    number, masked, n_classes, low_bits, minimum, max_error, max_level, outside, n_side, n_used = (
        _HEADER.unpack(header)
    )
    sane = number < len(_ORDERS) and 1 <= n_classes <= MAX_CLASSES and outside <= max_level
    if not sane or low_bits != _low_bits(max_level):
        raise CodecError("coded volume is damaged: its header makes no sense")
    predictor, bounds = _from_side(payload[start : start + n_side], n_classes)
    order = _ORDERS[number]
    turned = shape[order[0]], shape[order[1]], shape[order[2]]
    levels = _code(
        Reader(payload[start + n_side + n_used :]), None, turned, predictor, bounds,
        masked=bool(masked), outside=outside, max_level=max_level,
    )  # fmt: skip
    used = payload[start + n_side : start + n_side + n_used]
    if _CHECKSUM.pack(_checksum(header + used, levels)) != payload[: _CHECKSUM.size]:
        raise CodecError("coded volume is damaged: its checksum differs")
    levels = from_ranks(levels, used)
    return levels.transpose(np.argsort(order)) * (2 * max_error + 1) + minimum


def _checksum(header: bytes, levels: np.ndarray) -> int:
    return zlib.crc32(levels.astype("<u4").tobytes(), zlib.crc32(header))


def _low_bits(max_level: int) -> int:
    """Lowest bits of a level that are not predicted."""
    return max(0, max_level.bit_length() - MAX_BITS)


def _order(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Axes from the slowest to the fastest: the shortest first makes the fewest steps."""
    first, second, third = np.argsort(shape, kind="stable").tolist()
    return first, second, third


def _encode_levels(levels: np.ndarray, minimum: int, max_error: int, order: tuple[int, int, int]) -> bytes:
    levels, used = to_ranks(np.ascontiguousarray(levels))
    max_level = int(levels.max())
    low_bits = _low_bits(max_level)
    outside, masked = _background(levels)
    mask = levels != outside if masked else np.ones(levels.shape, dtype=bool)
    state = State(mask, outside=outside >> low_bits, max_level=max_level >> low_bits)
    predictor, scales = fit(state, levels.reshape(-1)[state.wavefront.flat] >> low_bits)
    bounds = thresholds(scales)
    side = _to_side(predictor, bounds)
    writer = Writer()
    _code(
        writer, levels, levels.shape, predictor, bounds, masked=masked, outside=outside, max_level=max_level
    )
    header = _HEADER.pack(
        _ORDERS.index(order), masked, len(predictor.levels), low_bits, minimum, max_error, max_level, outside,
        len(side), len(used),
    )  # fmt: skip
    return _CHECKSUM.pack(_checksum(header + used, levels)) + header + side + used + writer.payload()


def _code(
    coder: Coder,
    levels: np.ndarray | None,
    shape: tuple[int, int, int],
    predictor: Predictor,
    bounds: np.ndarray,
    *,
    masked: bool,
    outside: int,
    max_level: int,
) -> np.ndarray:
    """Writes levels, or reads them: one walk over the voxels for both."""
    low_bits = _low_bits(max_level)
    if masked:
        mask = code_mask(coder, None if levels is None else levels != outside, shape)
    else:
        mask = np.ones(shape, dtype=bool)
    state = State(mask, outside=outside >> low_bits, max_level=max_level >> low_bits)
    residuals = ResidualCoder(bounds, max_level >> low_bits)
    flat = state.wavefront.flat
    given = None if levels is None else levels.reshape(-1)[flat]
    result = np.full(mask.size, outside, dtype=np.int64)
    for step in state.wavefront.steps():
        first, second, scale = state.predict(predictor, step)
        known = residuals.code(coder, None if given is None else given[step] >> low_bits, second, scale)
        state.learn(step, known, first, second)
        if low_bits:
            low = None if given is None else given[step] & ((1 << low_bits) - 1)
            known = (known << low_bits) + raw(coder, low, low_bits, len(known))
        result[flat[step]] = known
    return result.reshape(shape)


def _background(levels: np.ndarray) -> tuple[int, bool]:
    """The most frequent level, and whether it is so frequent that a mask pays."""
    values, counts = np.unique(levels, return_counts=True)
    most = int(counts.argmax())
    return int(values[most]), bool(counts[most] > 0.05 * levels.size)


def _to_side(predictor: Predictor, bounds: np.ndarray) -> bytes:
    parts = [
        predictor.class_of.astype("u1"),
        *(part.astype("<i2") for part in predictor[1:]),
        bounds.astype("<u4"),
    ]
    return zlib.compress(b"".join(part.tobytes() for part in parts), 9)


def _from_side(side: bytes, n_classes: int) -> tuple[Predictor, np.ndarray]:
    shapes = Predictor.sizes(n_classes)
    kinds = ["u1", "<i2", "<i2", "<i2", "<u4"]
    sizes = [int(np.prod(shape)) for shape in (*shapes, (N_THRESHOLDS,))]
    wanted = sum(size * np.dtype(kind).itemsize for size, kind in zip(sizes, kinds, strict=True))
    try:
        data = zlib.decompressobj().decompress(side, wanted + 1)
    except zlib.error as error:
        raise CodecError(f"coded volume is damaged: {error}") from error
    if len(data) != wanted:
        raise CodecError(f"coded volume is damaged: {len(data)} bytes of coefficients, not {wanted}")
    arrays, start = [], 0
    for size, kind in zip(sizes, kinds, strict=True):
        arrays.append(np.frombuffer(data, kind, size, start))
        start += size * np.dtype(kind).itemsize
    bounds = arrays.pop()
    predictor = Predictor(*(array.reshape(shape) for array, shape in zip(arrays, shapes, strict=True)))
    if predictor.class_of.max() >= n_classes or (np.diff(bounds.astype(np.int64)) < 0).any():
        raise CodecError("coded volume is damaged: its coefficients make no sense")
    return predictor, bounds

"""Scans as code files: fields of codes, or the voxels themselves, with a proof that they came back."""

import hashlib
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from mrrecon.codec.container import CodecError, Container, header_text, pack_vqz
from mrrecon.codec.fields import decode_fields, encode_fields
from mrrecon.codec.scan_header import FLOATS, CodesHeader, VolumeHeader, from_json
from mrrecon.codec.volume import decode_volume, encode_volume

__all__ = ["pack_codes", "pack_volume", "scan_header", "unpack_codes", "unpack_volume"]

NIFTI_HEADERS = (348, 540)
"""Bytes of a header of NIfTI-1 and NIfTI-2."""

Model = Any
"""A ``ContextModel`` or a ``HistogramModel``."""


def pack_codes(
    header: CodesHeader, fields: Sequence[np.ndarray], model: Model, *, check: bool = True
) -> bytes:
    """A scan stored as fields of indices.

    Args:
        header: what brings the scan back.
        fields: whole numbers below ``header.n_codes``, of ``header.field_shapes``.
        model: entropy model of the fields.
        check: decode the file before it is returned; false where the caller does so.

    Raises:
        ValueError: the fields are not those of the header.
        RuntimeError: they do not come back: a fault of this package.
    """
    shapes = [field.shape for field in fields]
    if shapes != header.field_shapes or any(field.max() >= header.n_codes for field in fields):
        raise ValueError(
            f"fields of shapes {shapes} must be {header.field_shapes}, of {header.n_codes} codes"
        )
    payload = encode_fields(fields, model)
    if check:
        again = decode_fields(payload, header.field_shapes, model)
        if not all(np.array_equal(a, b) for a, b in zip(fields, again, strict=True)):
            raise RuntimeError("the fields do not come back from their own payload")
    return _packed(header, {"codes": payload}, _of_fields(fields))


def unpack_codes(container: Container, model: Model) -> list[np.ndarray]:
    """Fields of indices of a file that ``pack_codes`` made.

    Args:
        container: the file.
        model: entropy model that the header names.

    Raises:
        CodecError: they are not those that were stored.
    """
    header = scan_header(container)
    if not isinstance(header, CodesHeader):
        raise CodecError("holds a volume, and no codes")
    try:
        fields = decode_fields(container.sections["codes"], header.field_shapes, model)
    except CodecError as error:
        raise CodecError(f"is damaged: {error}") from error
    except ValueError as error:
        raise CodecError(f"does not suit its entropy model: {error}") from error
    if any(field.max() >= header.n_codes for field in fields):
        raise CodecError(f"is damaged: it has an index that {header.n_codes} codes do not have")
    _prove(container, _of_fields(fields))
    return fields


def pack_volume(header: VolumeHeader, values: np.ndarray, *, error: float, nifti: bytes = b"") -> bytes:
    """A scan stored voxel by voxel.

    Args:
        header: what brings the scan back; its ``step`` is set here.
        values: stored numbers, of the header's shape and type.
        error: largest difference of a stored number; below 1, whole numbers come back as they are.
        nifti: header of the scan's NIfTI file, to come back as it is; or nothing.

    Raises:
        ValueError: the numbers cannot be stored so.
        RuntimeError: they do not come back within ``error``: a fault of this package.
    """
    if header.data_type in FLOATS:
        header = replace(header, step=_step(values, error))
        coded = np.rint(values.astype(np.float64) / header.step).astype(np.int64)
        payload = encode_volume(_narrowed(coded), check=False)
    else:
        payload = encode_volume(_narrowed(values), max_error=math.floor(error), check=False)
    again = _decoded(payload, header)
    for ours, theirs in zip(again, values, strict=True):
        wide = np.float64 if header.data_type in FLOATS else np.int64
        if np.abs(ours.astype(wide) - theirs.astype(wide)).max() > error:
            raise RuntimeError(f"voxels do not come back within {error} from their own payload")
    sections = {"volume": payload, **({"nifti": zlib.compress(nifti, 9)} if nifti else {})}
    return _packed(header, sections, _of_volume(again) + nifti)


def unpack_volume(container: Container) -> tuple[np.ndarray, bytes]:
    """Stored numbers of a file that ``pack_volume`` made, and the header of its NIfTI file or nothing.

    Args:
        container: the file.

    Raises:
        CodecError: they are not those that were stored.
    """
    header = scan_header(container)
    if not isinstance(header, VolumeHeader):
        raise CodecError("holds codes, and no volume")
    nifti = _inflated(container.sections["nifti"]) if "nifti" in container.sections else b""
    values = _decoded(container.sections["volume"], header)
    _prove(container, _of_volume(values) + nifti)
    return values, nifti


def scan_header(container: Container) -> CodesHeader | VolumeHeader:
    """Header of the scan in a file.

    Raises:
        CodecError: it is that of no scan.
    """
    names = set(container.sections)
    kind: type[CodesHeader | VolumeHeader]
    if names == {"codes", "proof"}:
        kind = CodesHeader
    elif names in ({"volume", "proof"}, {"volume", "nifti", "proof"}):
        kind = VolumeHeader
    else:
        raise CodecError(f"holds no scan: its sections are {', '.join(sorted(names)) or 'none'}")
    header: CodesHeader | VolumeHeader = from_json(kind, container.header)
    return header


def _packed(header: CodesHeader | VolumeHeader, sections: Mapping[str, bytes], content: bytes) -> bytes:
    proof = _proof(header_text(asdict(header)), content)
    return pack_vqz(asdict(header), {**sections, "proof": proof})


def _prove(container: Container, content: bytes) -> None:
    if _proof(container.text, content) != container.sections["proof"]:
        raise CodecError("is damaged: what it decodes to is not what was stored")


def _proof(text: bytes, content: bytes) -> bytes:
    return hashlib.sha256(text + content).digest()[:16]


def _of_fields(fields: Sequence[np.ndarray]) -> bytes:
    return b"".join(field.astype("<u2").tobytes() for field in fields)


def _of_volume(values: np.ndarray) -> bytes:
    return values.astype(values.dtype.newbyteorder("<")).tobytes()


def _step(values: np.ndarray, error: float) -> float:
    """Distance of the steps of a grid such that the nearest, rounded to the type, is within ``error``."""
    largest = float(np.abs(values).max())
    # Half a spacing is lost where a number is rounded to its type, less than the rest in the arithmetic.
    rounding = 2 * float(np.spacing(values.dtype.type(largest)))
    if error <= rounding or largest / (error - rounding) >= 2.0**31:
        raise ValueError(
            f"max_error={error:g} (in stored units) is too fine for floating-point numbers up to {largest:g}"
            f": give at least {max(2 * rounding, largest / 2.0**30 + rounding):.2g}"
        )
    return 2 * (error - rounding)


def _narrowed(values: np.ndarray) -> np.ndarray:
    low, high = int(values.min()), int(values.max())
    for kind in (values.dtype, np.dtype(np.int32), np.dtype(np.uint32)):
        if kind.itemsize <= 4 and np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return values.astype(kind, copy=False)
    raise ValueError(f"stored numbers from {low} to {high} must fit into 32 bits to be stored with max_error")


def _decoded(payload: bytes, header: VolumeHeader) -> np.ndarray:
    coded = decode_volume(payload, header.shape)
    kind = np.dtype(header.data_type)
    if header.data_type in FLOATS:
        return (coded * np.float64(header.step)).astype(kind)
    # The nearest that the type has is nearer to the original, too.
    return np.clip(coded, *_limits(kind, coded.dtype)).astype(kind)


def _inflated(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        block = unpacker.decompress(packed, NIFTI_HEADERS[-1] + 1)
    except zlib.error as error:
        raise CodecError(f"is damaged: the header of the scan cannot be unpacked ({error})") from error
    if len(block) not in NIFTI_HEADERS or not unpacker.eof or unpacker.unused_data:
        raise CodecError("is damaged: the header of the scan has another length than it should")
    return block


def _limits(kind: np.dtype, coded: np.dtype) -> tuple[int, int]:
    a, b = np.iinfo(kind), np.iinfo(coded)
    return max(int(a.min), int(b.min)), min(int(a.max), int(b.max))

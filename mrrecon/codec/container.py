"""The code file: named sections of bytes behind one header, everything under a checksum."""

import io
import json
import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mrrecon.files import atomic_path

__all__ = ["CodecError", "Container", "header_text", "pack_vqz", "read_vqz", "unpack_vqz", "write_vqz"]

MAGIC = b"\x89VQZ\r\n\x1a\n"
"""First bytes of a file: as PNG's, they show a transfer that took the file for text."""

VERSION = 1
"""Format version that this package writes, and the newest it reads."""

MAX_HEADER = 1 << 16
"""Bytes of a header's text, at most."""

MAX_SECTIONS = 16

_FIXED = struct.Struct("<HHI")
_ENTRY = struct.Struct("<8sQI")
_CHECKSUM = struct.Struct("<I")


class CodecError(ValueError):
    """A scan that cannot be coded as asked, or a file or payload that cannot be decoded, in one sentence."""


class Container(NamedTuple):
    """What a code file holds: header, sections by name, and the header's text as it lies in the file."""

    header: dict[str, Any]
    sections: dict[str, bytes]
    text: bytes


def header_text(header: Mapping[str, Any]) -> bytes:
    """A header as JSON, in the form in which it lies in the file.

    Raises:
        ValueError: it holds NaN or infinity, or is too long.

    Example:
        >>> header_text({"shape": [3, 4]})
        b'{"shape":[3,4]}'
    """
    text = json.dumps(header, allow_nan=False, separators=(",", ":")).encode("ascii")
    if len(text) > MAX_HEADER:
        raise ValueError(f"header must have at most {MAX_HEADER} bytes as JSON, got {len(text)}")
    return text


def pack_vqz(header: Mapping[str, Any], sections: Mapping[str, bytes]) -> bytes:
    """A code file, as bytes.

    Args:
        header: what JSON can hold, without NaN and infinity.
        sections: payloads by name, of 1 to 8 ASCII letters; at most 16.

    Raises:
        ValueError: a name or the header does not fit.

    Example:
        >>> header, sections, _ = unpack_vqz(pack_vqz({"shape": [3, 4]}, {"codes": b"abc"}))
        >>> header, sections
        ({'shape': [3, 4]}, {'codes': b'abc'})
    """
    packed = zlib.compress(header_text(header), 9)
    names = [name.encode("ascii") for name in sections]
    if len(names) > MAX_SECTIONS or not all(0 < len(name) <= 8 and name.isalnum() for name in names):
        raise ValueError(f"sections={list(sections)} must be at most 16 names of 1 to 8 letters or digits")
    table = b"".join(
        _ENTRY.pack(name, len(payload), zlib.crc32(payload))
        for name, payload in zip(names, sections.values(), strict=True)
    )
    head = _FIXED.pack(VERSION, len(names), len(packed)) + table + packed
    return b"".join([MAGIC, head, _CHECKSUM.pack(zlib.crc32(head)), *sections.values()])


def unpack_vqz(content: bytes) -> Container:
    """What ``pack_vqz`` packed.

    Raises:
        CodecError: anything else, damaged or not; before more memory is taken than the bytes have.
    """
    return _read(io.BytesIO(content), len(content))


def write_vqz(path: str | Path, header: Mapping[str, Any], sections: Mapping[str, bytes]) -> int:
    """Write a code file, whole or not at all.

    Args:
        path: the file, whose folder is made.
        header: as for ``pack_vqz``.
        sections: as for ``pack_vqz``.

    Returns:
        Bytes of the file.
    """
    content = pack_vqz(header, sections)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    return len(content)


def read_vqz(path: str | Path) -> Container:
    """Read a code file.

    Args:
        path: the file.

    Raises:
        OSError: it is not there, or cannot be read.
        CodecError: it is no code file, damaged or too new. The sentence names it.
    """
    with Path(path).open("rb") as stream:
        try:
            return _read(stream, os.fstat(stream.fileno()).st_size)
        except CodecError as error:
            raise CodecError(f"{path} {error}") from error


def _read(stream: io.BufferedIOBase, size: int) -> Container:
    if not size:
        raise CodecError("is an empty file")
    start = stream.read(len(MAGIC) + _FIXED.size)
    if not start.startswith(MAGIC[: len(start)]):
        if start[:4] == MAGIC[:4]:
            raise CodecError("was changed on its way, as text is by a transfer that is not binary")
        raise CodecError("is no code file (.vqz): it begins with other bytes")
    if len(start) < len(MAGIC) + _FIXED.size:
        raise CodecError("is cut off within its header")
    fixed = start[len(MAGIC) :]
    version, n_sections, n_packed = _FIXED.unpack(fixed)
    n_table = n_sections * _ENTRY.size
    n_head = len(start) + n_table + n_packed + _CHECKSUM.size
    if n_head > size or n_packed > MAX_HEADER or n_sections > MAX_SECTIONS:
        raise CodecError("is cut off or damaged: its header is not whole")
    rest = stream.read(n_table + n_packed)
    if _CHECKSUM.unpack(_exactly(stream, _CHECKSUM.size))[0] != zlib.crc32(fixed + rest):
        raise CodecError("is damaged: the checksum of its header does not agree")
    if version != VERSION:
        # All versions have these fields and this checksum: a version that agrees with it was meant.
        raise CodecError(f"is of format version {version}, this package reads {VERSION}: update mrrecon")
    table = list(_ENTRY.iter_unpack(rest[:n_table]))
    text = _inflated(rest[n_table:])
    return Container(_parsed(text), _sections(stream, table, size - n_head), text)


def _sections(stream: io.BufferedIOBase, table: list[tuple[bytes, int, int]], size: int) -> dict[str, bytes]:
    promised = sum(length for _, length, _ in table)
    if promised > size:
        raise CodecError(f"is cut off: {promised - size} bytes are missing")
    if promised < size:
        raise CodecError(f"is damaged: {size - promised} bytes follow its end")
    sections = {}
    for padded, length, checksum in table:
        try:
            name = padded.rstrip(b"\0").decode("ascii")
        except UnicodeDecodeError as error:
            raise CodecError("is damaged: a section has no name") from error
        if name in sections:
            raise CodecError(f"is damaged: it has the section {name!r} twice")
        payload = _exactly(stream, length)
        if zlib.crc32(payload) != checksum:
            raise CodecError(f"is damaged: the checksum of its section {name!r} does not agree")
        sections[name] = payload
    return sections


def _exactly(stream: io.BufferedIOBase, length: int) -> bytes:
    payload = stream.read(length)
    if len(payload) != length:
        raise CodecError("is cut off: it became shorter while it was read")
    return payload


def _inflated(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(packed, MAX_HEADER + 1)
    except zlib.error as error:
        raise CodecError(f"is damaged: its header cannot be unpacked ({error})") from error
    if len(text) > MAX_HEADER or not unpacker.eof or unpacker.unused_data:
        raise CodecError("is damaged: its header has another length than it should")
    return text


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise CodecError("is damaged: its header is no JSON") from error
    if not isinstance(header, dict):
        raise CodecError("is damaged: its header is no JSON object")
    return header


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")

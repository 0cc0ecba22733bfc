"""Code files as bytes: what is whole comes back, what is not is refused in one sentence."""

import json
import struct
import zlib

import pytest

from mrrecon.codec import CodecError, pack_vqz, read_vqz, unpack_vqz, write_vqz
from mrrecon.codec.container import MAGIC, MAX_HEADER, header_text

HEADER = {"shape": [3, 4, 5], "affine": [0.1, -1e-300, 1.2000000476837158], "axes": "LAS"}
SECTIONS = {"codes": bytes(range(200)), "proof": b"", "nifti": b"x"}
WHOLE = pack_vqz(HEADER, SECTIONS)


def test_header_and_sections_come_back_as_they_were():
    header, sections, text = unpack_vqz(WHOLE)
    assert (header, sections) == (HEADER, SECTIONS)
    assert list(sections) == list(SECTIONS)
    assert text == header_text(HEADER) == json.dumps(HEADER, separators=(",", ":")).encode()


def test_the_layout_is_the_one_that_is_specified():
    assert WHOLE[:8] == b"\x89VQZ\r\n\x1a\n"
    version, n_sections, n_header = struct.unpack_from("<HHI", WHOLE, 8)
    assert (version, n_sections) == (1, 3)
    assert struct.unpack_from("<8sQI", WHOLE, 16) == (b"codes\0\0\0", 200, zlib.crc32(SECTIONS["codes"]))
    end = 16 + 20 * n_sections + n_header
    assert json.loads(zlib.decompress(WHOLE[end - n_header : end])) == HEADER
    assert struct.unpack_from("<I", WHOLE, end)[0] == zlib.crc32(WHOLE[8:end])
    assert WHOLE[end + 4 :] == b"".join(SECTIONS.values())


def test_a_file_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "deep" / "a.vqz"
    assert write_vqz(path, HEADER, SECTIONS) == path.stat().st_size == len(WHOLE)
    assert read_vqz(path) == unpack_vqz(WHOLE)
    assert [file.name for file in path.parent.iterdir()] == ["a.vqz"]


def test_every_truncation_is_refused():
    for length in range(len(WHOLE)):
        with pytest.raises(CodecError, match=r"cut off|empty"):
            unpack_vqz(WHOLE[:length])


def test_every_flipped_bit_is_refused():
    for bit in range(8 * len(WHOLE)):
        flipped = bytearray(WHOLE)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CodecError):
            unpack_vqz(bytes(flipped))


def with_checksum(head: bytes) -> bytes:
    """A file of a head that was made by hand, without sections' bytes."""
    return MAGIC + head + struct.pack("<I", zlib.crc32(head))


def by_hand(text: bytes, version: int = 1, entries: bytes = b"") -> bytes:
    packed = zlib.compress(text)
    return with_checksum(struct.pack("<HHI", version, len(entries) // 20, len(packed)) + entries + packed)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is an empty file"),
        (b"\x1f\x8b\x08" + bytes(100), "is no code file"),
        (struct.pack("<i", 348) + bytes(400), "is no code file"),
        (WHOLE.replace(b"\r\n", b"\n"), "was changed on its way, as text"),
        (WHOLE + b"\0", "1 bytes follow its end"),
        (by_hand(b"{}", version=2), "is of format version 2, this package reads 1: update mrrecon"),
        (by_hand(b"[1]"), "its header is no JSON object"),
        (by_hand(b'{"a": NaN}'), "its header is no JSON"),
        (by_hand(b"[" * 50_000), "its header is no JSON"),
        (by_hand(b"\xff"), "its header is no JSON"),
        (by_hand(b'{"a":' + b"1" * 9999 + b"}"), "its header is no JSON"),
        (by_hand(b" " * (MAX_HEADER + 1)), "its header has another length"),
        (by_hand(b"{}", entries=struct.pack("<8sQI", b"codes", 1 << 60, 0)), "bytes are missing"),
        (by_hand(b"{}", entries=2 * struct.pack("<8sQI", b"codes", 0, 0)), "has the section 'codes' twice"),
        (by_hand(b"{}", entries=struct.pack("<8sQI", b"\xff", 0, 0)), "a section has no name"),
        (with_checksum(struct.pack("<HHI", 1, 0, 3) + b"abc"), "its header cannot be unpacked"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else value[:30],
)
def test_what_is_no_whole_code_file_is_refused_in_one_sentence(tmp_path, content, said):
    path = tmp_path / "a.vqz"
    path.write_bytes(content)
    with pytest.raises(CodecError) as caught:
        read_vqz(path)
    assert str(caught.value).startswith(f"{path} ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a name", "ninechars"])
def test_a_section_has_a_short_name(name):
    with pytest.raises(ValueError, match="1 to 8 letters"):
        pack_vqz({}, {name: b""})


@pytest.mark.parametrize("header", [{"a": float("nan")}, {"a": "x" * MAX_HEADER}])
def test_a_header_that_could_not_be_read_is_not_written(header):
    with pytest.raises(ValueError, match="JSON"):
        pack_vqz(header, {})

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from mrrecon.data import read_idx

DIGITS = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255])
# The time in the header would be in the names of the tests, which differ between processes then.
CUT_GZIP = gzip.compress(DIGITS, mtime=0)[:-9]


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "file"
    path.write_bytes(content)
    return path


def test_bytes_written_by_hand_are_read(tmp_path: Path) -> None:
    assert read_idx(written(tmp_path, DIGITS)).tolist() == [[[1, 2, 3]], [[4, 5, 255]]]


def test_a_packed_file_reads_as_the_plain_one(tmp_path: Path) -> None:
    assert read_idx(written(tmp_path, gzip.compress(DIGITS))).tolist() == [[[1, 2, 3]], [[4, 5, 255]]]


@pytest.mark.parametrize(
    ("code", "letter", "values", "dtype"),
    [
        (8, "B", [0, 200], np.uint8),
        (9, "b", [-5, 7], np.int8),
        (11, "h", [-300, 2], np.int16),
        (12, "i", [-70000, 1], np.int32),
        (13, "f", [0.5, -2.25], np.float32),
        (14, "d", [1e300, -0.125], np.float64),
    ],
)
def test_every_type_has_its_highest_byte_first(
    tmp_path: Path, code: int, letter: str, values: list[float], dtype: type
) -> None:
    content = bytes([0, 0, code, 1]) + struct.pack(f">I2{letter}", 2, *values)
    read = read_idx(written(tmp_path, content))
    assert read.dtype == np.dtype(dtype)
    assert read.dtype.isnative
    assert read.tolist() == values


def test_the_array_may_be_written_to(tmp_path: Path) -> None:
    assert read_idx(written(tmp_path, DIGITS)).flags.writeable


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is an empty file"),
        (gzip.compress(b"", mtime=0), "is an empty file"),
        (b"\x89PNG....", "is no idx file"),
        (bytes([0, 0, 10, 1, 0, 0, 0, 0]), "is no idx file"),
        (b"\0\0\x08", "is no idx file"),
        (DIGITS[:10], "is cut off within its header: 10 bytes, 16 wanted"),
        (DIGITS[:-1], "is cut off: 21 bytes, 22 wanted for an array of (2, 1, 3)"),
        (DIGITS + b"\0", "is longer than its header says: 23 bytes"),
        (CUT_GZIP, "is packed by gzip, but broken or cut off"),
    ],
)
def test_a_bad_file_is_refused_in_one_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(ValueError, match="file") as caught:
        read_idx(written(tmp_path, content))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing does not exist"):
        read_idx(tmp_path / "nothing")

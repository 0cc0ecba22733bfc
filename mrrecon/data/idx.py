"""Arrays in idx files, the format of the MNIST digits and of what followed them."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

__all__ = ["read_idx"]

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: "i2", 0x0C: "i4", 0x0D: "f4", 0x0E: "f8"}
"""Type of the numbers by its code in the third byte of a file."""

GZIP = b"\x1f\x8b"


def read_idx(path: str | Path) -> np.ndarray:
    """Numbers of an idx file, plain or packed by gzip, in the byte order of this machine.

    A file begins with two zero bytes, a byte for the type and one for the number of axes; then come the
    sizes, four bytes each, and the numbers, the last axis fastest, all with the highest byte first.

    Args:
        path: the file. Whether it is packed is seen from its content.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is empty, is no idx file, or is shorter or longer than it says.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "numbers-idx1-ubyte"
        >>> _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 5, 6, 7]))
        >>> read_idx(path).tolist()
        [5, 6, 7]

    Reference:
        LeCun, Cortes, Burges. The MNIST database of handwritten digits, 1998.
        http://yann.lecun.com/exdb/mnist/
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: give the path of an idx file")
    content = path.read_bytes()
    if content[:2] == GZIP:
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is packed by gzip, but broken or cut off: {error}") from error
    if not content:
        raise ValueError(f"{path} is an empty file: give an idx file")
    if content[:2] != b"\0\0" or len(content) < 4 or content[2] not in TYPES:
        raise ValueError(f"{path} is no idx file: it must begin with 0, 0 and the code of a type, 8 to 14")
    dtype, n_axes = np.dtype(TYPES[content[2]]).newbyteorder(">"), content[3]
    start = 4 + 4 * n_axes
    if len(content) < start:
        raise ValueError(f"{path} is cut off within its header: {len(content)} bytes, {start} wanted")
    shape = struct.unpack(f">{n_axes}I", content[4:start])
    wanted = start + math.prod(shape) * dtype.itemsize
    if len(content) != wanted:
        what = "is cut off" if len(content) < wanted else "is longer than its header says"
        raise ValueError(f"{path} {what}: {len(content)} bytes, {wanted} wanted for an array of {shape}")
    return np.frombuffer(content, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))

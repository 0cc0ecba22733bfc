"""BART's pair of files: ``<name>.hdr`` with the dimensions, ``<name>.cfl`` with the numbers."""

from math import prod
from pathlib import Path

import numpy as np
from jaxtyping import Complex

from mrrecon.data.kspace import Kspace
from mrrecon.files import atomic_path

__all__ = ["bart_kspace", "read_cfl", "write_cfl"]

READ, PHASE_1, PHASE_2, COIL, SLICE = 0, 1, 2, 3, 13
NAMES = ("readout", "phase 1", "phase 2", "coil", "maps", "TE", "coefficient", "coefficient 2", "iteration",
         "cardiac shift", "time", "time 2", "level", "slice", "average", "batch")  # fmt: skip


def read_cfl(path: str | Path) -> Complex[np.ndarray, "*dims"]:
    """Array of a pair of BART's files, its first axis fastest in the file, without last axes of 1.

    Args:
        path: either file, or their common name without ending.

    Raises:
        FileNotFoundError: one of the two is not there.
        ValueError: the header is none, or the data has another length than it says.

    Example:
        >>> import tempfile
        >>> name = Path(tempfile.mkdtemp()) / "a"
        >>> write_cfl(name, np.ones((2, 3), np.complex64))
        >>> read_cfl(name).shape
        (2, 3)
    """
    header, numbers = _pair(path)
    for part in (header, numbers):
        if not part.is_file():
            raise FileNotFoundError(f"{part} does not exist: BART's files come in pairs, .hdr and .cfl")
    dims = _dims(header)
    wanted, there = 8 * prod(dims), numbers.stat().st_size
    if there != wanted:
        raise ValueError(
            f"{numbers} has {there} bytes, and its header asks for {wanted}: it is cut off or foreign"
        )
    while len(dims) > 1 and dims[-1] == 1:
        dims.pop()
    return np.fromfile(numbers, "<c8").reshape(dims, order="F")


def write_cfl(path: str | Path, values: Complex[np.ndarray, "*dims"]) -> None:
    """Write an array as a pair of BART's files, each whole or not there; the header comes last.

    Args:
        path: either file, or their common name without ending.
        values: at most 16 axes.

    Raises:
        ValueError: there are more axes.

    Example:
        >>> write_cfl("a", np.zeros((1,) * 17, np.complex64))
        Traceback (most recent call last):
        ValueError: values has 17 axes: BART's files have at most 16
    """
    if values.ndim > len(NAMES):
        raise ValueError(f"values has {values.ndim} axes: BART's files have at most {len(NAMES)}")
    header, numbers = _pair(path)
    dims = [*values.shape, *[1] * (len(NAMES) - values.ndim)]
    with atomic_path(numbers) as temporary:
        temporary.write_bytes(values.astype("<c8").tobytes(order="F"))
    with atomic_path(header) as temporary:
        temporary.write_text("# Dimensions\n" + " ".join(str(n) for n in dims) + "\n", encoding="ascii")


def bart_kspace(path: str | Path) -> Kspace:
    """K-space of a pair of BART's files: axes readout, phase 1, phase 2, coil and, of 2-D data, slice.

    Args:
        path: either file.

    Raises:
        FileNotFoundError: one of the two is not there.
        ValueError: the files are broken, or have further axes.
    """
    values = read_cfl(path)
    values = values.reshape([*values.shape, *[1] * (len(NAMES) - values.ndim)])
    used = (READ, PHASE_1, PHASE_2, COIL, SLICE)
    more = [NAMES[axis] for axis, n in enumerate(values.shape) if n > 1 and axis not in used]
    if more:
        raise ValueError(f"{path} has several of {', '.join(more)}: cut out one by bart slice")
    if values.shape[PHASE_2] > 1 and values.shape[SLICE] > 1:
        raise ValueError(f"{path} has a second phase encoding and slices: cut out one slab by bart slice")
    n_fourier = 3 if values.shape[PHASE_2] > 1 else 2
    n_x, n_y, n_z, n_coils = values.shape[:4]
    data = values.reshape((n_x, n_y, max(n_z, values.shape[SLICE]), n_coils), order="F")
    return Kspace(np.ascontiguousarray(data.transpose(3, 2, 1, 0)), n_fourier=n_fourier)


def _pair(path: str | Path) -> tuple[Path, Path]:
    path = Path(path)
    stem = path.with_suffix("") if path.suffix in (".cfl", ".hdr") else path
    return stem.with_name(stem.name + ".hdr"), stem.with_name(stem.name + ".cfl")


def _dims(header: Path) -> list[int]:
    try:
        lines = header.read_text(encoding="utf-8").splitlines()
        at = next(i for i, line in enumerate(lines) if line.strip() == "# Dimensions")
        dims = [int(word) for word in lines[at + 1].split()]
    except (UnicodeDecodeError, StopIteration, IndexError, ValueError) as error:
        raise ValueError(f"{header} is no header of BART: it lacks a line of dimensions") from error
    if not dims or min(dims) < 1 or len(dims) > len(NAMES):
        raise ValueError(
            f"{header} has the dimensions {dims}: wanted 1 to {len(NAMES)} numbers, none below 1"
        )
    return dims

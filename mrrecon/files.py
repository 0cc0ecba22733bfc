"""Files of outputs: what they are called, and that they are whole or not there."""

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["atomic_path", "output_stem", "write_table"]


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A name to write to; what lies there at the end is moved to ``path``, or removed if an error came first.

    The name keeps the endings of ``path``, by which writers know the format. Missing folders are made.

    Args:
        path: the file wanted.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "a" / "scan.txt"
        >>> with atomic_path(target) as temporary:
        ...     _ = temporary.write_text("whole")
        >>> target.read_text(), len(list(target.parent.iterdir()))
        ('whole', 1)
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_table(path: str | Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows as a CSV file, written whole or not at all; the columns are those of all rows, as they first come.

    Args:
        path: the file. Missing folders are made.
        rows: values by column; what a row lacks is left empty.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "a.csv"
        >>> write_table(target, [{"scan": "a", "psnr": 31.5}, {"scan": "b", "ssim": 0.9}])
        >>> target.read_text().split()
        ['scan,psnr,ssim', 'a,31.5,', 'b,,0.9']
    """
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows(rows)


def output_stem(source: str, output_dir: str | Path, data_root_dir: str = "") -> str:
    """Path of an output, without postfix and ending: folders below ``data_root_dir``, then the scan's name.

    Args:
        source: file of the scan, or folder of its DICOM series.
        output_dir: folder of the outputs.
        data_root_dir: folder that holds all scans; empty: no folders are repeated.

    Example:
        >>> output_stem("/study/sub-1/t1.nii.gz", "/out", "/study")
        '/out/sub-1/t1'
    """
    folder, name = os.path.split(with_ending(source))
    name = os.path.splitext(name.removesuffix(".gz"))[0]  # noqa: PTH122
    below = os.path.relpath(folder, data_root_dir) if data_root_dir and folder else ""
    return os.path.normpath(os.path.join(output_dir, below, name))  # noqa: PTH118


def with_ending(source: str) -> str:
    """Path of a scan with an ending to take off.

    A folder is given one: what follows the last dot of its name is none, but often a part of a DICOM UID.

    Example:
        >>> with_ending("/study/t1.nii.gz")
        '/study/t1.nii.gz'
    """
    return f"{source.rstrip(os.sep)}.dicom" if Path(source).is_dir() else source

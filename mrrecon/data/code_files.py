"""Scans to code files and code files to scans, one at a time: what a ``FileLoop`` calls."""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mrrecon.codec.container import CodecError, read_vqz
from mrrecon.codec.scan_file import scan_header
from mrrecon.data.scan_codec import ScanCodec, write_decoded
from mrrecon.data.scans import ScanDataset
from mrrecon.data.writer import write_whole
from mrrecon.files import output_stem

__all__ = ["CodeFileReader", "CodeFileWriter"]

Row = dict[str, Any]


class CodeFileWriter:
    """Writes ``<name>.vqz`` for a scan, unless it is there already.

    Args:
        dataset: scans and what reads them.
        codec: what codes them.
        output_dir: folder of the files.
        data_root_dir: folders of the scans below it are repeated below ``output_dir``.
    """

    doing = "encoding"

    def __init__(
        self, dataset: ScanDataset, codec: ScanCodec, *, output_dir: str | Path, data_root_dir: str = ""
    ) -> None:
        codec.prepare()
        self.dataset = dataset
        self.codec = codec
        self.output_dir = output_dir
        self.data_root_dir = data_root_dir

    def __len__(self) -> int:
        return len(self.dataset)

    def name(self, index: int) -> str:
        """Path of a scan."""
        return str(self.dataset.data[index]["image"])

    def __call__(self, index: int) -> Row:
        """Write the code file of a scan, and give its row of the table.

        Raises:
            ValueError: the scan cannot be read or stored.
        """
        source = self.name(index)
        path = Path(output_stem(source, self.output_dir, self.data_root_dir) + ".vqz")
        start = time.perf_counter()
        done = self.codec.has(path, source)
        if not done:
            item = self.dataset[index]
            if "refused" in item:
                raise ValueError(item["refused"])
            write_whole(path, self.codec.encode(item["image"]))
        seconds = "" if done else round(time.perf_counter() - start, 3)
        return {"scan": source, **_sizes(path), "seconds_encode": seconds, "file": str(path)}


class CodeFileReader:
    """Writes ``<name>_recon.nii.gz`` for a code file, in the geometry of its scan.

    Args:
        files: as ``code_list`` gives them.
        codec: what decodes them.
        output_dir: folder of the images.
        data_root_dir: folders of the files below it are repeated below ``output_dir``.
    """

    doing = "decoding"

    def __init__(
        self,
        files: list[Mapping[str, str]],
        codec: ScanCodec,
        *,
        output_dir: str | Path,
        data_root_dir: str = "",
    ) -> None:
        self.files = files
        self.codec = codec
        self.output_dir = output_dir
        self.data_root_dir = data_root_dir

    def __len__(self) -> int:
        return len(self.files)

    def name(self, index: int) -> str:
        """Path of a code file."""
        return str(self.files[index]["image"])

    def __call__(self, index: int) -> Row:
        """Write the scan of a code file, and give its row of the table.

        Raises:
            CodecError: the file cannot be decoded.
        """
        source = self.name(index)
        path = Path(output_stem(source, self.output_dir, self.data_root_dir) + "_recon.nii.gz")
        start = time.perf_counter()
        container = read_vqz(source)
        try:
            write_decoded(self.codec.decode(container), path)
        except CodecError as error:
            raise CodecError(f"{source} {error}") from error
        seconds = round(time.perf_counter() - start, 3)
        return {"file": source, **_sizes(Path(source)), "seconds_decode": seconds, "image": str(path)}


def _sizes(path: Path) -> Row:
    header = scan_header(read_vqz(path))
    n_voxels, n_bytes = math.prod(header.shape), path.stat().st_size
    return {
        "shape": "x".join(str(side) for side in header.shape),
        "bytes_float32": 4 * n_voxels,
        "bytes_file": n_bytes,
        "percent_file": round(100 * n_bytes / (4 * n_voxels), 4),
        "bits_per_voxel_file": round(8 * n_bytes / n_voxels, 4),
    }

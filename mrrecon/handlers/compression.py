"""What a compression run leaves behind: codes, metrics, a table and a page."""

import json
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events
from monai.engines.utils import IterationEvents
from monai.utils import convert_to_tensor, ensure_tuple

from mrrecon.files import atomic_path, output_stem, write_table
from mrrecon.handlers.code_files import finish_coding, is_coding
from mrrecon.handlers.summary import summary_of
from mrrecon.handlers.text_table import text_table
from mrrecon.handlers.tissue_dice import DICE_COLUMNS, TissueDice
from mrrecon.metrics import log_mmd, ms_ssim, psnr
from mrrecon.threads import torch_threads

__all__ = ["CompressionRecorder", "code_entropy", "gzipped_size"]

Row = dict[str, Any]

_WORSE = {
    "psnr": min,
    "ms_ssim": min,
    "log_mmd": max,
    "percent": max,
    "percent_file": max,
    "bits_per_voxel": max,
    **dict.fromkeys(DICE_COLUMNS, min),
}
"""Which of two values of a metric is the worse one."""

_COLUMNS = {
    "psnr": ("PSNR, dB", ".2f"),
    "ms_ssim": ("MS-SSIM", ".4f"),
    "log_mmd": ("log MMD", ".2f"),
    **{name: (title, ".3f") for name, title in DICE_COLUMNS.items()},
}
"""Title and format of the printed metrics."""


def code_entropy(indices: np.ndarray) -> float:
    """Entropy of the indices, in bits an index: what an ideal coder without context needs.

    Example:
        >>> code_entropy(np.array([0, 0, 7, 7]))
        1.0
    """
    counts = np.unique(indices, return_counts=True)[1]
    p = counts / counts.sum()
    return float(-(p * np.log2(p)).sum()) + 0.0


def gzipped_size(values: np.ndarray) -> int:
    """Bytes of a scan as int16, gzipped, as it lies on disks. Other than whole numbers become 4096 steps.

    Example:
        >>> gzipped_size(np.zeros((10, 10, 10)))
        35
    """
    low, high = values.min(), values.max()
    # A plane at a time: fresh memory for whole scans costs more than the arithmetic.
    whole = -(1 << 15) <= np.rint(low) <= np.rint(high) < 1 << 15
    whole = whole and all(np.abs(plane - np.rint(plane)).max() <= 0.05 for plane in values)
    factor = 4095 / (float(high - low) or 1.0)
    stored = np.empty(values.shape, "<i2")
    for place, plane in zip(stored, values, strict=True):
        place[:] = np.rint(plane if whole else (plane - low) * factor)
    packer = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS + 16)
    return len(packer.compress(stored.tobytes(order="F"))) + len(packer.flush())


class CompressionRecorder:
    """Handler that measures each scan, writes its codes, and ends with a table.

    Attach it to a ``CompressionEvaluator``. It sees original and reconstruction before any postprocessing,
    scaled by the robust range of the scan: all metrics have a data range of 1.

    Files in ``output_dir``: ``<name>_codes.npz`` (the plain indices), ``metrics.csv`` (a row a scan, written
    anew after each scan), ``metrics.json`` (the rows, their mean, standard deviation and worst, the scans
    that were refused, and with ``tissues`` those whose tissues were not found).

    Sizes of a scan: as ``float32``, as ``int16``, that gzipped; its indices as they are (``codes``), at the
    entropy of their frequencies, at a byte for each number of their codes, as the paper counts (``paper``);
    and its code file, if the iteration made one (``file``, see ``CodeFiles``).

    The row of a scan is written when its image is, and its code file, which other threads may still be making
    until then: to them, measuring leaves one of torch's threads.

    Args:
        output_dir: folder of the outputs.
        data_root_dir: folders of the scans below it are repeated below ``output_dir``.
        n_codes: codes a level; decides the bytes of a raw index.
        code_channels: numbers of a code, finest level first, for the size as the paper counts; None: without.
        write_codes: whether to write the plain indices.
        scale_of: slope and offset from the intensities seen here to those of the scan:
            ``mrrecon.transforms.intensity_scale``, for the size as int16 and gzipped; None: without.
        tissues: adds ``dice_wm``, ``dice_gm`` and ``dice_csf``; None: without.
        page: the page of the run, with ``add`` for a scan and ``close``; None: no page.
    """

    def __init__(
        self,
        output_dir: str | Path,
        *,
        data_root_dir: str = "",
        n_codes: int = 256,
        code_channels: Sequence[int] | None = None,
        write_codes: bool = True,
        scale_of: Callable[[Any], tuple[float, float]] | None = None,
        tissues: TissueDice | None = None,
        page: Any = None,
    ) -> None:
        self.output_dir = Path(output_dir)
        self.data_root_dir = data_root_dir
        self.index_type = np.uint8 if n_codes <= 256 else np.uint16
        self.code_channels = code_channels
        self.write_codes = write_codes
        self.scale_of = scale_of
        self.tissues = tissues
        self.page = page
        self.rows: list[Row] = []
        self._finish: Callable[[], None] | None = None

    def attach(self, engine: Engine) -> None:
        """Hear the evaluator."""
        engine.add_event_handler(IterationEvents.FORWARD_COMPLETED, self.record)
        engine.add_event_handler(IterationEvents.MODEL_COMPLETED, self.finish)
        engine.add_event_handler(Events.COMPLETED, self.close)

    def record(self, engine: Engine) -> None:
        """Measure the scans of the iteration, which came in a batch of one."""
        output: Any = engine.state.output
        image = convert_to_tensor(output["image"], track_meta=False)
        pred = convert_to_tensor(output["pred"], track_meta=False)
        fields = [field[0].cpu().numpy().astype(self.index_type) for field in output["codes"]]
        source = str(ensure_tuple(output["image"].meta["filename_or_obj"])[0])
        with torch_threads(torch.get_num_threads() - is_coding(output)):
            row = {"scan": source, **_measured(image.cpu(), pred.cpu(), fields)}
        row |= self._other_sizes(output, image, fields)
        tissues = {} if self.tissues is None else self.tissues(output["image"], pred, scan=source)

        def finish() -> None:
            finish_coding(output)
            self._add(output, row | _file_sizes(output, image) | tissues, pred, fields)

        self._finish = finish

    def finish(self, engine: Engine) -> None:  # noqa: ARG002 - ignite's interface
        """Write what was measured, the code file and the image being there."""
        finish, self._finish = self._finish, None
        if finish is not None:
            finish()

    def _add(
        self, output: dict[str, Any], row: Row, pred: torch.Tensor, fields: Sequence[np.ndarray]
    ) -> None:
        row["seconds_encode"] = round(output["seconds_encode"], 3)
        row["seconds_decode"] = round(output["seconds_decode"], 3)
        if self.write_codes:
            path = Path(output_stem(row["scan"], self.output_dir, self.data_root_dir) + "_codes.npz")
            with atomic_path(path) as temporary:
                names: dict[str, Any] = {f"codes{level}": field for level, field in enumerate(fields, 1)}
                np.savez_compressed(temporary, shape=np.array(pred.shape[2:]), **names)
            row["codes"] = str(path)
        self.rows.append(row)
        write_table(self.output_dir / "metrics.csv", self.rows)
        if self.page is not None:
            self.page.add(output["image"], pred, fields, row)

    def close(self, engine: Engine) -> None:
        """Write the summary and print the table, if any scan could be read."""
        if not self.rows:
            return
        summary = summary_of(self.rows, _WORSE)
        with atomic_path(self.output_dir / "metrics.json") as temporary:
            content = {"scans": self.rows, "summary": summary, "refused": getattr(engine, "refused", [])}
            if self.tissues is not None:
                content["tissues_not_found"] = self.tissues.not_found
            temporary.write_text(json.dumps(content, indent=2) + "\n")
        if self.page is not None:
            self.page.close()
        print(_table(self.rows, summary, self.output_dir))  # noqa: T201
        if self.tissues is not None and self.tissues.not_found:
            print(self.tissues.sentence)  # noqa: T201

    def _other_sizes(self, output: dict[str, Any], image: torch.Tensor, fields: Sequence[np.ndarray]) -> Row:
        n_voxels = image[0, 0].numel()
        sizes: Row = {"bytes_int16": 2 * n_voxels}
        if self.scale_of is not None:
            slope, offset = self.scale_of(output["image"])
            values = image[0, 0].cpu().numpy() * slope
            values += offset
            sizes["bytes_gzip"] = gzipped_size(values)
        if self.code_channels is not None:
            sizes["bytes_paper"] = sum(
                field.size * n for field, n in zip(fields, self.code_channels, strict=True)
            )
        return sizes


def _file_sizes(output: dict[str, Any], image: torch.Tensor) -> Row:
    if "bytes_file" not in output:
        return {}
    size = output["bytes_file"]
    return {"bytes_file": size, "percent_file": round(100 * size / (4 * image[0, 0].numel()), 4)}


def _measured(image: torch.Tensor, pred: torch.Tensor, fields: Sequence[np.ndarray]) -> Row:
    n_voxels = image[0, 0].numel()
    raw = sum(field.nbytes for field in fields)
    entropy_coded = math.ceil(sum(field.size * code_entropy(field) for field in fields) / 8)
    return {
        "shape": "x".join(str(side) for side in image.shape[2:]),
        "bytes_float32": 4 * n_voxels,
        "bytes_codes": raw,
        "bytes_entropy": entropy_coded,
        "percent": round(100 * raw / (4 * n_voxels), 4),
        "bits_per_voxel": round(8 * raw / n_voxels, 4),
        "psnr": round(float(psnr(pred, image, data_range=1.0)), 3),
        "ms_ssim": round(float(ms_ssim(pred, image, data_range=1.0)), 5),
        "log_mmd": round(float(log_mmd(pred.float(), image.float())), 4),
        "perplexity": " ".join(f"{2 ** code_entropy(field):.1f}" for field in fields),
    }


def _table(rows: Sequence[Row], summary: Mapping[str, Mapping[str, float]], output_dir: Path) -> str:
    has_files = "bytes_file" in rows[0]
    size = "file" if has_files else "codes"
    percent = "percent_file" if has_files else "percent"
    metrics = {name: column for name, column in _COLUMNS.items() if name in summary}
    titles = (title for title, _ in metrics.values())
    head = ("scan", f"{size}, bytes", "% of float32", "bits/voxel", *titles, "seconds")
    body = [
        (
            Path(row["scan"]).name,
            f"{row[f'bytes_{size}']:,}",
            f"{row[percent]:.3f}",
            f"{_bits_per_voxel(row[percent]):.3f}",
            *(format(row[name], form) if name in row else "" for name, (_, form) in metrics.items()),
            f"{row['seconds_encode'] + row['seconds_decode']:.1f}",
        )
        for row in rows
    ]
    kinds = ("mean", "sd", "worst") if len(rows) > 1 else ()
    ends = [
        (
            kind,
            "",
            f"{summary[percent][kind]:.3f}",
            f"{_bits_per_voxel(summary[percent][kind]):.3f}",
            *(format(summary[name][kind], form) for name, (_, form) in metrics.items()),
            "",
        )
        for kind in kinds
    ]
    lines = ["", text_table(head, body, ends), "", _sizes(rows), f"outputs: {output_dir.resolve()}"]
    return "\n".join(lines)


def _sizes(rows: Sequence[Row]) -> str:
    """All ways to count, of all scans together, in percent of float32."""
    names = {
        "file": "code files",
        "codes": "indices",
        "entropy": "entropy of the indices",
        "paper": "numbers of the codes, a byte each",
        "int16": "scans as int16",
        "gzip": "gzipped",
    }
    whole = sum(row["bytes_float32"] for row in rows)
    parts = [
        f"{words} {100 * sum(row[f'bytes_{name}'] for row in rows) / whole:.3f}"
        for name, words in names.items()
        if f"bytes_{name}" in rows[0]
    ]
    return f"percent of float32: {', '.join(parts)}"


def _bits_per_voxel(percent: float) -> float:
    """Of percent of float32."""
    return 32 * percent / 100

"""What a compression run leaves behind: codes, metrics, a table and a page."""

import csv
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events
from monai.engines.utils import IterationEvents
from monai.utils import convert_to_tensor, ensure_tuple

from mrrecon.files import atomic_path, output_stem
from mrrecon.metrics import ms_ssim, psnr

__all__ = ["CompressionRecorder", "code_entropy"]

Row = dict[str, Any]


def code_entropy(indices: np.ndarray) -> float:
    """Entropy of the indices, in bits an index: what an ideal coder without context needs.

    Example:
        >>> code_entropy(np.array([0, 0, 7, 7]))
        1.0
    """
    counts = np.unique(indices, return_counts=True)[1]
    p = counts / counts.sum()
    return float(-(p * np.log2(p)).sum()) + 0.0


class CompressionRecorder:
    """Handler that measures each scan, writes its codes, and ends with a table.

    Attach it to a ``CompressionEvaluator``. It sees original and reconstruction before any postprocessing,
    scaled by the robust range of the scan: all metrics have a data range of 1.

    Files in ``output_dir``: ``<name>_codes.npz``, ``metrics.csv`` (a row a scan, written anew after each
    scan), ``metrics.json`` (the rows, their mean, standard deviation and worst, and the scans that were
    refused).

    Args:
        output_dir: folder of the outputs.
        data_root_dir: folders of the scans below it are repeated below ``output_dir``.
        n_codes: codes a level; decides the bytes of a raw index.
        write_codes: whether to write the codes.
        page: the page of the run, with ``add`` for a scan and ``close``; None: no page.
    """

    def __init__(
        self,
        output_dir: str | Path,
        *,
        data_root_dir: str = "",
        n_codes: int = 256,
        write_codes: bool = True,
        page: Any = None,
    ) -> None:
        self.output_dir = Path(output_dir)
        self.data_root_dir = data_root_dir
        self.index_type = np.uint8 if n_codes <= 256 else np.uint16
        self.write_codes = write_codes
        self.page = page
        self.rows: list[Row] = []

    def attach(self, engine: Engine) -> None:
        """Hear the evaluator."""
        engine.add_event_handler(IterationEvents.FORWARD_COMPLETED, self.record)
        engine.add_event_handler(Events.COMPLETED, self.close)

    def record(self, engine: Engine) -> None:
        """Measure the scans of the iteration, which came in a batch of one."""
        output: Any = engine.state.output
        image = convert_to_tensor(output["image"], track_meta=False)
        pred = convert_to_tensor(output["pred"], track_meta=False)
        fields = [field[0].cpu().numpy().astype(self.index_type) for field in output["codes"]]
        source = str(ensure_tuple(output["image"].meta["filename_or_obj"])[0])
        row = _measured(image.cpu(), pred.cpu(), fields)
        row["seconds_encode"] = round(output["seconds_encode"], 3)
        row["seconds_decode"] = round(output["seconds_decode"], 3)
        if self.write_codes:
            path = Path(output_stem(source, self.output_dir, self.data_root_dir) + "_codes.npz")
            with atomic_path(path) as temporary:
                names = {f"codes{level}": field for level, field in enumerate(fields, start=1)}
                np.savez_compressed(temporary, shape=np.array(image.shape[2:]), **names)
            row["codes"] = str(path)
        row = {"scan": source, **row}
        self.rows.append(row)
        self._write_table()
        if self.page is not None:
            self.page.add(output["image"], pred, fields, row)

    def close(self, engine: Engine) -> None:
        """Write the summary and print the table, if any scan could be read."""
        if not self.rows:
            return
        summary = _summary(self.rows)
        with atomic_path(self.output_dir / "metrics.json") as temporary:
            content = {"scans": self.rows, "summary": summary, "refused": getattr(engine, "refused", [])}
            temporary.write_text(json.dumps(content, indent=2) + "\n")
        if self.page is not None:
            self.page.close()
        print(_table(self.rows, summary, self.output_dir))  # noqa: T201

    def _write_table(self) -> None:
        with (
            atomic_path(self.output_dir / "metrics.csv") as temporary,
            temporary.open("w", newline="") as stream,
        ):
            writer = csv.DictWriter(stream, fieldnames=list(self.rows[0]))
            writer.writeheader()
            writer.writerows(self.rows)


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
        "perplexity": " ".join(f"{2 ** code_entropy(field):.1f}" for field in fields),
    }


def _summary(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """Mean, standard deviation (over scans, n - 1) and worst of each metric."""
    summary = {}
    for name, worst in (("psnr", min), ("ms_ssim", min), ("percent", max), ("bits_per_voxel", max)):
        values = [float(row[name]) for row in rows]
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        summary[name] = {"mean": statistics.fmean(values), "sd": spread, "worst": worst(values)}
    return summary


def _table(rows: Sequence[Row], summary: Mapping[str, Mapping[str, float]], output_dir: Path) -> str:
    head = ("scan", "codes, bytes", "% of float32", "bits/voxel", "PSNR, dB", "MS-SSIM", "seconds")
    body = [
        (
            Path(row["scan"]).name,
            f"{row['bytes_codes']:,}",
            f"{row['percent']:.3f}",
            f"{row['bits_per_voxel']:.3f}",
            f"{row['psnr']:.2f}",
            f"{row['ms_ssim']:.4f}",
            f"{row['seconds_encode'] + row['seconds_decode']:.1f}",
        )
        for row in rows
    ]
    ends = [] if len(rows) == 1 else [_summary_line(summary, kind) for kind in ("mean", "sd", "worst")]
    widths = [max(len(cell) for cell in column) for column in zip(head, *body, *ends, strict=True)]
    rule = "  ".join("-" * width for width in widths)
    lines = [_line(head, widths), rule, *(_line(cells, widths) for cells in body)]
    if ends:
        lines += [rule, *(_line(cells, widths) for cells in ends)]
    return "\n".join(["", *lines, "", f"outputs: {output_dir.resolve()}"])


def _summary_line(summary: Mapping[str, Mapping[str, float]], kind: str) -> tuple[str, ...]:
    return (
        kind,
        "",
        f"{summary['percent'][kind]:.3f}",
        f"{summary['bits_per_voxel'][kind]:.3f}",
        f"{summary['psnr'][kind]:.2f}",
        f"{summary['ms_ssim'][kind]:.4f}",
        "",
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]).rstrip()

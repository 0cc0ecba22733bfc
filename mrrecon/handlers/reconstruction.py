"""What a run of solvers leaves behind: metrics, a table and a page."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from mrrecon.files import atomic_path, write_table
from mrrecon.handlers.missing import INTERVALS, missing_metrics
from mrrecon.handlers.text_table import text_table
from mrrecon.handlers.tissue_dice import DICE_COLUMNS, TissueDice
from mrrecon.metrics import nmse, psnr, ssim

__all__ = ["ReconstructionRecorder", "image_metrics"]

Row = dict[str, Any]

WINDOW = 7
"""Width of SSIM's window in pixels, as fastMRI's."""


def image_metrics(pred: Tensor, label: Tensor) -> Row:
    """PSNR (dB) and SSIM over the range of the label, and NMSE.

    SSIM is that of slices across the shortest axis, averaged, with a Gaussian window of seven pixels; it is
    left out where slices are smaller than that.

    Args:
        pred: image (1, x, y, z).
        label: reference of the same shape.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> import torch
        >>> image_metrics(torch.ones(1, 8, 8, 1), torch.eye(8).reshape(1, 8, 8, 1))["nmse"]
        7.0
    """
    if pred.shape != label.shape:
        raise ValueError(
            f"the label has the shape {tuple(label.shape)}, the image {tuple(pred.shape)}: give equal grids"
        )
    pred, label = pred.double(), label.double()
    data_range = float(label.max() - label.min()) or 1.0
    row = {"psnr": round(float(psnr(pred[None], label[None], data_range=data_range)), 3)}
    thin = min(range(1, 4), key=lambda axis: label.shape[axis])
    slices = [x.movedim(thin, 0) for x in (pred, label)]
    if min(slices[0].shape[2:]) >= WINDOW:
        values = ssim(*slices, data_range=data_range, window_size=WINDOW)
        row["ssim"] = round(float(values.mean()), 5)
    row["nmse"] = float(f"{float(nmse(pred[None], label[None])):.4g}")
    return row


class ReconstructionRecorder:
    """Handler that measures each scan and ends with a table.

    Attach it to a ``SolverEvaluator``. It sees images after the postprocessing, in the units and the geometry
    of the files. PSNR, SSIM and NMSE are there where a label is, of the result and (``start_...``) of the
    first estimate, and, of an image with holes, ``missing_...`` over them; where a standard deviation came
    with it, too, the ``coverage_...`` of its intervals. What the image leaves unexplained of the measurement
    (``residual``) is there always.

    Files in ``output_dir``: ``metrics.csv`` (a row a scan, written anew after each), ``metrics.json`` (the
    rows, mean, standard deviation and worst of each method, the scans that were refused, and with
    ``tissues`` those whose tissues were not found).

    Args:
        output_dir: folder of the outputs.
        tissues: adds ``dice_wm``, ``dice_gm`` and ``dice_csf`` of label and result; None: without.
        page: the page of the run, with ``add`` for a scan and ``close``; None: no page.
    """

    def __init__(
        self, output_dir: str | Path, *, tissues: TissueDice | None = None, page: Any = None
    ) -> None:
        self.output_dir = Path(output_dir)
        self.tissues = tissues
        self.page = page
        self.rows: list[Row] = []

    def attach(self, engine: Engine) -> None:
        """Hear the evaluator."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.record)
        engine.add_event_handler(Events.COMPLETED, self.close)

    def record(self, engine: Engine) -> None:
        """Measure the scan of the iteration, which came in a batch of one."""
        runner: Any = engine
        if runner.solution is None:
            return
        output: Any = engine.state.output
        batch: Any = engine.state.batch
        output, batch = output[0], batch[0]
        solution, pred = runner.solution, output["pred"].as_tensor().cpu()
        label = output["label"].as_tensor().cpu() if "label" in output else None
        method = batch.get("method") or getattr(runner.network, "method", "network")
        row: Row = {
            "scan": str(output["pred"].meta["filename_or_obj"]),
            "method": method,
            "shape": "x".join(str(side) for side in pred.shape[1:]),
        }
        if label is not None:
            row |= image_metrics(_real(pred), _real(label))
            row |= _in_holes(batch["image"], output, _real(pred), _real(label))
            start = output["start"].as_tensor().cpu()
            if start.shape == pred.shape:
                before = image_metrics(_real(start), _real(label))
                row |= {f"start_{name}": value for name, value in before.items()}
        if self.tissues is not None:
            row |= self._dice(self.tissues, output, row)
        row |= {
            "residual": float(f"{solution.residual:.4g}"),
            "iterations": solution.iterations,
            "converged": solution.converged,
            "seconds": round(runner.seconds, 3),
            "model": solution.model,
        }
        self.rows.append(row)
        write_table(self.output_dir / "metrics.csv", self.rows)
        if self.page is not None:
            self.page.add(batch["image"], output, solution, row)

    def close(self, engine: Engine) -> None:
        """Write the summary and print the table, if any scan could be reconstructed."""
        if not self.rows:
            return
        summary = summary_of(self.rows)
        with atomic_path(self.output_dir / "metrics.json") as temporary:
            content = {"scans": self.rows, "summary": summary, "refused": getattr(engine, "refused", [])}
            if self.tissues is not None:
                content["tissues_not_found"] = self.tissues.not_found
            temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        if self.page is not None:
            self.page.close()
        print(table(self.rows, summary, self.output_dir))  # noqa: T201
        if self.tissues is not None and self.tissues.not_found:
            print(self.tissues.sentence)  # noqa: T201

    def _dice(self, tissues: TissueDice, output: Mapping[str, Any], row: Row) -> dict[str, float]:
        """Dice of the label and the result, which lie on one grid."""
        if "label" not in output:
            item = {"scan": row["scan"], "reason": "there is no label to compare with"}
            tissues.not_found += [item] if item not in tissues.not_found else []
            return {}
        label = output["label"]
        image = MetaTensor(_real(label.as_tensor())[None], affine=label.affine)
        pred = _real(output["pred"].as_tensor())[None]
        return tissues(image, pred, scan=row["scan"], method=row["method"])


def _in_holes(image: Tensor, output: Mapping[str, Any], pred: Tensor, label: Tensor) -> Row:
    """Metrics over the voxels that the measurement, an image with NaN in its holes, does not have."""
    seen = image.as_tensor().isfinite().cpu()  # type: ignore[attr-defined]
    if seen.shape != label.shape or bool(seen.all()):
        return {}
    if "std" not in output:
        return missing_metrics(pred, label, seen)
    std = output["std"].as_tensor().cpu()
    return missing_metrics(pred, label, seen, std=std, n_completions=len(output["completions"]))


def _real(image: Tensor) -> Tensor:
    """Magnitude of complex numbers, real ones as they are."""
    return image.abs() if image.is_complex() else image


WORSE = {
    "psnr": min,
    "ssim": min,
    "nmse": max,
    "missing_psnr": min,
    "missing_ssim": min,
    "missing_mse": max,
    **{f"coverage_{percent}{where}": min for where in ("", "_tissue") for percent in INTERVALS},
    **dict.fromkeys(DICE_COLUMNS, min),
    "residual": max,
    "seconds": max,
}


COLUMNS = (
    ("psnr", "PSNR, dB", ".2f"),
    ("ssim", "SSIM", ".4f"),
    ("missing_psnr", "missing, dB", ".2f"),
    ("nmse", "NMSE", ".4g"),
    *((name, title, ".3f") for name, title in DICE_COLUMNS.items()),
    ("residual", "residual", ".4f"),
    ("iterations", "iterations", "d"),
    ("seconds", "seconds", ".1f"),
)
"""Name in a row, title and format of the printed columns."""

ALWAYS = ("psnr", "ssim", "nmse", "residual", "iterations", "seconds")
"""Those that are printed even where no row has them."""


def summary_of(rows: Sequence[Row]) -> dict[str, dict[str, dict[str, float]]]:
    """Mean, standard deviation (over scans, n - 1) and worst of each metric, by method."""
    summary: dict[str, dict[str, dict[str, float]]] = {}
    for method in dict.fromkeys(row["method"] for row in rows):
        summary[method] = {}
        for name, worst in WORSE.items():
            values = [float(row[name]) for row in rows if row["method"] == method and name in row]
            if values:
                spread = statistics.stdev(values) if len(values) > 1 else 0.0
                summary[method][name] = {
                    "mean": statistics.fmean(values),
                    "sd": spread,
                    "worst": worst(values),
                }
    return summary


def table(rows: Sequence[Row], summary: Mapping[str, Any], output_dir: Path) -> str:
    """Rows as text, and the means of each method where there are several rows of it."""
    columns = [column for column in COLUMNS if column[0] in ALWAYS or any(column[0] in row for row in rows)]
    head = ("scan", "method", *(title for _, title, _ in columns))
    body = [
        (
            Path(row["scan"]).name,
            row["method"],
            *(_number(row, name, form) for name, _, form in columns),
        )
        for row in rows
    ]
    ends = []
    if len(rows) > len(summary):
        for method, values in summary.items():
            means = {name: value["mean"] for name, value in values.items()}
            ends.append(("mean", method, *(_number(means, name, form) for name, _, form in columns)))
    return f"\n{text_table(head, body, ends, n_left=2)}\n\noutputs: {output_dir.resolve()}"


def _number(row: Mapping[str, Any], name: str, form: str) -> str:
    return format(row[name], form) if name in row else ""

"""What a run of a network with one code a scan leaves behind: codes, metrics, a table and a page."""

import json
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from ignite.engine import Engine, Events
from monai.data.utils import decollate_batch
from monai.engines.utils import IterationEvents
from monai.utils import convert_to_tensor, ensure_tuple
from torch import Tensor

from mrrecon.files import atomic_path, output_stem, write_table
from mrrecon.handlers.summary import summary_of
from mrrecon.handlers.text_table import text_table
from mrrecon.handlers.tissue_dice import DICE_COLUMNS, TissueDice
from mrrecon.metrics import log_mmd, ms_ssim, psnr

__all__ = ["LatentRecorder"]

Row = dict[str, Any]

MEASURED = {"psnr": min, "ms_ssim": min, "log_mmd": max}
"""Metrics of a pair of images, and which of two values is the worse one."""

_WORSE = {
    **{f"{at}{name}": worst for at in ("", "scan_") for name, worst in MEASURED.items()},
    **dict.fromkeys(DICE_COLUMNS, min),
}
"""Which of two values of a metric is the worse one."""


@runtime_checkable
class View(Protocol):
    """What brought the scan to the grid of the network: ``mrrecon.transforms.FieldOfViewd``."""

    def inverse(self, data: Any) -> Any:
        """Bring ``data["image"]`` back to the grid of the scan."""


class LatentRecorder:
    """Handler that measures each scan, writes its code, and ends with a table.

    Attach it to a ``CompressionEvaluator``. All is measured in the range of the scan from 0 to 1: on the grid
    of the network (``psnr``, ``ms_ssim``, ``log_mmd``), and against the scan itself, to whose grid the
    reconstruction is brought (``scan_psnr``, ...). What leaves a network in [-1, 1], as from a hyperbolic
    tangent, is never compared in that range. Tissues are those of the scan on its own grid.

    Files in ``output_dir``: ``<name>_code.npy`` (float32), ``metrics.csv`` (a row a scan, written anew after
    each scan), ``metrics.json`` (the rows, their mean, standard deviation and worst, the scans that were
    refused, and with ``tissues`` those whose tissues were not found).

    Args:
        output_dir: folder of the outputs.
        data_root_dir: folders of the scans below it are repeated below ``output_dir``.
        view: what brought the scan to the grid of the network; None: metrics on that grid alone.
        scan_key: under this key the batch holds the scan before that, in the same range.
        write_codes: whether to write the codes.
        tissues: adds ``dice_wm``, ``dice_gm`` and ``dice_csf``; None: without.
        page: the page of the run, with ``add`` for a scan and ``close``; None: no page.
    """

    def __init__(
        self,
        output_dir: str | Path,
        *,
        data_root_dir: str = "",
        view: View | None = None,
        scan_key: str = "scan",
        write_codes: bool = True,
        tissues: TissueDice | None = None,
        page: Any = None,
    ) -> None:
        self.output_dir = Path(output_dir)
        self.data_root_dir = data_root_dir
        self.view = view
        self.scan_key = scan_key
        self.write_codes = write_codes
        self.tissues = tissues
        self.page = page
        self.rows: list[Row] = []

    def attach(self, engine: Engine) -> None:
        """Hear the evaluator."""
        engine.add_event_handler(IterationEvents.FORWARD_COMPLETED, self.record)
        engine.add_event_handler(Events.COMPLETED, self.close)

    def record(self, engine: Engine) -> None:
        """Measure the scan of the iteration, which came in a batch of one."""
        output: Any = engine.state.output
        batch: Any = engine.state.batch
        image = convert_to_tensor(output["image"], track_meta=False).cpu()
        pred = convert_to_tensor(output["pred"], track_meta=False).cpu()
        code = output["codes"][0][0].cpu().numpy().astype(np.float32)
        source = str(ensure_tuple(output["image"].meta["filename_or_obj"])[0])
        row: Row = {"scan": source, "code_numbers": code.size, **_measured(pred, image)}
        compared = output["image"], pred
        if self.view is not None:
            scan = convert_to_tensor(batch[self.scan_key], track_meta=False).cpu()
            # A copy: the inverse takes the trace away, which the postprocessing needs.
            back = self.view.inverse({"image": deepcopy(decollate_batch(output["pred"])[0])})["image"]
            back = convert_to_tensor(back, track_meta=False).cpu()[None]
            compared = batch[self.scan_key], back
            row |= {"shape": "x".join(str(side) for side in scan.shape[2:])}
            row |= {f"scan_{name}": value for name, value in _measured(back, scan).items()}
        if self.tissues is not None:
            row |= self.tissues(*compared, scan=source)
        row["seconds_encode"] = round(output["seconds_encode"], 3)
        row["seconds_decode"] = round(output["seconds_decode"], 3)
        if self.write_codes:
            path = Path(output_stem(source, self.output_dir, self.data_root_dir) + "_code.npy")
            with atomic_path(path) as temporary:
                np.save(temporary, code)
            row["code"] = str(path)
        self.rows.append(row)
        write_table(self.output_dir / "metrics.csv", self.rows)
        if self.page is not None:
            self.page.add(output["image"], pred, [], row)

    def close(self, engine: Engine) -> None:
        """Write the summary and print the table, if any scan could be read."""
        if not self.rows:
            return
        summary = summary_of(self.rows, _WORSE)
        with atomic_path(self.output_dir / "metrics.json") as temporary:
            content = {"scans": self.rows, "summary": summary, "refused": getattr(engine, "refused", [])}
            if self.tissues is not None:
                content["tissues_not_found"] = self.tissues.not_found
            temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        if self.page is not None:
            self.page.close()
        print(_table(self.rows, summary, self.output_dir))  # noqa: T201
        if self.tissues is not None and self.tissues.not_found:
            print(self.tissues.sentence)  # noqa: T201


def _measured(pred: Tensor, image: Tensor) -> Row:
    pred, image = pred.to(torch.float32), image.to(torch.float32)
    return {
        "psnr": round(float(psnr(pred, image, data_range=1.0)), 3),
        "ms_ssim": round(float(ms_ssim(pred, image, data_range=1.0)), 5),
        "log_mmd": round(float(log_mmd(pred, image)), 4),
    }


def _table(rows: Sequence[Row], summary: dict[str, dict[str, float]], output_dir: Path) -> str:
    metrics = list(summary)
    head = ["scan", *metrics, "seconds"]
    body = [
        [
            Path(row["scan"]).name,
            *(f"{row[name]:.3f}" if name in row else "" for name in metrics),
            f"{row['seconds_encode'] + row['seconds_decode']:.1f}",
        ]
        for row in rows
    ]
    kinds = ("mean", "sd", "worst") if len(rows) > 1 else ()
    ends = [[kind, *(f"{summary[name][kind]:.3f}" for name in metrics), ""] for kind in kinds]
    return f"\n{text_table(head, body, ends)}\n\noutputs: {output_dir.resolve()}"

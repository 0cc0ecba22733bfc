"""What a run of tissue segmentation leaves behind: volumes, agreement with labels, a table and a page."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ignite.engine import Engine, Events

from mrrecon.files import atomic_path, write_table
from mrrecon.handlers.text_table import text_table
from mrrecon.morphometry import TISSUES, label_dice, tissue_volumes

__all__ = ["TissueRecorder"]

Row = dict[str, Any]

_COLUMNS = {
    **{f"{name}_ml": (f"{name.upper()}, ml", ".1f") for name in TISSUES},
    "intracranial_ml": ("all, ml", ".0f"),
    **{f"dice_{name}": (f"Dice {name.upper()}", ".3f") for name in TISSUES},
    "correlation": ("correlation", ".3f"),
    "seconds": ("seconds", ".1f"),
}
"""Title and format of the printed columns."""


class TissueRecorder:
    """Handler that measures the tissues of each scan and ends with a table.

    Attach it to a ``SolverEvaluator`` whose network is a ``TissueSegmenter``. A row has the volume of each
    tissue (``csf_ml``, ``gm_ml``, ``wm_ml``) and of all (``intracranial_ml``: the skull's inside where the
    scan shows all of it, else what is left of it), ``correlation``, how well brightness bears out the
    alignment (``Alignment``), ``seconds``, and where a label map (1 CSF, 2 grey, 3 white matter) came with
    the scan, ``dice_...``.

    Files in ``output_dir``: ``metrics.csv`` (a row a scan, written anew after each) and ``metrics.json``
    (the rows, their mean and standard deviation, and the scans that were refused).

    Args:
        output_dir: folder of the outputs.
        page: the page of the run, with ``add`` for a scan and ``close``; None: no page.
    """

    def __init__(self, output_dir: str | Path, *, page: Any = None) -> None:
        self.output_dir = Path(output_dir)
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
        output = output[0]
        pred, maps = output["pred"], runner.solution.maps
        volumes = tissue_volumes(pred.as_tensor().cpu(), np.asarray(pred.affine, dtype=np.float64))
        row: Row = {
            "scan": str(pred.meta["filename_or_obj"]),
            "shape": "x".join(str(side) for side in pred.shape[1:]),
            **{f"{name}_ml": round(volume, 3) for name, volume in volumes.items()},
            "intracranial_ml": round(sum(volumes.values()), 3),
        }
        if "label" in output:
            truth, found = (output[key].as_tensor().cpu()[0].round().long() for key in ("label", "labels"))
            if truth.shape != found.shape:
                raise ValueError(
                    f"the label of {row['scan']} has the shape {tuple(truth.shape)}, the scan "
                    f"{tuple(found.shape)}: give equal grids"
                )
            values = label_dice(found, truth, labels=range(1, len(TISSUES) + 1)).tolist()
            row |= {f"dice_{name}": round(value, 5) for name, value in zip(TISSUES, values, strict=True)}
        if maps.alignment is not None:
            row["correlation"] = round(maps.alignment.correlation, 4)
        row["seconds"] = round(runner.seconds, 3)
        self.rows.append(row)
        write_table(self.output_dir / "metrics.csv", self.rows)
        if self.page is not None:
            self.page.add(output, row)

    def close(self, engine: Engine) -> None:
        """Write the summary and print the table, if any scan could be segmented."""
        if not self.rows:
            return
        summary = _summary(self.rows)
        content = {"scans": self.rows, "summary": summary, "refused": getattr(engine, "refused", [])}
        with atomic_path(self.output_dir / "metrics.json") as temporary:
            temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        if self.page is not None:
            self.page.close()
        print(_table(self.rows, summary, self.output_dir))  # noqa: T201


def _summary(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """Mean and standard deviation (over scans, n - 1) of each number."""
    summary = {}
    for key in _COLUMNS:
        values = [float(row[key]) for row in rows if key in row]
        if values:
            spread = statistics.stdev(values) if len(values) > 1 else 0.0
            summary[key] = {"mean": statistics.fmean(values), "sd": spread}
    return summary


def _table(rows: Sequence[Row], summary: Mapping[str, Mapping[str, float]], output_dir: Path) -> str:
    head = ["scan", *(_COLUMNS[key][0] for key in summary)]
    body = [[Path(row["scan"]).name, *(_number(row, key) for key in summary)] for row in rows]
    means = {key: values["mean"] for key, values in summary.items()}
    mean = [["mean", *(_number(means, key) for key in summary)]]
    return f"\n{text_table(head, body, mean if len(rows) > 1 else ())}\n\noutputs: {output_dir.resolve()}"


def _number(row: Mapping[str, Any], key: str) -> str:
    return format(row[key], _COLUMNS[key][1]) if key in row else ""

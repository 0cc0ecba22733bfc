"""The page of a run of tissue segmentation, fed by the handler that measures it."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from mrrecon.report.middle_slice import MiddleSlice
from mrrecon.report.orientation import spacing_and_axes
from mrrecon.report.page import Report
from mrrecon.report.ranges import display_window
from mrrecon.report.scan import ScanReport
from mrrecon.report.strip import Picture

__all__ = ["TissuePage"]

_SHOWN = {
    "gm_ml": "grey matter (ml)",
    "wm_ml": "white matter (ml)",
    "csf_ml": "CSF (ml)",
    "intracranial_ml": "all three (ml)",
    "dice_gm": "Dice of grey matter",
    "dice_wm": "Dice of white matter",
    "dice_csf": "Dice of CSF",
    "correlation": "correlation of brightness and expected white matter",
    "seconds": "seconds",
}


class TissuePage:
    """Page of a run of tissue segmentation: what ``TissueRecorder`` takes as ``page``.

    Of each scan it shows a slice and its tissues, the scan beside its labels to scroll through, and volumes.

    Args:
        path: HTML file to write; missing folders are made.
        n_embedded: how many scans, the first ones, can be scrolled through.
        title: heading of the page.
    """

    def __init__(self, path: str | Path, *, n_embedded: int = 4, title: str = "Tissues") -> None:
        self.path = Path(path)
        self.n_embedded = n_embedded
        self.title = title
        self._stack = ExitStack()
        self._report: Report | None = None

    def add(self, output: Mapping[str, Any], row: Mapping[str, Any]) -> None:
        """Add a scan: ``start`` (1, x, y, z), ``pred`` (3, x, y, z), ``labels`` (1, x, y, z), its numbers."""
        if self._report is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            report = Report(
                self.path,
                title=self.title,
                n_embedded=self.n_embedded,
                names=("scan", "tissues"),
                kinds=("none", "CSF", "grey matter", "white matter"),
            )
            self._report = self._stack.enter_context(report)
        pred = output["pred"]
        spacing, axis_codes = spacing_and_axes(np.asarray(pred.affine).astype(np.float64))
        scan = _volume(output["start"][0])
        csf, gm, wm = (_volume(tissue) for tissue in pred)
        low, high = display_window(scan)
        piece = MiddleSlice(scan.shape, spacing, axis_codes)
        pictures = [Picture("scan", piece.cut(scan), low=low, high=high, aspect=piece.aspect)]
        for name, volume in {"grey matter": gm, "white matter": wm, "CSF": csf}.items():
            pictures.append(Picture(name, piece.cut(volume), low=0.0, high=1.0, aspect=piece.aspect))
        # As bright as a T1 shows them: CSF dark, grey matter grey, white matter white.
        labels = low + (high - low) * _volume(output["labels"][0]) / 3
        self._report.add(
            ScanReport(
                name=Path(str(row["scan"])).name,
                original=scan,
                reconstruction=labels,
                spacing=spacing,
                axis_codes=axis_codes,
                metrics={name: row[key] for key, name in _SHOWN.items() if key in row},
                pictures=pictures,
            )
        )

    def close(self) -> None:
        """Write the page."""
        self._stack.close()
        self._report = None


def _volume(image: Tensor) -> np.ndarray:
    values = image.as_tensor() if hasattr(image, "as_tensor") else image
    volume: np.ndarray = values.float().cpu().numpy()
    return volume

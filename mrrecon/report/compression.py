"""The page of a compression run, fed by the handler that measures it."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from monai.data.meta_tensor import MetaTensor
from monai.utils import convert_to_tensor, ensure_tuple
from torch import Tensor

from mrrecon.report.orientation import spacing_and_axes
from mrrecon.report.page import Report
from mrrecon.report.scan import CodeLevel, ScanReport
from mrrecon.transforms import intensity_scale

__all__ = ["CompressionPage"]

_SHOWN = {
    "psnr": "PSNR (dB)",
    "ms_ssim": "MS-SSIM",
    "log_mmd": "log MMD",
    "dice_wm": "Dice of white matter",
    "dice_gm": "Dice of grey matter",
    "dice_csf": "Dice of CSF",
    "bytes_float32": "bytes as float32",
    "bytes_int16": "bytes as int16",
    "bytes_gzip": "bytes as int16, gzipped",
    "bytes_file": "bytes of the code file",
    "percent_file": "code file, percent of float32",
    "bytes_codes": "bytes of the codes",
    "bytes_entropy": "bytes at the entropy of the codes",
    "bytes_paper": "bytes of the codes' numbers",
    "percent": "codes, percent of float32",
    "bits_per_voxel": "codes, bits per voxel",
    "seconds_encode": "seconds to encode",
    "seconds_decode": "seconds to decode",
}


class CompressionPage:
    """Page of a compression run: what ``CompressionRecorder`` takes as ``page``.

    Args:
        path: HTML file to write; missing folders are made.
        n_codes: codes a level.
        n_embedded: how many scans, the first ones, can be scrolled through.
        title: heading of the page.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        n_codes: int = 256,
        n_embedded: int = 4,
        title: str = "Scans and what their codes keep",
    ) -> None:
        self.path = Path(path)
        self.n_codes = n_codes
        self.n_embedded = n_embedded
        self.title = title
        self._stack = ExitStack()
        self._report: Report | None = None

    def add(
        self, image: MetaTensor, pred: Tensor, fields: Sequence[np.ndarray], row: Mapping[str, Any]
    ) -> None:
        """Add a scan: image and reconstruction (1, 1, D, H, W) as the network sees them, codes, metrics."""
        if self._report is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            report = Report(self.path, title=self.title, n_embedded=self.n_embedded)
            self._report = self._stack.enter_context(report)
        slope, offset = intensity_scale(image)
        spacing, axis_codes = spacing_and_axes(
            np.asarray(image.affine).reshape(-1, 4, 4)[0].astype(np.float64)
        )
        levels = [f"level {level}, 1/{4**level} of the resolution" for level in range(1, len(fields) + 1)]
        self._report.add(
            ScanReport(
                name=Path(ensure_tuple(row["scan"])[0]).name,
                original=_volume(image) * slope + offset,
                reconstruction=_volume(pred) * slope + offset,
                spacing=spacing,
                axis_codes=axis_codes,
                metrics={name: row[key] for key, name in _SHOWN.items() if key in row},
                codes=[
                    CodeLevel(name, field.astype(np.int64), self.n_codes)
                    for name, field in zip(levels, fields, strict=True)
                ],
            )
        )

    def close(self) -> None:
        """Write the page."""
        self._stack.close()
        self._report = None


def _volume(image: Tensor) -> np.ndarray:
    volume: np.ndarray = convert_to_tensor(image, track_meta=False)[0, 0].float().cpu().numpy()
    return volume

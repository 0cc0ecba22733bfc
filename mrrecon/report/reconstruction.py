"""The page of a run of solvers, fed by the handler that measures it."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from mrrecon.report.curve import Curve
from mrrecon.report.middle_slice import MiddleSlice
from mrrecon.report.orientation import spacing_and_axes
from mrrecon.report.page import Report
from mrrecon.report.ranges import display_window, typical_error
from mrrecon.report.scan import ScanReport
from mrrecon.report.strip import Picture

__all__ = ["ReconstructionPage", "kspace_picture", "sinogram_picture"]

_SHOWN = {
    "method": "method",
    "model": "measurement",
    "psnr": "PSNR (dB)",
    "ssim": "SSIM",
    "nmse": "NMSE",
    "start_psnr": "PSNR of the first estimate (dB)",
    "start_ssim": "SSIM of the first estimate",
    "start_nmse": "NMSE of the first estimate",
    "missing_share": "missing (part of the voxels)",
    "missing_psnr": "PSNR of the missing voxels (dB)",
    "missing_ssim": "SSIM of the missing voxels",
    "coverage_50": "truth in the 50 % interval",
    "coverage_80": "truth in the 80 % interval",
    "coverage_95": "truth in the 95 % interval",
    "dice_wm": "Dice of white matter",
    "dice_gm": "Dice of grey matter",
    "dice_csf": "Dice of CSF",
    "residual": "residual ‖Ax − y‖ / ‖y‖",
    "iterations": "iterations",
    "seconds": "seconds",
}


class ReconstructionPage:
    """Page of a run of solvers: what ``ReconstructionRecorder`` takes as ``page``.

    Of each scan it shows a slice of the measurement, the first estimate, the result, where they are known the
    truth, a few completions and their standard deviation, and the error; the volumes, to scroll through; the
    metrics; and how the solver converged. Where there is no label, the result is compared with the first
    estimate.

    Args:
        path: HTML file to write; missing folders are made.
        measurement: picture of a measurement, given the tensor (channels, *space) that the network got: for
            example ``kspace_picture``; None: without.
        start: what the first estimate is called.
        n_embedded: how many scans, the first ones, can be scrolled through.
        title: heading of the page.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        measurement: Callable[[Tensor], Picture] | None = None,
        start: str = "first estimate",
        n_embedded: int = 4,
        title: str = "Images and what they were measured by",
    ) -> None:
        self.path = Path(path)
        self.measurement = measurement
        self.start = start
        self.n_embedded = n_embedded
        self.title = title
        self._stack = ExitStack()
        self._report: Report | None = None

    def add(self, image: Tensor, output: Mapping[str, Any], solution: Any, row: Mapping[str, Any]) -> None:
        """Add a scan: the measurement, images (1, x, y, z) after the postprocessing, and their metrics."""
        if self._report is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            report = Report(
                self.path, title=self.title, n_embedded=self.n_embedded, names=("reference", "result")
            )
            self._report = self._stack.enter_context(report)
        pred = output["pred"]
        spacing, axis_codes = spacing_and_axes(np.asarray(pred.affine).astype(np.float64))
        result = _volume(pred)
        start = _volume(output["start"]) if output["start"].shape == pred.shape else None
        label = _volume(output["label"]) if "label" in output else None
        reference = next(volume for volume in (label, start, result) if volume is not None)
        compared = "the result itself" if start is None else f"the first estimate, {self.start}"
        pictures = [] if self.measurement is None else [self.measurement(image.detach().cpu())]
        low, high = display_window(reference)
        shown = {self.start: start, "result": result, "truth": label}
        seen = getattr(solution, "seen", None)
        aspect = MiddleSlice(result.shape, spacing, axis_codes)
        if seen is not None:
            aspect.show_holes(seen[0, 0].cpu().numpy())
        for name, volume in shown.items():
            if volume is not None:
                pictures.append(Picture(name, aspect.cut(volume), low=low, high=high, aspect=aspect.aspect))
        pictures += _uncertainty(output, aspect, low, high)
        error = result - reference
        limit = typical_error(error) or (high - low)
        said = "error" if label is not None else f"result − {self.start}"
        pictures.append(
            Picture(said, aspect.cut(error), low=-limit, high=limit, signed=True, aspect=aspect.aspect)
        )
        self._report.add(
            ScanReport(
                name=" ".join([Path(str(row["scan"])).name, str(row["method"])]),
                original=reference,
                reconstruction=result,
                spacing=spacing,
                axis_codes=axis_codes,
                metrics={name: row[key] for key, name in _SHOWN.items() if key in row},
                pictures=pictures,
                note="" if label is not None else f"No truth is known: the reference is {compared}.",
                curves=[
                    Curve("stopping criterion", history.criterion, history.tolerance)
                    for history in solution.histories
                ],
            )
        )

    def close(self) -> None:
        """Write the page."""
        self._stack.close()
        self._report = None


N_COMPLETIONS = 3
"""How many completions a page shows."""


def _uncertainty(output: Mapping[str, Any], aspect: MiddleSlice, low: float, high: float) -> list[Picture]:
    """A few completions and the standard deviation, if there are any."""
    pictures = []
    if "completions" in output:
        few = output["completions"][:N_COMPLETIONS]
        for number in range(len(few)):
            drawn = aspect.cut(_volume(few[number : number + 1]))
            pictures.append(
                Picture(f"completion {number + 1}", drawn, low=low, high=high, aspect=aspect.aspect)
            )
    if "std" in output:
        std = aspect.cut(_volume(output["std"]))
        most = float(std.max()) or 1.0
        pictures.append(Picture("standard deviation", std, low=0.0, high=most, aspect=aspect.aspect))
    return pictures


def _volume(image: Tensor) -> np.ndarray:
    values = image.as_tensor() if hasattr(image, "as_tensor") else image
    volume: np.ndarray = (values.abs() if values.is_complex() else values)[0].float().cpu().numpy()
    return np.nan_to_num(volume)


def kspace_picture(image: Tensor) -> Picture:
    """Magnitude of k-space, summed over the coils, on a logarithmic scale; the middle slice.

    Args:
        image: k-space and maps as ``KspaceSolver`` takes them, (4 n_coils, *space).
    """
    values = image.as_tensor() if hasattr(image, "as_tensor") else image
    n_coils = values.shape[0] // 4
    power = values[:n_coils].square().sum(0) + values[2 * n_coils : 3 * n_coils].square().sum(0)
    while power.ndim > 2:
        power = power[power.shape[0] // 2]
    magnitude = power.sqrt().double()
    brightest = float(magnitude.max()) or 1.0
    decibel = 20 * np.log10(np.maximum((magnitude / brightest).numpy(), 1e-5))
    return Picture("k-space, dB", decibel, low=-100.0, high=0.0)


def sinogram_picture(image: Tensor) -> Picture:
    """A sinogram as it is; the middle slice.

    Args:
        image: sinogram (1, *slices, views, detectors).
    """
    values = image.as_tensor() if hasattr(image, "as_tensor") else image
    values = values[0]
    while values.ndim > 2:
        values = values[values.shape[0] // 2]
    numbers = values.double().numpy()
    low, high = float(numbers.min()), float(numbers.max())
    high = high if high > low else low + 1
    return Picture("sinogram", numbers, low=low, high=high, aspect=numbers.shape[1] / numbers.shape[0])

"""The page of a run of solvers, fed by the handler that measures it."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

from mrrecon.report.curve import Curve
from mrrecon.report.orientation import axis_order, spacing_and_axes, to_ras
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
        pictures = [] if self.measurement is None else [self.measurement(image.detach().cpu())]
        low, high = display_window(reference)
        shown = {self.start: start, "result": result, "truth": label}
        seen = getattr(solution, "seen", None)
        aspect = _Slice(result.shape, spacing, axis_codes)
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


class _Slice:
    """The slice in the middle across the axis of the thickest or fewest slices, as a doctor looks at it."""

    def __init__(self, shape: tuple[int, ...], spacing: tuple[float, ...], axis_codes: str) -> None:
        order = [axis for axis, _ in axis_order(axis_codes)]
        sizes = [0] * 3
        lengths = [0.0] * 3
        for axis, n, length in zip(order, shape, spacing, strict=True):
            sizes[axis], lengths[axis] = n, length
        self.axis_codes = axis_codes
        # Axial unless another axis is much shorter: slices of sagittal or coronal scans.
        self.through = min(
            (2, 1, 0), key=lambda axis: sizes[axis] if sizes[axis] < max(sizes) / 2 else max(sizes)
        )
        across, up = [axis for axis in range(3) if axis != self.through]
        self.aspect = lengths[up] / lengths[across]

        self.at = sizes[self.through] // 2

    def show_holes(self, seen: Bool[np.ndarray, "_ _ _"]) -> None:
        """Of the slices with about the most holes, take that next to the middle."""
        holes = np.moveaxis(to_ras(1.0 - seen, self.axis_codes), self.through, 0).mean((1, 2))
        many = np.flatnonzero(holes >= 0.9 * holes.max())
        self.at = int(many[np.argmin(np.abs(many - self.at))])

    def cut(self, volume: Float[np.ndarray, "_ _ _"]) -> Float[np.ndarray, "height width"]:
        """The slice, its first row the highest, its first column the patient's right or front."""
        ras = to_ras(volume, self.axis_codes)
        plane = np.take(ras, self.at, axis=self.through)
        return np.ascontiguousarray(plane.T[::-1, ::-1])


N_COMPLETIONS = 3
"""How many completions a page shows."""


def _uncertainty(output: Mapping[str, Any], aspect: _Slice, low: float, high: float) -> list[Picture]:
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

"""From a sinogram to an image, as a network."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mrrecon.inferers.ct_scan import CtScan
from mrrecon.inferers.regularised import check_method, regularised
from mrrecon.inferers.solution import Solution, relative_residual, stacked
from mrrecon.networks import FixedSteps, PlainRays
from mrrecon.operators import FanBeam, Radon
from mrrecon.solvers import filtered_back_projection, zero_filled
from mrrecon.solvers.history import Callback

__all__ = ["SinogramSolver"]

WEIGHTS = {"fbp": 1.0, "tv": 0.0003}


class SinogramSolver(nn.Module):
    r"""Image x from a sinogram y, $\min_x \tfrac12 \|A x - y\|^2 + w \|\nabla x\|_1$ with A a CT scan.

    A module without parameters, with one tensor in, (batch, 1, views, detectors), and one out, (batch, 1,
    *image_size), in 1/mm where the sinogram has no unit.

    Scripted (``torch.jit.script``) it becomes ``FixedSteps``: the same minimum, approached by a fixed number
    of steps in plain torch, for views spread evenly over half a turn or a whole one (of a fan, a whole one),
    and images of n x n pixels for n detectors.

    Args:
        method: ``"fbp"`` (filtered back-projection) or ``"tv"`` (total variation).
        weight: w, positive, as a part of the brightest pixel of the filtered back-projection and of the
            square of the norm of A. None: 0.0003.
        arc: as for ``CtScan``, and so are the next seven.
        angles: degrees, one a view.
        detector_spacing: mm.
        detector_offset: mm.
        source_distance: mm; None: parallel rays.
        detector_distance: mm.
        image_size: rows and columns.
        pixel_spacing: mm.
        tolerance: of the solver's criterion.
        max_iterations: the most iterations.
        n_plain_steps: steps of the scripted network.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> SinogramSolver("fbp")(torch.ones(1, 1, 12, 8)).shape
        torch.Size([1, 1, 8, 8])
    """

    n_space = 2

    def __init__(
        self,
        method: str = "tv",
        *,
        weight: int | float | None = None,
        arc: int | float | None = None,
        angles: Sequence[int | float] | None = None,
        detector_spacing: int | float = 1.0,
        detector_offset: int | float = 0.0,
        source_distance: int | float | None = None,
        detector_distance: int | float = 0.0,
        image_size: Sequence[int] | None = None,
        pixel_spacing: int | float | None = None,
        tolerance: int | float = 1e-4,
        max_iterations: int = 300,
        n_plain_steps: int = 400,
    ) -> None:
        super().__init__()
        check_method(method, weight, WEIGHTS)
        self.method = method
        self.weight = weight
        self.scan = CtScan(
            arc=arc,
            angles=angles,
            detector_spacing=detector_spacing,
            detector_offset=detector_offset,
            source_distance=source_distance,
            detector_distance=detector_distance,
            image_size=image_size,
            pixel_spacing=pixel_spacing,
        )
        self.tolerance = tolerance
        self.max_iterations = max_iterations
        self.n_plain_steps = n_plain_steps

    def forward(self, image: Float[Tensor, "batch 1 views detectors"]) -> Float[Tensor, "batch 1 h w"]:
        """The image."""
        return self.solve(image).image

    def solve(
        self,
        image: Float[Tensor, "batch 1 views detectors"],
        *,
        method: str | None = None,
        meta: Mapping[str, Any] | None = None,
        callback: Callback | None = None,
    ) -> Solution:
        """The image and its making.

        Args:
            image: the sinogram.
            method: another method than the network's own.
            meta: metadata of the sinogram, whose geometry goes before the network's own (see ``CtScan``).
            callback: called after each iteration with its number, the criterion and the present image.

        Raises:
            ValueError: the sinogram is zero everywhere, or does not fit the geometry.
        """
        regulariser, weight = check_method(method or self.method, self.weight, WEIGHTS)
        A = self.scan.operator(image.shape[-2], image.shape[-1], meta or {})
        # No weight of A is negative: the greatest sum of a row bounds the norm.
        bound = float(A.gram(torch.ones(A.shape, dtype=image.dtype, device=image.device)).max())
        parts = []
        for y in image[:, 0]:
            if not bool(y.any()):
                raise ValueError("the sinogram is zero everywhere: there is no image to find")
            start = _first_estimate(A, y, strict=regulariser == "start")
            x, histories = regularised(
                A,
                y,
                start=start,
                bound=bound,
                method=regulariser,
                weight=weight,
                wavelet="db4",
                tolerance=self.tolerance,
                max_iterations=self.max_iterations,
                callback=callback,
            )
            images = x[None, None], start[None, None]
            parts.append(Solution(*images, histories, relative_residual(A, x, y), A.formula(), A.spacing))
        return stacked(parts)

    def __prepare_scriptable__(self) -> nn.Module:
        regulariser, weight = check_method(self.method, self.weight, WEIGHTS)
        rays = PlainRays(
            arc=self.scan.whole_arc,
            detector_spacing=self.scan.detector_spacing,
            detector_offset=self.scan.detector_offset,
            source_distance=self.scan.source_distance or 0.0,
            detector_distance=self.scan.detector_distance,
        )
        return FixedSteps(rays, method=regulariser, weight=weight, n_steps=self.n_plain_steps)


def _first_estimate(A: Radon | FanBeam, y: Tensor, *, strict: bool) -> Tensor:
    """Filtered back-projection; where a scan is too incomplete for it, unless ``strict``, the unfiltered."""
    try:
        return filtered_back_projection(A, y)
    except ValueError:
        if strict:
            raise
        return zero_filled(A, y, scaled=True)

"""From an image that is blurred, noisy, coarse or full of holes to a better one, as a network."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mrrecon.inferers.regularised import check_method, regularised
from mrrecon.inferers.solution import Solution, relative_residual, stacked
from mrrecon.networks import FixedSteps, PlainImage
from mrrecon.operators import Blur, Downsample, Identity, LinearOperator, Mask, gaussian_psf, super_resolution
from mrrecon.solvers.history import Callback

__all__ = ["ImageSolver"]

WEIGHTS = {"tikhonov": 0.3, "tv": 0.02, "wavelet": 0.03}


class ImageSolver(nn.Module):
    r"""Image x from a worse one y, $\min_x \tfrac12 \|A x - y\|^2 + w R(x)$.

    A is, from right to left, a Gaussian blur, the mean over blocks of voxels, and holes, as far as they are
    there; if none is, the image is denoised. Holes are voxels that are not finite. A module without
    parameters, with one tensor in, (batch, 1, *space), and one out, whose sizes are ``factor`` times those.

    Scripted (``torch.jit.script``) it becomes ``FixedSteps``: the same minimum, approached by a fixed number
    of steps in plain torch, with the blur in voxels.

    Args:
        method: ``"tikhonov"`` (R is ½‖∇x‖²), ``"tv"`` (total variation) or ``"wavelet"`` (sparse in an
            orthogonal wavelet).
        weight: w, positive; of TV and wavelet as a part of the brightest voxel. None: 0.3 for Tikhonov, 0.02
            for TV, 0.03 for wavelets. Of the order of the noise.
        factor: fine voxels that a voxel of y covers, along each axis.
        psf: full width at half maximum of the blur, in mm, for all axes or for each; 0: no blur. Without
            metadata voxels of y are taken to measure ``factor`` mm.
        keep_observed: whether in an image with holes the voxels that were seen come out as they went in.
            None: if there is neither blur nor factor.
        wavelet: name of the wavelet.
        tolerance: of the solver's criterion.
        max_iterations: the most iterations.
        n_plain_steps: steps of the scripted network.

    Raises:
        TypeError: a factor is not a whole number.
        ValueError: an argument is out of its range.

    Example:
        >>> ImageSolver("tv", factor=[2, 2, 1]).factor
        (2, 2, 1)
    """

    def __init__(
        self,
        method: str = "tv",
        *,
        weight: int | float | None = None,
        factor: Sequence[int | float] = (1, 1, 1),
        psf: int | float | Sequence[int | float] = 0.0,
        keep_observed: bool | None = None,
        wavelet: str = "db4",
        tolerance: int | float = 1e-4,
        max_iterations: int = 300,
        n_plain_steps: int = 200,
    ) -> None:
        super().__init__()
        check_method(method, weight, WEIGHTS)
        whole = Downsample(factor).factor  # type: ignore[arg-type]  # it refuses other than whole numbers
        widths = [psf] * len(factor) if isinstance(psf, int | float) else list(psf)
        if len(widths) != len(factor) or not all(0 <= width < math.inf for width in widths):
            raise ValueError(f"psf={psf} must be a width in mm, 0 or more, or one for each axis")
        self.method = method
        self.weight = weight
        self.factor = whole
        self.n_space = len(self.factor)
        self.psf = tuple(float(width) for width in widths)
        plain = max(self.factor) == 1 and max(self.psf) == 0
        if keep_observed and not plain:
            raise ValueError("keep_observed=True needs an image without blur, on its own grid: leave it out")
        self.keeps_observed = plain if keep_observed is None else keep_observed
        self.wavelet = wavelet
        self.tolerance = tolerance
        self.max_iterations = max_iterations
        self.n_plain_steps = n_plain_steps

    def forward(self, image: Float[Tensor, "batch 1 *space"]) -> Float[Tensor, "batch 1 *fine"]:
        """The image."""
        return self.solve(image).image

    def solve(
        self,
        image: Float[Tensor, "batch 1 *space"],
        *,
        method: str | None = None,
        meta: Mapping[str, Any] | None = None,
        callback: Callback | None = None,
    ) -> Solution:
        """The image and its making.

        Args:
            image: the image that was measured, holes not finite.
            method: another method than the network's own.
            meta: metadata with the ``affine`` that gives the size of a voxel in mm.
            callback: called after each iteration with its number, the criterion and the present image.

        Raises:
            ValueError: the image has other axes than ``factor``, or nothing was seen.
        """
        if image.ndim != 2 + self.n_space:
            raise ValueError(
                f"image of shape {tuple(image.shape)} must have {self.n_space} axes of space: those of "
                f"factor={self.factor}"
            )
        spacing = [float(f) for f in self.factor]
        if meta and "affine" in meta:
            columns = torch.as_tensor(meta["affine"], dtype=torch.float64)[:3, : self.n_space]
            spacing = [float(length) for length in torch.linalg.vector_norm(columns, dim=0)]
        return stacked(
            [self._solve_one(one, method or self.method, spacing, callback) for one in image[:, 0]]
        )

    def operator(self, seen: Tensor, spacing: Sequence[float]) -> LinearOperator:
        """A for an image.

        Args:
            seen: True where a voxel was seen, (*space).
            spacing: size of its voxels, in mm.
        """
        parts: list[LinearOperator] = []
        if not bool(seen.all()):
            parts.append(Mask(seen))
        if max(self.factor) > 1:
            parts.append(super_resolution(self.factor))
        if max(self.psf) > 0:
            fine = [length / f for length, f in zip(spacing, self.factor, strict=True)]
            parts.append(Blur(gaussian_psf(self.psf, spacing=fine), "reflect"))
        A: LinearOperator = Identity()
        for part in parts:
            A = part if isinstance(A, Identity) else A @ part
        return A

    def _solve_one(
        self, image: Tensor, method: str, spacing: Sequence[float], callback: Callback | None
    ) -> Solution:
        regulariser, weight = check_method(method, self.weight, WEIGHTS)
        seen = image.isfinite()
        y = torch.where(seen, image, 0)
        if not bool(y.any()):
            raise ValueError("the image is zero everywhere it was seen: there is nothing to restore")
        A = self.operator(seen, spacing)
        start = y
        for axis, f in enumerate(self.factor):
            start = start.repeat_interleave(f, axis)
        x, histories = regularised(
            A,
            y,
            start=start,
            bound=1 / math.prod(self.factor),
            method=regulariser,
            weight=weight,
            wavelet=self.wavelet,
            tolerance=self.tolerance,
            max_iterations=self.max_iterations,
            callback=callback,
        )
        if self.keeps_observed and not bool(seen.all()):
            x = torch.where(seen, y, x)
        residual = relative_residual(A, x, y)
        return Solution(x[None, None], start[None, None], histories, residual, A.formula())

    def __prepare_scriptable__(self) -> nn.Module:
        regulariser, weight = check_method(self.method, self.weight, WEIGHTS)
        return FixedSteps(
            PlainImage(self.factor, self.psf, keep_observed=self.keeps_observed),
            method=regulariser,
            weight=weight,
            n_steps=self.n_plain_steps,
            wavelet=self.wavelet,
        )

"""Holes of a scan filled by a network: slice by slice, all of it at once, or in tiles."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor
from monai.inferers import Inferer
from torch import Tensor

from mrrecon.inferers.imputation_axes import SLICE_AXES, PatientAxes, affine_of
from mrrecon.inferers.imputation_baselines import UNTRAINED, untrained
from mrrecon.inferers.imputation_planes import completions_in_planes, plane_axes
from mrrecon.inferers.imputation_result import Imputation, mean_and_std
from mrrecon.inferers.imputation_samplers import one_by_one, sampler_of
from mrrecon.inferers.imputation_slices import completions_of_slices, framed_in, generator_of, sides
from mrrecon.inferers.imputation_tiles import completions_in_tiles
from mrrecon.inferers.solution import Solution, relative_residual
from mrrecon.memory import available_memory
from mrrecon.operators import Mask
from mrrecon.tensors import crop_to_shape

__all__ = ["IMPUTATION_METHODS", "ImputationInferer"]

IMPUTATION_METHODS = ("network", *UNTRAINED)
"""What ``ImputationInferer`` fills holes by."""

PLANES = "planes"
"""What ``slice_axis`` is for planes in two directions."""

SCALE = (0.05, 99.95)
"""Percentiles of the observed voxels that become 0 and 1 for the network."""


class ImputationInferer(Inferer):
    """Inferer for networks that take an image and its mask, (batch, 2, *spatial), and complete it.

    A scan is turned to the patient's axes (by whole flips and permutations), scaled by percentiles of what
    was observed, completed, and brought back. Holes are voxels that are not finite. Each completion is a
    whole scan that agrees with what was observed; their mean is the image. They come in pairs with opposite
    random numbers, so that few of them have a good mean.

    Args:
        n_completions: how many; 0: the network's one image, without random numbers.
        temperature: factor of what a completion differs from the mean by, at least 0.
        seed: of the random numbers.
        keep_observed: whether observed voxels come out exactly as they went in.
        spatial_dims: axes of the images that the network takes: 2 or 3; None: the network says.
        slice_axis: slices that a network of two axes completes, ``"sagittal"``, ``"coronal"``, ``"axial"``;
            or ``"planes"``: planes across the two axes that leave the smallest holes in them, averaged, for
            volumes. A scan with one voxel along an axis is a slice across that one.
        spatial_size: the one size that the network works at; None: it takes any. A network of three axes may
            work in tiles of it, if they are asked for.
        batch_size: slices that it gets at once.
        roi_size: voxels of a tile along each axis, for a network of three; None: the scan in one pass.
        overlap: least part of a tile that it shares with the next, 0 to below 1.
        amp: whether the network runs under bfloat16 autocast.
        weight: of ``"tv"``, ``"wavelet"`` and ``"tikhonov"``, as for ``ImageSolver``.
        max_iterations: of those.
        on_iteration: called after each draw of the network with their number and the part that is left, and
            after each iteration of a solver with its number and its criterion.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> y = torch.tensor([0.0, 1.0, torch.nan, 3.0]).reshape(1, 1, 4, 1, 1)
        >>> ImputationInferer().solve(y, None, method="linear").image.flatten()
        tensor([0., 1., 2., 3.])

    Reference:
        Dalca, Guttag, Sabuncu. Unsupervised data imputation via variational inference of deep subspaces.
        2019. https://doi.org/10.48550/arXiv.1903.03503
    """

    def __init__(
        self,
        n_completions: int = 10,
        *,
        temperature: int | float = 1.0,
        seed: int = 0,
        keep_observed: bool = True,
        spatial_dims: int | None = None,
        slice_axis: str = "coronal",
        spatial_size: Sequence[int] | None = None,
        batch_size: int = 8,
        roi_size: int | Sequence[int] | None = None,
        overlap: int | float = 0.25,
        amp: bool = False,
        weight: int | float | None = None,
        max_iterations: int = 300,
        on_iteration: Callable[[int, float], None] | None = None,
    ) -> None:
        super().__init__()
        for name, value, least in (("n_completions", n_completions, 0), ("batch_size", batch_size, 1)):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"{name}={value} must be a whole number, at least {least}")
        if not 0 <= temperature < float("inf"):
            raise ValueError(f"temperature={temperature} must be 0 or a positive number")
        if slice_axis not in (*SLICE_AXES, PLANES):
            raise ValueError(f"slice_axis={slice_axis!r} must be one of {', '.join(SLICE_AXES)} or {PLANES}")
        if not 0 <= overlap < 1:
            raise ValueError(f"overlap={overlap} must lie in [0, 1)")
        if spatial_dims not in (None, 2, 3):
            raise ValueError(f"spatial_dims={spatial_dims} must be 2 or 3")
        self.n_completions = n_completions
        self.temperature = float(temperature)
        self.seed = seed
        self.keep_observed = keep_observed
        self.spatial_dims = spatial_dims
        self.slice_axis = slice_axis
        self.spatial_size = None if spatial_size is None else [int(n) for n in spatial_size]
        self.batch_size = batch_size
        tile = [roi_size] * 3 if isinstance(roi_size, int) else roi_size
        self.roi_size = None if tile is None else [int(side) for side in tile]
        self.overlap = float(overlap)
        self.amp = amp
        self.weight = weight
        self.max_iterations = max_iterations
        self.on_iteration = on_iteration

    def __call__(self, inputs: Tensor, network: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        """The scan without holes, in a batch of one."""
        return self.solve(inputs, network).image

    def solve(self, inputs: Tensor, network: Any, *, method: str | None = None) -> Imputation:
        """The scan without holes, its completions and its uncertainty.

        Args:
            inputs: the scan, (1, 1, x, y, z), with its metadata.
            network: the network.
            method: one of ``IMPUTATION_METHODS``; None: the network.

        Raises:
            ValueError: nothing was observed, or it does not fit the network or the memory.
        """
        method = "network" if method is None else method
        if method not in IMPUTATION_METHODS:
            raise ValueError(f"method={method!r} must be one of {', '.join(IMPUTATION_METHODS)}")
        values = inputs.as_tensor() if isinstance(inputs, MetaTensor) else inputs
        if values.ndim != 5 or values.shape[:2] != (1, 1):
            raise ValueError(f"inputs of shape {tuple(values.shape)} must be one volume, (1, 1, x, y, z)")
        axes = PatientAxes.of(affine_of(inputs.meta) if isinstance(inputs, MetaTensor) else None)
        y = axes.turned(values[0, 0])
        seen = y.isfinite()
        if not bool(seen.any()):
            raise ValueError("no voxel was observed: the mask is empty")
        y = torch.where(seen, y, 0).contiguous()
        n = self.n_completions if method == "network" else 0
        self._check_memory(y, n)
        with torch.no_grad():
            found = self._found(y, seen, network, method)
        image, std, completions = mean_and_std(found.image, n, temperature=self.temperature)
        if self.keep_observed:
            image = torch.where(seen, y, image)
            std = None if std is None else torch.where(seen, 0, std)
            completions = None if completions is None else torch.where(seen, y, completions)
        operator = Mask(seen)
        residual = relative_residual(operator, image, y) if bool(y.any()) else 0.0
        return Imputation(
            image=axes.back(image)[None, None],
            start=axes.back(y)[None, None],
            histories=found.histories,
            residual=residual,
            model=operator.formula(),
            seen=axes.back(seen)[None, None],
            std=None if std is None else axes.back(std)[None, None],
            completions=None if completions is None else axes.back(completions)[None],
        )

    def _found(self, y: Tensor, seen: Tensor, network: Any, method: str) -> Solution:
        """Images (n, x, y, z) in the units of y, at least one."""
        plain = Solution(y[None], y, (), 0.0, "")
        if self.keep_observed and bool(seen.all()):
            return plain
        observed = y[seen]
        low, high = float(observed.min()), float(observed.max())
        if low == high:
            return replace(plain, image=torch.full_like(y, low)[None])
        if method != "network":
            axis = self._across(network, y.shape)
            return untrained(
                y,
                seen,
                method=method,
                axis=None if axis == PLANES else axis,
                weight=self.weight,
                max_iterations=self.max_iterations,
                keep_observed=self.keep_observed,
                callback=self._heard,
            )
        numbers = observed.cpu().numpy()
        bottom, top = (float(value) for value in np.percentile(numbers, SCALE))
        if bottom < top:
            low, high = bottom, top
        x = torch.stack([torch.where(seen, (y - low) / (high - low), 0), seen.to(y.dtype)])
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.amp):
            images = self._completed(x, network)
        return replace(plain, image=images.mul_(high - low).add_(low))

    # The network.

    def _completed(self, x: Tensor, network: Any) -> Tensor:
        """Completions (n, x, y, z) of an image and its mask, (2, x, y, z); of n_completions=0 one image."""
        n = max(self.n_completions, 1)
        axis = self._across(network, x.shape[1:])
        sampler = sampler_of(getattr(network, "of_planes", network), n_completions=self.n_completions)
        if axis == PLANES:
            axes = plane_axes(x[1] > 0)
            return completions_in_planes(
                sampler,
                x,
                n=n,
                axes=axes,
                batch_size=self.batch_size,
                seed=self.seed,
                on_draw=self._report,
            )
        if axis is not None:
            return completions_of_slices(
                sampler,
                x,
                n=n,
                axis=int(axis),
                spatial_size=self.spatial_size,
                batch_size=self.batch_size,
                seed=self.seed,
                whole_too=not self.keep_observed,
                on_draw=self._report,
            )
        generator = generator_of(x, self.seed)
        if self.spatial_size is None or self.roi_size is not None:
            if self.spatial_size not in (None, self.roi_size):
                raise ValueError(
                    f"roi_size={self.roi_size} must be spatial_size={self.spatial_size}, the one size that "
                    "the network works at"
                )
            return completions_in_tiles(
                sampler,
                x[None],
                n=n,
                roi_size=self.roi_size,
                fixed=self.spatial_size is not None,
                overlap=self.overlap,
                generator=generator,
                on_draw=self._report,
            )
        framed, images = framed_in(x[None], self.spatial_size), x.new_empty(n, *x.shape[1:])
        for index, drawn in enumerate(one_by_one(sampler, framed, [generator], n)):
            images[index] = crop_to_shape(drawn, list(x.shape[1:]))[0, 0]
            self._report(index + 1, n)
        return images

    def _across(self, network: Any, shape: Sequence[int]) -> Any:
        """Axis across which slices are completed, or ``PLANES``; None where the network takes volumes."""
        in_planes = hasattr(network, "of_planes")
        dims = 2 if in_planes else self.spatial_dims or getattr(network, "spatial_dims", None)
        if dims is None and self.spatial_size is not None:
            dims = len(self.spatial_size)
        if dims is None and isinstance(network, torch.nn.Module):
            dims = next((weight.ndim - 2 for weight in network.parameters() if weight.ndim > 3), None)
        if dims != 2:
            return None
        thin = [axis for axis in range(3) if shape[axis] == 1]
        if thin:
            return thin[-1]
        return PLANES if in_planes else SLICE_AXES.get(self.slice_axis, PLANES)

    def _report(self, number: int, total: int) -> None:
        if self.on_iteration is not None:
            self.on_iteration(number, 1 - number / total)

    def _heard(self, iteration: int, criterion: float, x: Tensor) -> None:  # noqa: ARG002 - the solvers'
        if self.on_iteration is not None:
            self.on_iteration(iteration, criterion)

    def _check_memory(self, y: Tensor, n: int) -> None:
        """Refuse a scan, or more completions of it, than there is memory for."""
        # The scan, its mask and its scaled copies; with tiles each completion has random numbers too.
        copies = 8 + n * (1 if self.roi_size is None else 4)
        needed, available = copies * y.numel() * y.element_size(), available_memory(y.device)
        if available is not None and needed > available:
            what, way = (f"n_completions={n}", "ask for fewer") if n else ("inputs", "complete a part of it")
            raise ValueError(
                f"{what} of {sides(y.shape)} voxels need about {needed / 2**30:.3g} GiB of "
                f"memory, and {available / 2**30:.3g} GiB are free: {way}"
            )

"""From a scan full of holes, coarse or noisy to a better one, by a network that has seen no other."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mrrecon.inferers.image_solver import ImageSolver
from mrrecon.inferers.imputation_axes import SLICE_AXES, PatientAxes, affine_of
from mrrecon.inferers.prior_networks import CODE_CHANNELS, CodeDecoder, code_shape, prior_network
from mrrecon.inferers.prior_recipes import RECIPES, Recipe, check_prior
from mrrecon.inferers.solution import Solution, joined, relative_residual, stacked
from mrrecon.networks import PlainPrior
from mrrecon.networks.plain_prior import decoder_weights, skip_weights
from mrrecon.operators import Downsample, Identity, LinearOperator, Mask, super_resolution
from mrrecon.solvers import deep_image_prior
from mrrecon.solvers.checks import check_memory
from mrrecon.solvers.history import Callback, History

__all__ = ["DeepImagePriorSolver"]

MARGIN = 0.05
"""Part of the sigmoid's range below and above what was seen: what was not may be darker or brighter."""

AVERAGING = 0.99


class DeepImagePriorSolver(nn.Module):
    r"""Image $f_\theta(z)$ of fixed noise z, the weights fitted to one image: no other is ever seen.

    Holes (voxels that are not finite) are left out of the fit; with ``factor`` the means over blocks of the
    image are fitted; if there is neither, the image is denoised. The fit stops where voxels that were kept
    back are met best, and running means of the iterates are what is compared: no truth is needed.

    A module without parameters, with one tensor in, (batch, 1, x, y, z), and one out, whose sizes are
    ``factor`` times those. Each slice, or the whole volume, has a network of its own, with the first weights
    and the noise of the seed; its range is that of the voxels seen.

    Scripted (``torch.jit.script``) it becomes ``PlainPrior``: the same fit, stop and random numbers in plain
    torch, without metadata, callback or reference method.

    Args:
        method: ``"skip"``: the network of the deep image prior; ``"decoder"``: that of ``SparseVAE``, with a
            fixed random code; ``"tv"``: no network, total variation, to compare with.
        spatial_dims: 2: slices are fitted one by one; 3: the volume.
        slices: which, if they are: ``"sagittal"``, ``"coronal"``, ``"axial"``, or ``"thinnest"``: across the
            axis with the fewest voxels, of equal ones the last.
        factor: fine voxels that a voxel covers, along each axis; 1 across slices.
        width: features of the network. None: 128 for ``"skip"``, 32 for ``"decoder"``.
        iterations: the most steps. None: for ``"skip"`` 6000 with holes, 2000 with ``factor``, 3000 for
            noise; for ``"decoder"`` 1000.
        learning_rate: of Adam. None: 0.01 for ``"skip"``, 0.001 for ``"decoder"``.
        noise_std: standard deviation of what is added to the input anew at each step. None: 0.03 for
            ``"skip"``, 0 for ``"decoder"``.
        held_out: share of the voxels kept back, from 0 to below 1; with 0 all steps are done.
        patience: steps without a new best on them after which the fit ends.
        keep_observed: whether in an image with holes the voxels that were seen come out as they went in.
            None: if there is no factor.
        weight: of ``"tv"``, as for ``ImageSolver``.
        seed: of weights, noise and of what is kept back.

    Raises:
        TypeError: a factor is not a whole number.
        ValueError: an argument is out of its range.

    Example:
        >>> DeepImagePriorSolver("skip", width=4, iterations=2)(torch.rand(1, 1, 9, 8, 1)).shape
        torch.Size([1, 1, 9, 8, 1])

    Reference:
        Ulyanov, Vedaldi, Lempitsky. Deep image prior. IJCV 2020. https://doi.org/10.1007/s11263-020-01303-4
    """

    n_space = 3

    def __init__(
        self,
        method: str = "skip",
        *,
        spatial_dims: int = 2,
        slices: str = "thinnest",
        factor: Sequence[int | float] = (1, 1, 1),
        width: int | float | None = None,
        iterations: int | None = None,
        learning_rate: int | float | None = None,
        noise_std: int | float | None = None,
        held_out: int | float = 0.05,
        patience: int = 300,
        keep_observed: bool | None = None,
        weight: int | float | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_prior(method)
        whole = Downsample(factor).factor  # type: ignore[arg-type]  # it refuses other than whole numbers
        if len(whole) != 3:
            raise ValueError(f"factor={tuple(factor)} must have a number for each of the three axes")
        if spatial_dims not in (2, 3):
            raise ValueError(f"spatial_dims={spatial_dims} must be 2, slices, or 3, the volume")
        if slices not in (*SLICE_AXES, "thinnest"):
            raise ValueError(f"slices={slices!r} must be one of {', '.join(SLICE_AXES)}, thinnest")
        for name, number in (("width", width), ("iterations", iterations), ("patience", patience)):
            if number is not None and not (isinstance(number, int) and number >= 1):
                raise ValueError(f"{name}={number} must be a whole number from 1 up")
        if learning_rate is not None and not 0 < learning_rate < math.inf:
            raise ValueError(f"learning_rate={learning_rate} must be a positive number")
        if noise_std is not None and not 0 <= noise_std < math.inf:
            raise ValueError(f"noise_std={noise_std} must be 0 or a positive number")
        if not 0 <= held_out < 1:
            raise ValueError(f"held_out={held_out} must be at least 0 and below 1")
        if keep_observed and max(whole) > 1:
            raise ValueError("keep_observed=True needs an image on its own grid: leave it out, or factor")
        self.method = method
        self.spatial_dims = spatial_dims
        self.slices = slices
        self.factor = whole
        self.width = None if width is None else int(width)
        self.iterations = iterations
        self.learning_rate = learning_rate
        self.noise_std = noise_std
        self.held_out = float(held_out)
        self.patience = patience
        self.keeps_observed = max(whole) == 1 if keep_observed is None else keep_observed
        self.weight = weight
        self.seed = seed

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
            image: what was seen, holes not finite.
            method: another method than the network's own.
            meta: metadata with the ``affine``, which says how slices lie.
            callback: called after each step with its number, the error on the voxels kept back and the
                present image; the numbers begin anew with each slice.

        Raises:
            ValueError: nothing was seen of the image or of a slice, or there is no such method.
        """
        check_prior(method or self.method)
        if image.ndim != 5 or image.shape[1] != 1:
            raise ValueError(
                f"image of shape {tuple(image.shape)} must have the axes batch, one channel, x, y, z"
            )
        axis = None if self.spatial_dims == 3 else self._axis(image, meta)
        _check_seen(image, axis)
        solutions, name = [], method or self.method
        # Whoever calls may have switched gradients off, as evaluators do: here they are the method.
        with torch.inference_mode(False), torch.enable_grad():
            for volume in image[:, 0]:
                parts = [volume] if axis is None else volume.unbind(axis)
                found = [self._solve_one(part.clone(), axis, name, callback) for part in parts]
                solutions.append(found[0] if axis is None else joined(found, 2 + axis))
        return stacked(solutions)

    def _axis(self, image: Tensor, meta: Mapping[str, Any] | None) -> int:
        """Axis of space across which slices lie."""
        if self.slices == "thinnest":
            axis = min((2, 1, 0), key=lambda a: image.shape[2 + a])
        else:
            axis = PatientAxes.of(affine_of(dict(meta or {}))).order[SLICE_AXES[self.slices]]
        if self.factor[axis] != 1:
            raise ValueError(
                f"factor={self.factor} refines across the slices, along axis {axis}, of which each is fitted "
                "alone: take spatial_dims=3, or other slices"
            )
        return axis

    def _solve_one(self, y: Tensor, axis: int | None, method: str, callback: Callback | None) -> Solution:
        """A slice or a volume (*space)."""
        factor = [f for a, f in enumerate(self.factor) if a != axis]
        seen = y.isfinite()
        holes = not bool(seen.all())
        A = _operator(seen, factor)
        values = torch.where(seen, y, 0)
        start = values
        for a, f in enumerate(factor):
            start = start.repeat_interleave(f, a)
        low, high = float(y[seen].min()), float(y[seen].max())
        histories: tuple[History, ...] = ()
        if low == high:
            x = torch.full_like(start, low)
        elif method == "tv":
            solver = ImageSolver("tv", weight=self.weight, factor=factor)
            found = solver.solve(y[None, None], callback=callback)
            x, histories = found.image[0, 0], found.histories
        else:
            span = (high - low) / (1 - 2 * MARGIN)
            scaled = torch.where(seen, (y - low) / span + MARGIN, 0)
            x, history = self._fitted(A, scaled, start.shape, method, callback)
            x, histories = (x - MARGIN) * span + low, (history,)
        if self.keeps_observed and holes:
            x = torch.where(seen, y, x)
        residual = relative_residual(A, x, values) if bool(values.any()) else 0.0
        return Solution(x[None, None], start[None, None], histories, residual, A.formula())

    def _fitted(
        self, A: LinearOperator, y: Tensor, shape: torch.Size, method: str, callback: Callback | None
    ) -> tuple[Tensor, History]:
        """What the network makes of noise, (*shape), once fitted."""
        recipe = self._recipe(method)
        # Features of the finest level, which are kept for the gradient, are nearly all there is.
        check_memory(y.new_empty(1).expand(shape), copies=12 * recipe.width + 96, what="the fit of an image")
        generator = torch.Generator(device=y.device).manual_seed(self.seed)
        code = None
        if method == "decoder":
            size = code_shape(method, shape)
            code = torch.randn(size, generator=generator, dtype=y.dtype, device=y.device)
        most = recipe.factor if max(self.factor) > 1 else recipe.noise
        x, history = deep_image_prior(
            A,
            y[None, None],
            prior_network(method, shape, width=recipe.width, seed=self.seed),
            shape=shape,
            in_channels=CODE_CHANNELS[method],
            code=code,
            max_iterations=recipe.holes if isinstance(A, Mask) else most,
            learning_rate=recipe.learning_rate,
            input_noise=recipe.noise_std,
            averaging=AVERAGING,
            held_out=self.held_out,
            patience=self.patience,
            generator=generator,
            callback=callback,
        )
        stopped = self.held_out > 0 and history.criterion[-1] > min(history.criterion[-self.patience - 1 :])
        return x[0, 0], replace(history, converged=stopped, tolerance=0.0)

    def _recipe(self, method: str) -> Recipe:
        """The recipe of a network, with what the arguments say otherwise."""
        recipe = RECIPES[method]
        given = {name: getattr(self, name) for name in ("width", "learning_rate", "noise_std")}
        if self.iterations is not None:
            given |= dict.fromkeys(("holes", "factor", "noise"), self.iterations)
        return replace(recipe, **{name: value for name, value in given.items() if value is not None})

    def __prepare_scriptable__(self) -> nn.Module:
        if self.method == "tv":
            raise ValueError("method='tv' is there to compare with: export an ImageSolver instead")
        recipe = self._recipe(self.method)
        # Weights do not depend on the size, as long as it is large enough for all scales.
        network: Any = prior_network(
            self.method, (64,) * self.spatial_dims, width=recipe.width, seed=self.seed
        )
        decoder = isinstance(network, CodeDecoder)
        return PlainPrior(
            decoder_weights(network.bottleneck, network.decoder) if decoder else skip_weights(network, 5),
            decoder=decoder,
            spatial_dims=self.spatial_dims,
            axis=SLICE_AXES.get(self.slices, -1),
            factor=self.factor,
            iterations=(recipe.holes, recipe.factor if max(self.factor) > 1 else recipe.noise),
            learning_rate=float(recipe.learning_rate),
            noise_std=float(recipe.noise_std),
            held_out=self.held_out,
            patience=self.patience,
            averaging=AVERAGING,
            margin=MARGIN,
            keep_observed=self.keeps_observed,
            seed=self.seed,
        )


def _check_seen(image: Tensor, axis: int | None) -> None:
    """Refuse, before any work, what there is nothing to fit to."""
    seen = image[:, 0].isfinite()
    if not bool(seen.any()):
        raise ValueError("the image has no voxel that was seen")
    for volume in seen:
        seen_in = volume.any()[None] if axis is None else volume.movedim(axis, 0).flatten(1).any(1)
        if not bool(seen_in.all()):
            raise ValueError(
                f"slice {int((~seen_in).nonzero()[0])} across axis {axis} has no voxel that was seen, and "
                "each is fitted alone: take spatial_dims=3, or other slices"
            )


def _operator(seen: Tensor, factor: Sequence[int]) -> LinearOperator:
    """What is seen of an image: means over blocks, then holes."""
    coarse = super_resolution(factor) if max(factor) > 1 else Identity()
    if bool(seen.all()):
        return coarse
    return Mask(seen) if isinstance(coarse, Identity) else Mask(seen) @ coarse

"""What completes images in the experiments: it learns from incomplete images, then completes others."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from mrrecon.networks import SPARSE_VARIANTS, CompletionNetwork, LinearSubspace, SparseVAE
from mrrecon.solvers import factor_em, learn_dictionary, matching_pursuit
from scripts.experiments.fitting import Imputer, Recipe, network_input, predict, train
from scripts.experiments.images import Observed, interpolated
from scripts.experiments.options import Real, Whole, check

Complete = Callable[[Observed], Tensor]

BASELINES = ("mean", "linear", "cubic", "subspace_sgd", "subspace_em", "dictionary")
METHODS = (*BASELINES, *SPARSE_VARIANTS, "completion")
"""In the order of the tables; the last is beyond the paper."""


@dataclass(frozen=True)
class Settings:
    """Sizes and budget of all methods.

    Args:
        recipe: of the networks.
        channels: features of the networks at each of their five levels.
        n_latents: length of the code of a subspace and of ``conv_FC_sparse``.
        n_local: channels of the code elsewhere: at each position, or of each region.
        sigma: standard deviation of the noise of a ``SparseVAE``.
        iterations: of expectation maximisation and of the dictionary.
        n_atoms: of the dictionary.
        n_nonzero: atoms of an image.
        n_draws: completions averaged.

    Raises:
        ValueError: an option is not what it may be.
    """

    recipe: Recipe = field(default_factory=Recipe)
    channels: int = 16
    n_latents: int = 10
    n_local: int = 10
    sigma: float = 0.03
    iterations: int = 30
    n_atoms: int = 100
    n_nonzero: int = 5
    n_draws: int = 10

    def __post_init__(self) -> None:
        numbers = ("channels", "n_latents", "n_local", "iterations", "n_atoms", "n_nonzero", "n_draws")
        check(self, sigma=Real(), **dict.fromkeys(numbers, Whole()))


@dataclass(frozen=True)
class Learned:
    """A method that has learned.

    Args:
        complete: completes images.
        network: its network, where there is one.
        seconds_a_step: of its training.
    """

    complete: Complete
    network: Imputer | None = None
    seconds_a_step: float = 0.0


def learn(
    method: str,
    observed: Observed,
    *,
    kind: str,
    settings: Settings,
    on_step: Callable[[int, float], None] | None = None,
) -> Learned:
    """Let a method learn from incomplete images.

    Args:
        method: one of ``METHODS``.
        observed: the training set.
        kind: of its masks, ``"pixels"`` or ``"lines"``.
        settings: sizes and budget.
        on_step: called with number and loss of each step of a network.

    Raises:
        ValueError: no such method.
    """
    if method in ("linear", "cubic"):
        return Learned(lambda other: interpolated(other, method))
    if method == "mean":
        mean = mean_image(observed)
        return Learned(lambda other: torch.where(other.mask > 0, other.y, mean))
    if method == "subspace_em":
        return Learned(_subspace_em(observed, settings))
    if method == "dictionary":
        return Learned(_dictionary(observed, settings))
    network = build(method, tuple(observed.y.shape[1:]), settings)
    recipe = settings.recipe
    if isinstance(network, LinearSubspace):
        with torch.no_grad():
            network.linear.mean.copy_(mean_image(observed).flatten())
        # Eq. 13-15 need few images a step, and large ones: it is one layer.
        recipe = replace(recipe, lr=5 * recipe.lr)
    elif isinstance(network, SparseVAE) and method == "conv_mean":
        network.observe_mean(network_input(observed.y, observed.mask))
    fill = method in ("conv_interp", "conv_interp_wmask")
    shown = interpolated(observed, "linear") if fill else None
    seconds = train(network, observed, recipe=recipe, kind=kind, shown=shown, on_step=on_step)

    def complete(other: Observed) -> Tensor:
        between = interpolated(other, "linear") if fill else None
        return predict(network, other, shown=between, n_draws=settings.n_draws, seed=recipe.seed)

    return Learned(complete, network, seconds)


def build(method: str, shape: tuple[int, ...], settings: Settings) -> Imputer:
    """Network of a method, with the random weights of the recipe's seed."""
    torch.manual_seed(settings.recipe.seed)
    channels = [settings.channels] * 5
    if method == "subspace_sgd":
        return LinearSubspace(shape, settings.n_latents, sigma=settings.sigma)
    if method == "completion":
        return CompletionNetwork(len(shape), channels=channels)
    if method not in SPARSE_VARIANTS:
        raise ValueError(f"method={method!r} must be one of {', '.join(METHODS)}")
    coarse = [-(-n // 16) for n in shape]
    return SparseVAE(
        len(shape),
        method,
        shape=shape,
        channels=channels,
        n_latents=settings.n_latents if method == "conv_FC_sparse" else settings.n_local,
        # Two regions along an axis, or, where that has an odd number of positions, three or one.
        region=[n // next(parts for parts in (2, 3, 1) if n % parts == 0) for n in coarse],
        sigma=settings.sigma,
        # The paper's interpolation is linear; it is computed once for each image.
        interpolates=False,
    )


def mean_image(observed: Observed) -> Tensor:
    """Mean of what was observed of each pixel, (height, width); of what was never observed, 0."""
    return (observed.y * observed.mask).sum(0) / observed.mask.sum(0).clamp(min=1)


def _subspace_em(observed: Observed, settings: Settings) -> Complete:
    y, mask = observed.flat
    generator = torch.Generator().manual_seed(settings.recipe.seed)
    found = factor_em(
        y, mask, n_latents=settings.n_latents, max_iterations=settings.iterations, generator=generator
    )
    network = LinearSubspace(tuple(observed.y.shape[1:]), settings.n_latents, sigma=max(found.sigma, 1e-6))
    with torch.no_grad():
        network.linear.weight.copy_(found.weight)
        network.linear.mean.copy_(found.mean)
    network.eval()
    return lambda other: predict(network, other)


def _dictionary(observed: Observed, settings: Settings) -> Complete:
    y, mask = observed.flat
    generator = torch.Generator().manual_seed(settings.recipe.seed)
    found = learn_dictionary(
        y,
        mask,
        n_atoms=settings.n_atoms,
        n_nonzero=settings.n_nonzero,
        max_iterations=settings.iterations,
        generator=generator,
    )

    def complete(other: Observed) -> Tensor:
        y, mask = other.flat
        code = matching_pursuit(y - found.mean, mask, atoms=found.atoms, n_nonzero=settings.n_nonzero)
        return (code @ found.atoms.T + found.mean).unflatten(1, other.y.shape[1:])

    return complete

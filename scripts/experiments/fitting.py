"""Training of networks on incomplete images in memory: plain loops, the same with the same seed."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mrrecon.losses import CRPSLoss, ObservedELBOLoss
from mrrecon.networks import CompletionNetwork, LinearSubspace, SparseVAE
from scripts.experiments.images import Observed
from scripts.experiments.options import Real, Whole, check

Imputer = SparseVAE | LinearSubspace | CompletionNetwork
WARMUP = 0.1
"""Part of the steps over which the learning rate rises."""


@dataclass(frozen=True)
class Recipe:
    """How networks are trained: one recipe for all.

    Args:
        steps: number of steps.
        batch: images of a step.
        lr: highest learning rate of Adam; it falls to zero by a cosine.
        kl_weight: weight of the divergence in the loss of a ``SparseVAE``.
        seed: of the order of images and of all draws.

    Raises:
        ValueError: an option is not what it may be.
    """

    steps: int = 1500
    batch: int = 64
    lr: float = 2e-3
    kl_weight: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        check(self, steps=Whole(), batch=Whole(), lr=Real(), kl_weight=Real(zero=True), seed=Whole(0))


def network_input(shown: Tensor, mask: Tensor) -> Tensor:
    """Image and mask (batch, 2, height, width) of (batch, height, width)."""
    return torch.stack([shown, mask], 1)


def hide(mask: Tensor, *, kind: str, generator: torch.Generator) -> Tensor:
    """What is left of masks (batch, height, width) when some of what was observed is hidden.

    Of single pixels a tenth to a half, at random; of lines, pieces: blocks of pixels of random size.
    """
    kept = []
    for one in mask:
        share = 0.1 + 0.4 * float(torch.rand((), generator=generator))
        sides = (1, 1)
        if kind == "lines":
            exponents = torch.randint(0, 5, (2,), generator=generator).tolist()
            sides = (2 ** exponents[0], 2 ** exponents[1])
        coarse = [-(-n // side) for n, side in zip(one.shape, sides, strict=True)]
        keep = torch.rand(coarse, generator=generator) >= share
        keep = keep.repeat_interleave(sides[0], 0).repeat_interleave(sides[1], 1)
        left = one * keep[: one.shape[0], : one.shape[1]]
        # Where everything or nothing would be hidden, it is the first observed pixel alone.
        if not bool(left.any()) or bool((left == one).all()):
            first = one.flatten().nonzero()[0]
            left = (one if not bool(left.any()) else left).clone()
            left.view(-1)[first] = 0.0
        kept.append(left)
    return torch.stack(kept)


def train(
    network: Imputer,
    observed: Observed,
    *,
    recipe: Recipe,
    kind: str = "pixels",
    shown: Tensor | None = None,
    on_step: Callable[[int, float], None] | None = None,
) -> float:
    """Fit a network to incomplete images; it ends in eval mode.

    Args:
        network: a ``CompletionNetwork`` learns what is hidden from it, the others the bound on the evidence.
        observed: images with holes.
        recipe: how.
        kind: of the masks, as for ``hide``.
        shown: what the network sees in place of the images: interpolated ones. None: the images.
        on_step: called with each step's number and loss.

    Returns:
        Seconds a step.
    """
    torch.manual_seed(recipe.seed)
    generator = torch.Generator().manual_seed(recipe.seed)
    shown = observed.y if shown is None else shown
    wanted = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(wanted, recipe.lr)
    total = recipe.steps + 1
    # torch divides by zero where the rise ends with the first step.
    rise = max(WARMUP, 2 / total)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.lr, total_steps=total, pct_start=rise)
    bound, score = ObservedELBOLoss(recipe.kl_weight), CRPSLoss()
    network.train()
    start = time.perf_counter()
    order = torch.empty(0, dtype=torch.long)
    for step in range(recipe.steps):
        if len(order) < recipe.batch:
            order = torch.cat([order, torch.randperm(len(observed.y), generator=generator)])
        chosen, order = order[: recipe.batch], order[recipe.batch :]
        y, mask = observed.y[chosen], observed.mask[chosen]
        if isinstance(network, CompletionNetwork):
            left = hide(mask, kind=kind, generator=generator)
            draws = network(network_input(y * left, left))
            loss = score(draws, (y[:, None], (mask - left)[:, None]))
        else:
            output = network(network_input(shown[chosen], mask))
            loss = bound(output, (y[:, None], mask[:, None]))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(wanted, 1.0)
        optimizer.step()
        schedule.step()
        if on_step is not None:
            on_step(step, float(loss.detach()))
    network.eval()
    return (time.perf_counter() - start) / max(recipe.steps, 1)


@torch.no_grad()
def predict(
    network: Imputer, observed: Observed, *, shown: Tensor | None = None, n_draws: int = 10, seed: int = 0
) -> Tensor:
    """Conditional mean (eq. 8): the mean of several completions; of a linear subspace, exactly.

    Args:
        network: trained.
        observed: images with holes.
        shown: as for ``train``.
        n_draws: completions averaged.
        seed: of the draws.

    Returns:
        (images, height, width).
    """
    shown = observed.y if shown is None else shown
    generator = torch.Generator().manual_seed(seed)
    means = []
    for y, mask in zip(shown.split(100), observed.mask.split(100), strict=True):
        x = network_input(y, mask)
        if isinstance(network, LinearSubspace):
            means.append(network(x)[:, 0])
        else:
            means.append(network.impute(x, n_draws, generator).mean(0)[:, 0])
    return torch.cat(means)


def squared_errors(pred: Tensor, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Mean squared error of each image over all pixels, and over those where the mask is 0."""
    error = (pred - x).square().flatten(1)
    missing = 1 - mask.flatten(1)
    return error.mean(1), (error * missing).sum(1) / missing.sum(1).clamp(min=1)


def held_out_error(
    complete: Callable[[Observed], Tensor], observed: Observed, *, kind: str, seed: int = 0
) -> float:
    """Mean squared error on observed pixels that a method was not shown: a validation without full images.

    Args:
        complete: the method: completed images of observed ones.
        observed: images with holes.
        kind: of the masks.
        seed: of what is hidden.
    """
    left = hide(observed.mask, kind=kind, generator=torch.Generator().manual_seed(seed))
    hidden = observed.mask - left
    pred = complete(Observed(observed.y * left, left))
    return float(((pred - observed.y).square() * hidden).sum() / hidden.sum())

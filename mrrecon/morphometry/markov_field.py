"""Neighbouring voxels tend to hold the same tissue: a Markov field, by mean field, with mixed voxels."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mrrecon.morphometry.region import Region

__all__ = ["markov_field"]


def markov_field(
    log_evidence: Float[Tensor, "states n"],
    fractions: Float[Tensor, "states k"],
    region: Region,
    *,
    strength: float,
    spacing: tuple[float, ...],
) -> Float[Tensor, "k wanted"]:
    r"""Expected fraction of each class in each voxel that is wanted.

    $$ q_s \propto \exp(e_s + \beta \langle f_s, \bar m \rangle), \qquad m = \sum_s q_s f_s $$

    with the mean $\bar m$ of m over the six neighbours, each with the inverse of its distance; outside of the
    volume lies nothing. All voxels are updated at once, as many times as the region has shells: so far does
    a voxel see. On a processor the loops are compiled.

    Args:
        log_evidence: e, logarithm of likelihood and prior of each state, in the voxels of the region.
        fractions: f, how much of each class a voxel in that state holds.
        region: the voxels.
        strength: β, from 0 up.
        spacing: of the voxels, in mm.
    """
    sweep = _sweep
    if log_evidence.device.type == "cpu":
        # numba takes a second to import.
        from mrrecon.morphometry.markov_kernels import sweep
    return _updated(sweep, log_evidence, fractions, region, strength=strength, spacing=spacing)


def _updated(
    sweep: Callable[..., None],
    log_evidence: Float[Tensor, "states n"],
    fractions: Float[Tensor, "states k"],
    region: Region,
    *,
    strength: float,
    spacing: tuple[float, ...],
) -> Float[Tensor, "k wanted"]:
    weights = [1 / size for size in spacing]
    weights = [strength * weight / (2 * sum(weights)) for weight in weights]
    padded = [n + 2 for n in region.shape]
    steps = (padded[1] * padded[2], padded[2], 1)
    places = region.places()
    held, new = log_evidence.new_zeros(2, fractions.shape[1], math.prod(padded))
    sweep(new, held, places, log_evidence, fractions, weights=(0.0, 0.0, 0.0), steps=steps)
    for count in reversed(region.counts[:-1]):
        held, new = new, held
        sweep(new, held, places[:count], log_evidence, fractions, weights=tuple(weights), steps=steps)
    return new[:, places[: region.counts[0]]]


def _sweep(
    new: Float[Tensor, "k padded"],
    held: Float[Tensor, "k padded"],
    places: Int[Tensor, " m"],
    log_evidence: Float[Tensor, "states n"],
    fractions: Float[Tensor, "states k"],
    *,
    weights: tuple[float, ...],
    steps: tuple[int, ...],
) -> None:
    """Update the first voxels of the region in ``new`` from ``held``."""
    pull = torch.zeros_like(held[:, places])
    for weight, step in zip(weights, steps, strict=True):
        pull += weight * (held[:, places - step] + held[:, places + step])
    chance = torch.softmax(log_evidence[:, : len(places)] + fractions @ pull, dim=0)
    new[:, places] = fractions.T @ chance

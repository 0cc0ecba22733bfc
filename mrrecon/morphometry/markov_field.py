"""Neighbouring voxels tend to hold the same tissue: a Markov field, by mean field, with mixed voxels."""

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["markov_field", "neighbour_mean"]


def neighbour_mean(maps: Float[Tensor, "k x y z"], *, spacing: tuple[float, ...]) -> Float[Tensor, "k x y z"]:
    """Average over the six neighbours, each with the inverse of its distance; outside lies nothing.

    Args:
        maps: volumes.
        spacing: distance of the voxels along each axis, in any unit.

    Example:
        >>> neighbour_mean(torch.ones(1, 3, 3, 3), spacing=(1.0, 1.0, 1.0))[0, 1, 1, 1]
        tensor(1.)
    """
    weights = [1 / size for size in spacing]
    mean = torch.zeros_like(maps)
    for axis, weight in enumerate(weights, start=1):
        share = weight / (2 * sum(weights))
        n = maps.shape[axis]
        mean.narrow(axis, 1, n - 1).add_(maps.narrow(axis, 0, n - 1), alpha=share)
        mean.narrow(axis, 0, n - 1).add_(maps.narrow(axis, 1, n - 1), alpha=share)
    return mean


def markov_field(
    log_evidence: Float[Tensor, "states x y z"],
    fractions: Float[Tensor, "states k"],
    *,
    strength: float,
    spacing: tuple[float, ...],
    n_sweeps: int,
) -> Float[Tensor, "k x y z"]:
    r"""Expected fraction of each class in each voxel.

    $$ q_s \propto \exp(e_s + \beta \langle f_s, \bar m \rangle), \qquad m = \sum_s q_s f_s $$

    with the mean $\bar m$ of m over the six neighbours.

    Args:
        log_evidence: e, logarithm of likelihood and prior of each state.
        fractions: f, how much of each class a voxel in that state holds.
        strength: β, from 0 up.
        spacing: of the voxels, in mm.
        n_sweeps: updates of all voxels at once.
    """
    q = torch.softmax(log_evidence, dim=0)
    held = torch.einsum("sxyz,sk->kxyz", q, fractions)
    for _ in range(n_sweeps):
        pull = neighbour_mean(held, spacing=spacing)
        q = log_evidence + strength * torch.einsum("kxyz,sk->sxyz", pull, fractions)
        held = torch.einsum("sxyz,sk->kxyz", torch.softmax(q, dim=0), fractions)
    return held

"""How much of each tissue a voxel holds: pure and mixed voxels, with neighbours that agree."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from mrrecon.morphometry.markov_field import markov_field
from mrrecon.morphometry.mixture import Mixture
from mrrecon.morphometry.region import Region

__all__ = ["MIXED", "N_SWEEPS", "PARTS", "SHARE_MIXED", "voxel_tissues"]

MIXED = ((0, 1), (1, 2))
"""Classes that a voxel may hold at once: CSF and grey matter, grey and white matter."""

PARTS = (0.25, 0.5, 0.75)
"""How much of the second one it holds."""

SHARE_MIXED = 0.3
"""How frequent each mixed state is where both classes are as likely, relative to a pure one."""

N_SWEEPS = 4
"""Updates of the Markov field."""


def voxel_tissues(
    mixture: Mixture,
    values: Float[Tensor, " n"],
    priors: Float[Tensor, "k n"],
    region: Region,
    *,
    strength: float,
    spacing: tuple[float, ...],
) -> Float[Tensor, "k wanted"]:
    """Expected fraction of each class in each voxel that is wanted.

    A voxel on a border is as bright as the fractions of both tissues say, with their noise.

    Args:
        mixture: brightness of each class.
        values: brightness freed from the gain, in the voxels of the region.
        priors: probability of each class; sums to 1.
        region: the voxels, with a shell for each update of the field.
        strength: of the Markov field, from 0 up.
        spacing: of the voxels, in mm.

    Reference:
        Shattuck et al., Magnetic resonance image tissue classification using a partial volume model,
        NeuroImage 2001, DOI 10.1006/nimg.2000.0730
    """
    expected = mixture.shares[:, None] * priors
    expected = expected / expected.sum(0)
    pure = mixture.log_likelihood(values) + (expected + 1e-6).log()
    fractions = list(torch.eye(len(priors), device=values.device))
    states = [pure]
    for first, second in MIXED:
        both = (SHARE_MIXED * (expected[first] * expected[second]).sqrt() + 1e-6).log()
        for part in PARTS:
            mean = torch.lerp(mixture.means[first], mixture.means[second], part)
            variance = torch.lerp(mixture.variances[first], mixture.variances[second], part)
            fit = -0.5 * ((values - mean).square() / variance + (2 * math.pi * variance).log())
            states.append((fit + both)[None])
            fractions.append(torch.lerp(fractions[first], fractions[second], part))
    return markov_field(torch.cat(states), torch.stack(fractions), region, strength=strength, spacing=spacing)

"""Which tissue the aligned template expects at a point of the scan."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from mrrecon.morphometry.alignment import Alignment
from mrrecon.morphometry.diffeomorphism import gaussian_smooth
from mrrecon.morphometry.grid import Grid, apply_affine, sample_linear
from mrrecon.morphometry.template import TissueTemplate

__all__ = ["TissuePriors", "pool"]

FACTOR = 2
"""Voxels of the template, 1 mm, to one of the priors: they are smoothed by more than that."""

ANYWHERE = (0.03, 0.01, 0.003)
"""Chance of each tissue in a voxel of an extracted brain where the template has none: mostly fluid."""

N_GAUSSIANS_OUTSIDE = 4
"""Gaussians of what is no brain: air, bone, muscle, fat."""


class TissuePriors:
    """Probability of CSF, grey and white matter, and in a whole head of what is no brain.

    Args:
        template: average brain.
        extracted: every voxel is of the brain.
    """

    def __init__(self, template: TissueTemplate, *, extracted: bool) -> None:
        self.tissues, self.grid = pool(template.tissues, template.grid, FACTOR)
        self.extracted = extracted
        self.spread = -1.0
        self.smooth = self.tissues

    @property
    def n_gaussians(self) -> tuple[int, ...]:
        """Gaussians of each class."""
        return (1, 1, 1) if self.extracted else (1, 1, 1, N_GAUSSIANS_OUTSIDE)

    def at(
        self, mm: Float[Tensor, "3 ..."], alignment: Alignment, *, spread: float
    ) -> Float[Tensor, "k ..."]:
        """Prior of each class at points of the scan; sums to 1.

        Args:
            mm: points.
            alignment: where they lie in the template.
            spread: standard deviation, in mm, of the errors of the alignment.
        """
        if spread != self.spread:
            self.smooth = gaussian_smooth(self.tissues, sigma=spread / self.grid.spacing[0])
            self.spread = spread
        voxels = apply_affine(np.linalg.inv(self.grid.affine), alignment.template_points(mm))
        read = sample_linear(self.smooth, voxels)
        if not self.extracted:
            return torch.cat([read, (1 - read.sum(0, keepdim=True)).clamp(min=1e-3)])
        read = read + torch.tensor(ANYWHERE, device=read.device).view(-1, *[1] * (read.dim() - 1))
        return read / read.sum(0)


def pool(volumes: Float[Tensor, "c x y z"], grid: Grid, factor: int) -> tuple[Float[Tensor, "c i j k"], Grid]:
    """Volumes averaged over blocks of ``factor`` voxels each way, with 0 beyond the last, and their grid.

    Example:
        >>> maps, grid = pool(torch.ones(1, 4, 4, 4), Grid((4, 4, 4), np.eye(4)), 2)
        >>> grid.spacing, grid.affine[0, 3]
        ((2.0, 2.0, 2.0), np.float64(0.5))
    """
    block = np.diag([factor, factor, factor, 1.0])
    block[:3, 3] = (factor - 1) / 2
    # Sums of the voxels that there are, over the number that there could be.
    pooled = F.avg_pool3d(volumes[None], factor, ceil_mode=True, divisor_override=factor**3)[0]
    return pooled, Grid((pooled.shape[1], pooled.shape[2], pooled.shape[3]), grid.affine @ block)

"""Continuous ranked probability score: how well a few draws describe what was hidden from who drew them."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["CRPSLoss", "crps"]


def crps(
    draws: Float[Tensor, "batch n *spatial"],
    target: Float[Tensor, "batch 1 *spatial"],
    *,
    mask: Float[Tensor, "batch 1 *spatial"],
    fairness: int | float = 1.0,
) -> Float[Tensor, ""]:
    r"""Mean over the voxels of the mask of the score of n draws $x_i$ at a voxel that holds $y$.

    $$ \frac1n \sum_i |x_i - y|
       - \Big(1 - \frac{1 - a}{n}\Big) \frac{1}{2 n (n - 1)} \sum_{i, j} |x_i - x_j| $$

    With a = 1 it is fair: its expected value is least when the draws come from the distribution of y itself,
    however few they are. But then one draw may lie anywhere as long as the other is right; a little less than
    1 forbids that.

    Args:
        draws: n draws, at least 2.
        target: y. What stands outside of the mask has no influence, even NaN.
        mask: 1 where the score is taken, 0 elsewhere.
        fairness: a, from 0 to 1.

    Raises:
        ValueError: a single draw, an empty mask, or ``fairness`` out of range.

    Example:
        >>> one = torch.ones(1, 1, 1)
        >>> crps(torch.tensor([[[0.0], [2.0]]]), one, mask=one)
        tensor(0.)

    Reference:
        Gneiting, Raftery. Strictly proper scoring rules, prediction, and estimation. Journal of the American
        Statistical Association 2007. https://doi.org/10.1198/016214506000001437
    """
    n = draws.shape[1]
    if n < 2:
        raise ValueError(f"draws must be at least 2, got {n}")
    if not 0 <= fairness <= 1:
        raise ValueError(f"fairness={fairness} must lie in [0, 1]")
    total = mask.sum()
    if not bool(total > 0):
        raise ValueError("mask must have at least one voxel")
    here = mask > 0
    x = torch.where(here, draws, torch.zeros_like(draws))
    y = torch.where(here, target, torch.zeros_like(target))
    error = (x - y).abs().mean(1, keepdim=True)
    # The sum over pairs from the sorted draws: sum_{i,j} |x_i - x_j| = 2 sum_k (2 k - n + 1) x_(k).
    if n == 2:
        pairs = 2 * (x[:, :1] - x[:, 1:]).abs()
    else:
        rank = torch.arange(n, device=x.device, dtype=x.dtype).reshape([1, n] + [1] * (x.ndim - 2))
        pairs = 2 * ((2 * rank - n + 1) * x.sort(1).values).sum(1, keepdim=True)
    spread = (1 - (1 - fairness) / n) / (2 * n * (n - 1)) * pairs
    return ((error - spread) * mask).sum() / total


class CRPSLoss(nn.Module):
    """``crps`` of the draws of a ``CompletionNetwork`` at the voxels that were hidden from it.

    Args:
        fairness: as for ``crps``.

    Attributes:
        components: error and spread of the last call, detached, for the log.

    Raises:
        ValueError: ``fairness`` is out of range.

    Example:
        >>> y = torch.ones(1, 1, 2, 2)
        >>> CRPSLoss()(torch.ones(1, 2, 2, 2), (y, y))
        tensor(0.)
    """

    def __init__(self, fairness: int | float = 0.95) -> None:
        super().__init__()
        if not 0 <= fairness <= 1:
            raise ValueError(f"fairness={fairness} must lie in [0, 1]")
        self.fairness = fairness
        self.components: dict[str, Tensor] = {}

    def forward(self, output: Tensor, target: tuple[Tensor, Tensor]) -> Float[Tensor, ""]:
        """Loss of a batch.

        Args:
            output: draws, (batch, n, *spatial).
            target: (image, mask of the hidden voxels), both (batch, 1, *spatial).
        """
        y, mask = target
        draws, mask = output.float(), mask.to(torch.float32)
        with torch.no_grad():
            squared = torch.where(mask > 0, draws.mean(1, keepdim=True) - y, torch.zeros_like(y)).square()
            self.components = {"squared_error": squared.sum() / mask.sum()}
        return crps(draws, y, mask=mask, fairness=self.fairness)

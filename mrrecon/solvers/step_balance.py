"""Steps of a primal-dual method, balanced while it runs, so that nobody has to choose them."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float64
from torch import Tensor

__all__ = ["StepBalance"]

# Found on total variation, wavelets, sparse and Poisson data: from 1 to 3 little changes.
_DUAL_PART = 2.0
_LOPSIDED = 3.0
# A term whose dual hardly moves keeps this part of the steps.
_LEAST_SHARE = 0.05


@dataclass
class StepBalance:
    r"""Steps for $\min_x h(x) + \sum_i f_i(K_i x)$: τ for the image, σ_i for the dual of each term.

    They keep $1 / \tau = L + s$, $s = \sum_i \sigma_i \|K_i\|^2$, with which the method of Condat and Vu
    converges if it is relaxed by less than 3/2 (2 where there is no smooth h). Left open are s and how it is
    shared. The squared distance to the solution in the norm of the method is about
    $\|\Delta x\|^2 (L + s) + (\sum_i \|K_i\| \|\Delta p_i\|)^2 / s$, least at
    $s = \sum_i \|K_i\| \|\Delta p_i\| / \|\Delta x\|$ with shares $\|K_i\| \|\Delta p_i\|$. How far image
    and duals moved since the last look stands for the unknown distances. A look comes when the residual has
    fallen to two fifths, when it has fallen a little and rises again, or after a third of all iterations.
    Where image or duals are not unique these estimates run away; the residuals hold them back.

    All numbers are one for each problem of a batch, and steps change for each on its own.

    Args:
        lipschitz: L, of the gradient of h.
        norms: of the operators K_i, stacked in front.
        pull: guess of $\|K_i\| \|\Delta p_i\|$, stacked in front.
        distance: guess of how far the image is from the solution.

    Example:
        >>> one = torch.ones((), dtype=torch.float64)
        >>> steps = StepBalance(one, one[None], one[None], one)
        >>> steps.tau, steps.sigma
        (tensor(0.3333, dtype=torch.float64), tensor([2.], dtype=torch.float64))

    Reference:
        D. Applegate et al., "Practical large-scale linear programming using primal-dual hybrid gradient",
        Advances in Neural Information Processing Systems 34 (2021), arXiv:2106.04756.
    """

    lipschitz: Float64[Tensor, "*batch"]
    norms: Float64[Tensor, "*terms_and_batch"]
    pull: Float64[Tensor, "*terms_and_batch"]
    distance: Float64[Tensor, "*batch"]

    def __post_init__(self) -> None:
        tiny = torch.finfo(torch.float64).tiny
        total = self.pull.sum(0)
        known = (total > 0) & (self.distance > 0)
        pull = torch.where(known, self.pull.maximum(0.1 * self.pull.amax(0)), 1.0)
        self.share = pull / pull.sum(0)
        # Where nothing is known: as strong as the data term.
        equal = torch.where(self.lipschitz > 0, self.lipschitz, 1.0)
        self.strength = torch.where(known, _DUAL_PART * total / self.distance.clamp(min=tiny), equal)
        self.residual_at_look = torch.full_like(self.distance, torch.inf)
        self.last_residual = torch.full_like(self.distance, torch.inf)
        self.since_look = torch.zeros_like(self.distance)

    @property
    def tau(self) -> Float64[Tensor, "*batch"]:
        """Step of the image."""
        return 1 / (self.lipschitz + self.strength)

    @property
    def sigma(self) -> Float64[Tensor, "*terms_and_batch"]:
        """Steps of the duals."""
        return self.share * self.strength / self.norms.square()

    def look(self, residual: Float64[Tensor, "*batch"], iteration: int) -> Bool[Tensor, "*batch"]:
        """Whether it is time to look, given the length of the last step in the norm of the method."""
        first = self.since_look == 0
        self.residual_at_look = torch.where(first, residual, self.residual_at_look)
        fallen = residual <= 0.4 * self.residual_at_look
        turned = (residual <= 0.9 * self.residual_at_look) & (residual > self.last_residual)
        now = ~first & (fallen | turned | (self.since_look >= 0.36 * iteration))
        self.last_residual = residual
        self.since_look = torch.where(now, 0.0, self.since_look + 1)
        return now

    def update(
        self,
        now: Bool[Tensor, "*batch"],
        *,
        moved: Float64[Tensor, "*batch"],
        pull: Float64[Tensor, "*terms_and_batch"],
        forces: Float64[Tensor, "*batch"],
        images: Float64[Tensor, "*batch"],
    ) -> None:
        """New steps for the problems whose time it is.

        Args:
            now: which problems.
            moved: how far the image went since the last look.
            pull: how far the duals went, each times the norm of its operator.
            forces: residual of the forces on the image, which strong duals make larger.
            images: residual of what the terms see, which they make smaller.
        """
        total = pull.sum(0)
        now = now & (moved > 0) & (total > 0)
        wanted = torch.where(now, _DUAL_PART * total / moved, self.strength)
        # Four fifths of the way, on a logarithmic scale, and not more than a factor of 100 at once.
        change = (wanted / self.strength).clamp(0.01, 100).pow(0.8)
        # Towards what the much larger of the two residuals asks for, or not at all.
        change = torch.where(forces > _LOPSIDED * images, change.clamp(max=1), change)
        change = torch.where(images > _LOPSIDED * forces, change.clamp(min=1), change)
        share = (0.5 * self.share + 0.5 * pull / total).clamp(min=_LEAST_SHARE)
        self.share = torch.where(now, share / share.sum(0), self.share)
        # Weaker than a millionth of the data term it could not lengthen the image's step any more.
        self.strength = torch.where(now, self.strength * change, self.strength).clamp(
            min=1e-6 * self.lipschitz
        )

"""Expectation maximisation of a linear subspace, a batch of incomplete images at a time."""

import torch
from torch import Tensor
from torch.optim import Optimizer

from mrrecon.networks import LinearSubspace

__all__ = ["FactorSteps"]


class FactorSteps(Optimizer):
    r"""Steps of expectation maximisation for a ``LinearSubspace``, an optimiser for a ``FitTrainer``.

    $$ [w_j, \mu_j] \leftarrow [w_j, \mu_j] + \gamma \, n_j^{-1} \Big(\sum_{i: j \in O_i}
       y_{ij} E[\tilde x_i]^T - [w_j, \mu_j] E[\tilde x_i \tilde x_i^T]\Big) \bar S^{-1}, \qquad
       \bar S = \tfrac1n \sum_i E[\tilde x_i \tilde x_i^T] $$

    $\tilde x = (x, 1)$. ``solvers.factor_em`` solves for the weights of each voxel with a d x d matrix of
    its own: with 23,040 voxels and 200 coordinates 3.7 GB of matrices, and for 6,000 slices 10^13 products,
    an iteration. Here all voxels share one matrix, the mean, which is theirs too if voxels are missing at
    random; where they are not, the steps are smaller or larger, and end at the same place: the derivative of
    the likelihood is zero where the bracket is. An image costs ``observed voxels x d²`` products, and nothing
    larger than W is kept. With everything observed, all images in the batch and γ = 1 it is a step of
    ``factor_em``.

    After each step the coordinates are given mean 0 and covariance 1, as far as the batch tells.

    Args:
        network: the subspace; its W, μ and σ are changed in place.
        lr: γ, above 0 and at most 1: the part of the way to what a batch says. It should fall in the course
            of a training, like the step size of any stochastic method. A voxel that is seen in less than a
            sixteenth of what voxels are on average gets no larger steps than one that is seen so often.

    Raises:
        ValueError: γ is out of range.

    Reference:
        Cappé, Moulines. On-line expectation-maximization algorithm for latent data models. Journal of the
        Royal Statistical Society B 2009. https://doi.org/10.1111/j.1467-9868.2009.00698.x
        Lange. A gradient algorithm locally equivalent to the EM algorithm. Journal of the Royal Statistical
        Society B 1995. https://doi.org/10.1111/j.2517-6161.1995.tb02037.x
    """

    def __init__(self, network: LinearSubspace, *, lr: int | float = 0.1) -> None:
        if not 0 < lr <= 1:
            raise ValueError(f"lr={lr} must be above 0 and at most 1")
        self.network = network
        linear = network.linear
        super().__init__([linear.weight, linear.mean, linear.log_ridge], {"lr": float(lr)})

    @torch.no_grad()
    def fit(self, x: Tensor) -> Tensor:
        """One step.

        Args:
            x: image and mask, (batch, 2, *shape).

        Returns:
            Mean squared error of what was observed, by the coordinates before the step.
        """
        gamma = float(self.param_groups[0]["lr"])
        linear = self.network.linear
        weight, mean = linear.weight.data, linear.mean.data
        d = weight.shape[1]
        seen = (x[:, 1].flatten(1) > 0).to(weight.dtype)
        y = torch.where(seen > 0, x[:, 0].flatten(1), 0)
        lower = linear.factor(seen)
        ridge = linear.log_ridge.double().exp()
        right = (((y - mean) * seen) @ weight).to(lower.dtype).unsqueeze(2)
        codes = torch.cholesky_solve(right, lower).squeeze(2)
        covariances = ridge * torch.cholesky_inverse(lower)
        second = (covariances + codes.unsqueeze(2) * codes.unsqueeze(1)).mean(0)
        short = codes.to(weight.dtype)
        rest = (y - mean - short @ weight.T) * seen
        slope, spread = rest.T @ short, 0.0
        for mask, covariance in zip(seen, covariances.to(weight.dtype), strict=True):
            rows = mask.nonzero().squeeze(1)
            moved = weight[rows] @ covariance
            slope[rows] -= moved
            spread += float((moved * weight[rows]).double().sum())
        # How many images of such a batch see a voxel, in the long run.
        state = self.state[linear.mean]
        share = seen.mean(0)
        old = state.get("share")
        state["share"] = (
            share.mean().expand_as(share) * (1 - gamma) + gamma * share
            if old is None
            else (old + gamma * (share - old))
        )
        counts = len(y) * state["share"].clamp(min=float(share.mean()) / 16)
        center = gamma * codes.mean(0)
        moments = torch.eye(d + 1, dtype=torch.float64, device=y.device)
        moments[:d, :d] += gamma * (second - moments[:d, :d])
        moments[:d, d] = moments[d, :d] = center
        both = torch.cat([slope, rest.sum(0).unsqueeze(1)], 1).double()
        step = torch.linalg.solve(moments, both.T).T.to(weight.dtype) / counts.unsqueeze(1)
        weight += gamma * step[:, :d]
        mean += gamma * step[:, d]
        error = float(rest.double().square().sum())
        n_observed = max(float(seen.sum()), 1.0)
        new = (error + spread) / n_observed
        linear.log_ridge.data.copy_(((1 - gamma) * ridge + gamma * new).clamp(min=1e-12).log())
        # Coordinates of mean 0 and covariance 1 of the same images.
        mean += weight @ center.to(weight.dtype)
        root = torch.linalg.cholesky(moments[:d, :d] - torch.outer(center, center))
        weight.copy_(weight @ root.to(weight.dtype))
        return torch.tensor(error / n_observed)

"""Mixture of Gaussians with spatial priors and a bias field, fitted by expectation maximisation."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["Mixture", "fit_mixture"]

N_STILL = 6
"""First steps without a gain: before the classes stand apart it would explain them away."""


@dataclass(frozen=True)
class Mixture:
    """Brightness of each class, and the gain.

    Args:
        means: mean of each Gaussian, in units of the scan.
        variances: variance of each.
        weights: share of each Gaussian in its class; those of a class sum to 1.
        owner: class of each Gaussian.
        shares: how much more frequent each class is than its prior says.
        coefficients: of the cosines of the logarithm of the gain.
    """

    means: Float[Tensor, " g"]
    variances: Float[Tensor, " g"]
    weights: Float[Tensor, " g"]
    owner: Int[Tensor, " g"]
    shares: Float[Tensor, " k"]
    coefficients: Float[Tensor, " cosines"]

    def log_likelihood(self, values: Float[Tensor, "..."]) -> Float[Tensor, "k ..."]:
        """Logarithm of the density of each class at brightness freed from the gain."""
        rows = []
        for k in range(len(self.shares)):
            members = (self.owner == k).nonzero()[:, 0]
            rows.append(torch.logsumexp(torch.stack([self._log_gaussian(g, values) for g in members]), dim=0))
        return torch.stack(rows)

    def _log_gaussian(self, g: Tensor, values: Tensor) -> Tensor:
        variance = self.variances[g]
        constant = self.weights[g].clamp(min=1e-12).log() - 0.5 * (2 * math.pi * variance).log()
        return constant - 0.5 * (values - self.means[g]).square() / variance

    def posterior(
        self, values: Float[Tensor, "..."], priors: Float[Tensor, "k ..."]
    ) -> Float[Tensor, "k ..."]:
        """Probability of each class, from brightness freed from the gain and from the priors."""
        shares = self.shares.view(-1, *[1] * values.dim())
        return torch.softmax(self.log_likelihood(values) + (shares * priors + 1e-8).log(), dim=0)


def fit_mixture(
    values: Float[Tensor, " n"],
    priors: Float[Tensor, "k n"],
    basis: Float[Tensor, "n cosines"],
    *,
    stiffness: Float[Tensor, " cosines"],
    n_gaussians: Sequence[int],
    mixed: Sequence[tuple[int, int]] = (),
    share_mixed: float = 0.0,
    start: Mixture | None = None,
    n_iterations: int = 30,
    tolerance: float = 1e-4,
) -> Mixture:
    r"""Most probable mixture, $y_i / b_i \sim \sum_k \pi_{ki} \sum_g w_g N(\mu_g, \sigma_g^2)$.

    Args:
        values: brightness y, from 0 up, at points of the scan.
        priors: probability of each class at each point; sums to 1.
        basis: cosines of the logarithm of the gain b at each point.
        stiffness: penalty of each of them.
        n_gaussians: how many each class has.
        mixed: pairs of classes, of one Gaussian each, that a point may hold at once, in any proportion. Such
            points say nothing about the pure classes.
        share_mixed: how frequent they are where both classes are as likely, relative to a pure one.
        start: where to begin; default: weighted quantiles of the brightness.
        n_iterations: at most so many steps.
        tolerance: ends when the mean log-likelihood grows less than this in a step.

    Reference:
        Ashburner, Friston, Unified segmentation, NeuroImage 2005, DOI 10.1016/j.neuroimage.2005.02.018
    """
    mixture = start if start is not None else _first(values, priors, n_gaussians, basis.shape[1])
    floor = (0.01 * float(values.quantile(0.95))) ** 2 if len(values) < 2**24 else 1e-4
    before = -math.inf
    for i in range(n_iterations):
        even = values * torch.exp(-(basis @ mixture.coefficients))
        weighted = mixture.shares[:, None] * priors
        weighted = weighted / weighted.sum(0).clamp(min=1e-12)
        log_joint = (
            torch.stack(
                [
                    mixture._log_gaussian(g, even)
                    for g in torch.arange(len(mixture.means), device=values.device)
                ]
            )
            + (weighted[mixture.owner] + 1e-8).log()
        )
        borders = _log_mixed(mixture, even, weighted, mixed, share_mixed)
        evidence = torch.logsumexp(torch.cat([log_joint, *borders]), dim=0)
        mixture = _maximised(
            mixture,
            even,
            (log_joint - evidence).exp(),
            priors,
            basis,
            stiffness,
            floor,
            gain=start is not None or i >= N_STILL,
        )
        now = float(evidence.mean() - (basis @ mixture.coefficients).mean())
        if i > N_STILL and abs(now - before) < tolerance:
            break
        before = now
    return mixture


def _log_mixed(
    mixture: Mixture, even: Tensor, weighted: Tensor, mixed: Sequence[tuple[int, int]], share: float
) -> list[Tensor]:
    rows = []
    for first, second in mixed if share > 0 else ():
        one, other = (int((mixture.owner == k).nonzero()[0]) for k in (first, second))
        mean = (mixture.means[one] + mixture.means[other]) / 2
        # Any proportion is as likely: a uniform distribution between both means, of variance d² / 12.
        gap = mixture.means[one] - mixture.means[other]
        variance = (mixture.variances[one] + mixture.variances[other]) / 2 + gap.square() / 12
        density = -0.5 * ((even - mean).square() / variance + (2 * math.pi * variance).log())
        rows.append((density + (share * (weighted[first] * weighted[second]).sqrt() + 1e-8).log())[None])
    return rows


def _maximised(
    mixture: Mixture,
    even: Tensor,
    members: Tensor,
    priors: Tensor,
    basis: Tensor,
    stiffness: Tensor,
    floor: float,
    *,
    gain: bool,
) -> Mixture:
    mass = members.sum(1).clamp(min=1e-6)
    means = (members @ even) / mass
    spread = (members * (even - means[:, None]).square()).sum(1) / mass
    variances = spread.clamp(min=floor)
    classes = torch.zeros_like(priors).index_add_(0, mixture.owner, members)
    weights = mass / classes.sum(1)[mixture.owner].clamp(min=1e-6)
    normal = (mixture.shares[:, None] * priors).sum(0).clamp(min=1e-12)
    pure = classes.sum(0).clamp(min=1e-12)
    shares = classes.sum(1) / (pure * priors / normal).sum(1).clamp(min=1e-6)
    shares = (shares / shares.mean()).clamp(0.5, 2)
    coefficients = mixture.coefficients
    if gain and basis.shape[1] > 1:
        # A step of Gauss and Newton on the likelihood of y, whose density is that of y / b divided by b.
        # Without that division a great gain would shrink all the spreads for nothing.
        trust = members / variances[:, None]
        wanted = (trust * (even - means[:, None])).sum(0) * even - members.sum(0)
        total = (trust * means.square()[:, None]).sum(0) + members.sum(0)
        lhs = (basis * total[:, None]).T @ basis
        rhs = basis.T @ wanted
        penalty = lhs.diagonal().mean() * (0.02 * stiffness + 1e-4)
        rhs = rhs - penalty * coefficients
        step = torch.linalg.solve((lhs + penalty.diag()).double(), rhs.double()).to(coefficients)
        longest = float((basis @ step).abs().max())
        coefficients = coefficients + step * min(1.0, 0.2 / max(longest, 1e-6))
        coefficients = torch.cat([coefficients.new_zeros(1), coefficients[1:]])
    return Mixture(means, variances, weights, mixture.owner, shares, coefficients)


def _first(values: Tensor, priors: Tensor, n_gaussians: Sequence[int], n_cosines: int) -> Mixture:
    means, variances, weights, owner = [], [], [], []
    order = values.argsort()
    for k, n in enumerate(n_gaussians):
        # Points that surely belong to the class say most about it.
        sure = priors[k][order] ** 8
        share = sure.cumsum(0) / sure.sum().clamp(min=1e-9)
        # What the template calls fluid is partly grey matter of this brain: the darker part is fluid.
        marks = [0.25] if k == 0 else [(i + 0.5) / n for i in range(n)]
        for mark in marks:
            means.append(values[order[int((share < mark).sum().clamp(max=len(order) - 1))]])
            weights.append(1.0 / n)
            owner.append(k)
        quarters = [
            values[order[int((share < mark).sum().clamp(max=len(order) - 1))]] for mark in (0.25, 0.75)
        ]
        variances += [((quarters[1] - quarters[0]) / 1.35 / n).square()] * n
    stacked = torch.stack(means)
    return Mixture(
        stacked,
        torch.stack(variances).clamp(min=1e-6 * float(values.square().mean())),
        torch.tensor(weights).to(stacked),
        torch.tensor(owner, device=values.device),
        torch.ones(len(n_gaussians), device=values.device),
        torch.zeros(n_cosines, device=values.device),
    )

"""Maximum likelihood of a linear subspace from images of which only a part was observed."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mrrecon.solvers.voxelwise import voxelwise_least_squares

__all__ = ["Factors", "factor_em"]

_CACHED = 2**18
"""Numbers that are worked on at a time where each image has rows of its own."""


@dataclass(frozen=True)
class Factors:
    """A linear subspace: ``y = W x + μ + ε``.

    Args:
        weight: W, (voxels, n_latents).
        mean: μ, (voxels,).
        sigma: σ, standard deviation of ε, in units of the images.
        log_likelihood: of the observed entries, per entry, after each iteration.
        converged: whether its last change was below the tolerance.
    """

    weight: Float[Tensor, "voxels latents"]
    mean: Float[Tensor, " voxels"]
    sigma: float
    log_likelihood: list[float]
    converged: bool


def factor_em(
    y: Float[Tensor, "images voxels"],
    mask: Float[Tensor, "_ _"],
    *,
    n_latents: int,
    max_iterations: int = 100,
    tolerance: float = 1e-5,
    chunk: int = 64,
    generator: torch.Generator | None = None,
    callback: Callable[[int, float], None] | None = None,
) -> Factors:
    r"""Probabilistic principal components of incomplete images, by expectation maximisation.

    $$ q(x_i) = N\big(S_i W_o^T (y_o - \mu_o), \sigma^2 S_i\big), \quad S_i = (W_o^T W_o + \sigma^2 I)^{-1};
       \qquad [w_j, \mu_j] = \Big(\sum_{i: j \in O_i} E[\tilde x_i \tilde x_i^T]\Big)^{-1}
       \sum_{i: j \in O_i} y_{ij} E[\tilde x_i], \quad \tilde x = (x, 1) $$

    Each voxel has least squares of its own over the images that observed it; all of them are one product of
    matrices, ``mask^T`` times the moments, so that the cost is that of ``images x voxels x n_latents² / 2``
    products: thousands of voxels and hundreds of images take seconds a step. The coordinates of an image cost
    ``n_latents²`` products for each voxel that it observed. Memory is bounded by ``chunk`` images and as many
    voxels at a time. A voxel that no image observed has mean and weights 0.

    After each step the coordinates are given mean 0 and covariance 1 (parameter expansion): without it, a
    little noise makes the search creep.

    Args:
        y: images. What stands at missing entries has no influence.
        mask: 1 where observed, 0 where missing.
        n_latents: dimensions of the subspace, at least 1.
        max_iterations: at most so many.
        tolerance: change of the log-likelihood, relative to its size, that ends the search.
        chunk: images (voxels x 16) worked on at a time.
        generator: source of the random start.
        callback: called with the iteration and the log-likelihood.

    Raises:
        ValueError: shapes differ, nothing is observed, or ``n_latents`` is not between 1 and the number of
            images.

    Example:
        >>> y = torch.outer(torch.linspace(-1, 1, 20), torch.ones(6))
        >>> found = factor_em(y, torch.ones_like(y), n_latents=1)
        >>> found.weight.shape
        torch.Size([6, 1])

    Reference:
        Ilin, Raiko. Practical approaches to principal component analysis in the presence of missing values.
        JMLR 2010. https://jmlr.org/papers/v11/ilin10a.html
        Liu, Rubin, Wu. Parameter expansion to accelerate EM: the PX-EM algorithm. Biometrika 1998.
        https://doi.org/10.1093/biomet/85.4.755
    """
    if y.shape != mask.shape:
        raise ValueError(f"mask has shape {tuple(mask.shape)}, y has {tuple(y.shape)}: they must be equal")
    n_images, n_voxels = y.shape
    if not 1 <= n_latents <= n_images:
        raise ValueError(f"n_latents={n_latents} must lie between 1 and the number of images, {n_images}")
    if not bool((mask > 0).any()):
        raise ValueError("mask observes nothing: at least one entry must be 1")
    # In float64: of few images the subspace fits all, σ² goes to its floor, and the sums of float32, rounded
    # to more than that, are no longer positive definite.
    dtype, y = y.dtype, y.double()
    seen = (mask > 0).double()
    y = torch.where(mask > 0, y, torch.zeros_like(y))
    n_observed = float(seen.sum())
    mean = y.sum(0) / seen.sum(0).clamp(min=1)
    variance = float(((y - mean).square() * seen).sum() / n_observed)
    if variance == 0:
        flat = torch.zeros(n_voxels, n_latents, dtype=dtype, device=y.device)
        return Factors(flat, mean.to(dtype), 0.0, [], True)
    weight = torch.randn(n_voxels, n_latents, generator=generator).to(y)
    weight = weight * (variance / n_latents) ** 0.5
    floor = 1e-8 * variance
    likelihoods: list[float] = []
    converged = False
    for iteration in range(max_iterations):
        x, second, likelihood = _expectation(y, seen, weight, mean, variance, chunk)
        likelihoods.append(likelihood / n_observed)
        weight, mean = _maximization(y, seen, x, second, 16 * chunk)
        variance = max(_residual_variance(y, seen, x, second, weight, mean, chunk) / n_observed, floor)
        weight, mean = _standardized(x, second, weight, mean)
        if callback is not None:
            callback(iteration, likelihoods[-1])
        if iteration and abs(likelihoods[-1] - likelihoods[-2]) <= tolerance * abs(likelihoods[-2]):
            converged = True
            break
    return Factors(weight.to(dtype), mean.to(dtype), variance**0.5, likelihoods, converged)


def _expectation(
    y: Tensor, seen: Tensor, weight: Tensor, mean: Tensor, variance: float, chunk: int
) -> tuple[Tensor, Tensor, float]:
    """Means (images, d), second moments (images, d, d) of the coordinates, and the log-likelihood."""
    d = weight.shape[1]
    means, moments, likelihood = [], [], 0.0
    eye = torch.eye(d, dtype=y.dtype, device=y.device)
    for images, masks in zip(y.split(chunk), seen.split(chunk), strict=True):
        rest = (images - mean) * masks
        gram = _observed_grams(weight, masks)
        lower = torch.linalg.cholesky(gram + variance * eye)
        projected = (rest @ weight)[..., None]
        x = torch.cholesky_solve(projected, lower)
        covariance = variance * torch.cholesky_inverse(lower)
        n = masks.sum(1)
        # Determinant and quadratic form of W W^T + σ² I, by those of the small matrix.
        log_det = 2 * lower.diagonal(dim1=1, dim2=2).log().sum(1) + (n - d) * _log(variance)
        quadratic = (rest.square().sum(1) - (projected * x).sum((1, 2))) / variance
        likelihood += float((-0.5 * (log_det + quadratic + n * _log(2 * torch.pi))).sum())
        means.append(x[..., 0])
        moments.append(covariance + x @ x.transpose(1, 2))
    return torch.cat(means), torch.cat(moments), likelihood


def _maximization(y: Tensor, seen: Tensor, x: Tensor, second: Tensor, chunk: int) -> tuple[Tensor, Tensor]:
    """Weights and mean of each voxel: its least squares on the coordinates and a constant."""
    n_images, d = x.shape
    extended = torch.cat([x, torch.ones_like(x[:, :1])], 1)
    moments = torch.empty(n_images, d + 1, d + 1, dtype=x.dtype, device=x.device)
    moments[:, :d, :d], moments[:, :d, d], moments[:, d, :] = second, x, extended
    both = voxelwise_least_squares(y, seen, codes=extended, moments=moments, chunk=chunk)
    return both[:, :d].contiguous(), both[:, d].contiguous()


def _standardized(x: Tensor, second: Tensor, weight: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
    """Weights and mean of the same images, for coordinates whose mean is 0 and whose covariance is 1."""
    center = x.mean(0)
    covariance = second.mean(0) - torch.outer(center, center)
    return weight @ torch.linalg.cholesky(covariance), mean + weight @ center


def _residual_variance(
    y: Tensor, seen: Tensor, x: Tensor, second: Tensor, weight: Tensor, mean: Tensor, chunk: int
) -> float:
    """Sum over observed entries of the expected squared residual."""
    total = 0.0
    parts = zip(y.split(chunk), seen.split(chunk), x.split(chunk), second.split(chunk), strict=True)
    for images, masks, means, moments in parts:
        rest = (images - mean - means @ weight.T) * masks
        covariance = moments - means[:, :, None] * means[:, None]
        spread = _observed_grams(weight, masks) * covariance
        total += float(rest.square().sum() + spread.sum())
    return total


def _observed_grams(weight: Tensor, masks: Tensor) -> Tensor:
    """``W_o^T W_o`` of each image, (images, d, d), from the rows of what it observed alone."""
    most = max(int(masks.sum(1).max()), 1)
    observed, rows = masks.topk(most, 1, sorted=False)
    # A few images at a time, so that their rows stay in the cache.
    some = max(1, _CACHED // (most * weight.shape[1]))
    grams = []
    for shown, chosen in zip(observed.split(some), rows.split(some), strict=True):
        ours = weight[chosen] * shown[..., None]
        grams.append(ours.transpose(1, 2) @ ours)
    return torch.cat(grams)


def _log(value: float) -> float:
    return float(torch.tensor(value, dtype=torch.float64).log())

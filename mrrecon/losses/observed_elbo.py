"""Evidence of the observed entries of an image: what a network learns from that never sees a full image."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["ObservedELBOLoss", "observed_elbo"]


def observed_elbo(
    pred: Float[Tensor, "batch draws_channels *spatial"],
    target: Float[Tensor, "batch channels *spatial"],
    *,
    mask: Float[Tensor, "batch channels *spatial"],
    mean: Float[Tensor, " batch *code"],
    log_variance: Float[Tensor, " batch *code"],
    log_sigma: Float[Tensor, ""] | float,
    kl_weight: float = 1.0,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    r"""Negative log-likelihood of the observed entries, and the divergence of the code from its prior.

    $$ \frac{1}{K |O|} \sum_{k=1}^K \sum_{j \in O} \Big[ \frac{(y_j - f_j(x_k))^2}{2 \sigma^2} + \log \sigma
       + \tfrac{1}{2} \log 2\pi \Big], \qquad
       \frac{\beta}{2 |O|} \big[ \mathrm{tr}\,\Sigma - \log|\Sigma| + \mu^T \mu - d \big] $$

    Their sum is eq. 9 with the factors ½ that the paper drops on both of its terms, the constants, and
    divided by the number of observed entries, so that images of any size and sparsity weigh alike and a
    learned σ has its optimum at the error.

    Args:
        pred: ``f(x)`` for K draws ``x`` of each code, one after the other along the channels.
        target: images. What stands at missing entries has no influence, even NaN.
        mask: 1 where observed, 0 where missing.
        mean: μ of the code.
        log_variance: logarithm of the diagonal of Σ.
        log_sigma: natural logarithm of σ.
        kl_weight: β, at least 0; 1 is the bound on the evidence.

    Returns:
        The two addends, each averaged over the batch.

    Raises:
        ValueError: an image of the batch has no observed entry, or the channels of the prediction are no
            multiple of those of the target.

    Example:
        >>> y, code = torch.ones(1, 1, 2, 2), torch.zeros(1, 3)
        >>> nll, kl = observed_elbo(y, y, mask=y, mean=code, log_variance=code, log_sigma=0.0)
        >>> round(float(nll), 3), float(kl)
        (0.919, 0.0)

    Reference:
        Dalca, Guttag, Sabuncu. Unsupervised data imputation via variational inference of deep subspaces.
        2019. https://doi.org/10.48550/arXiv.1903.03503
    """
    if pred.shape[1] % target.shape[1]:
        raise ValueError(
            f"pred has {pred.shape[1]} channels: give {target.shape[1]} for each draw, as the target"
        )
    n_observed = mask.flatten(1).sum(1)
    if not bool((n_observed > 0).all()):
        raise ValueError("mask must have at least one observed entry for each image of the batch")
    log_sigma = torch.as_tensor(log_sigma, dtype=pred.dtype, device=pred.device)
    draws = pred.unflatten(1, (-1, target.shape[1]))
    y, seen = target.unsqueeze(1), mask.unsqueeze(1)
    error = torch.where(seen > 0, draws - y, torch.zeros_like(draws)).square() * seen
    squared = error.flatten(1).sum(1) / (draws.shape[1] * n_observed)
    nll = 0.5 * squared * torch.exp(-2 * log_sigma) + log_sigma + 0.5 * math.log(2 * math.pi)
    kl = 0.5 * (log_variance.exp() - log_variance + mean.square() - 1).flatten(1).sum(1)
    return nll.mean(), kl_weight * (kl / n_observed).mean()


class ObservedELBOLoss(nn.Module):
    """``observed_elbo`` as a module: the negative bound on the evidence, one number.

    Args:
        kl_weight: β, at least 0.

    Attributes:
        components: the addends of the last call, detached, for the log.

    Raises:
        ValueError: ``kl_weight`` is negative.

    Example:
        >>> y, code = torch.ones(1, 1, 2, 2), torch.zeros(1, 3)
        >>> loss = ObservedELBOLoss()
        >>> round(float(loss((y, code, code, torch.tensor(0.0)), (y, y))), 3)
        0.919
    """

    def __init__(self, kl_weight: float = 1.0) -> None:
        super().__init__()
        if not kl_weight >= 0:
            raise ValueError(f"kl_weight={kl_weight} must be at least 0")
        self.kl_weight = kl_weight
        self.components: dict[str, Tensor] = {}

    def forward(
        self, output: tuple[Tensor, Tensor, Tensor, Tensor], target: tuple[Tensor, Tensor]
    ) -> Float[Tensor, ""]:
        """Loss of a batch.

        Args:
            output: (image, mean, log-variance, log σ) of a ``SparseVAE`` in training mode.
            target: (image, mask).
        """
        pred, mean, log_variance, log_sigma = output
        y, mask = target
        nll, kl = observed_elbo(
            pred,
            y,
            mask=mask.to(pred.dtype),
            mean=mean,
            log_variance=log_variance,
            log_sigma=log_sigma,
            kl_weight=self.kl_weight,
        )
        self.components = {"likelihood": nll.detach(), "divergence": kl.detach()}
        return nll + kl

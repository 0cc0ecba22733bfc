"""Images of codes drawn from their posterior: what a variational network gives in training."""

from collections.abc import Callable

import torch
from torch import Tensor


def posterior_draws(
    decode: Callable[[Tensor, list[int]], Tensor],
    mean: Tensor,
    log_variance: Tensor,
    *,
    n: int,
    shape: list[int],
) -> Tensor:
    """Images of ``n`` codes of each image, drawn from independent normal distributions.

    Args:
        decode: gives images (batch, 1, *shape) of codes and their spatial size.
        mean: of the codes, (batch, *code).
        log_variance: of the codes, (batch, *code).
        n: K of eq. 9, at least 1.
        shape: spatial size of the images.

    Returns:
        (batch, n, *shape).

    Reference:
        Dalca, Guttag, Sabuncu. Unsupervised data imputation via variational inference of deep subspaces.
        2019. https://doi.org/10.48550/arXiv.1903.03503
    """
    mean, log_variance = mean.repeat_interleave(n, 0), log_variance.repeat_interleave(n, 0)
    z = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
    return decode(z, shape).unflatten(0, [-1, n]).squeeze(2)

"""Penalty that keeps the slope of a critic near 1 (Gulrajani et al. 2017)."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["gradient_penalty"]


def gradient_penalty(
    critic: Callable[[Tensor], Tensor],
    real: Float[Tensor, " batch *shape"],
    *,
    fake: Float[Tensor, " batch_of_fakes *shape_of_fakes"],
    generator: torch.Generator | None = None,
    eps: float = 1e-15,
) -> Float[Tensor, ""]:
    r"""Squared distance of the norm of a critic's gradient from 1, at random points between two batches.

    $$ \frac1n \sum_i \Big(\sqrt{\|\nabla D(x_i)\|^2 + \varepsilon} - 1\Big)^2, \qquad
       x_i = u_i r_i + (1 - u_i) f_i, \quad u_i \sim U(0, 1) $$

    It can be differentiated with respect to the weights of the critic, not with respect to the batches.

    Args:
        critic: D, (batch, \*shape) -> (batch) or (batch, 1).
        real: r.
        fake: f, of the same shape.
        generator: of the random numbers, on the processor.
        eps: ε, above 0: the slope of a root at 0 is infinite.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> slope_three = lambda x: 3 * x[:, 0]
        >>> gradient_penalty(slope_three, torch.zeros(2, 5), fake=torch.ones(2, 5))
        tensor(4.)

    Reference:
        Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville. Improved training of Wasserstein GANs. NeurIPS 2017.
        https://doi.org/10.48550/arXiv.1704.00028
    """
    if real.shape != fake.shape:
        raise ValueError(
            f"real has the shape {list(real.shape)}, fake {list(fake.shape)}: they must be equal"
        )
    shape = (len(real), *([1] * (real.ndim - 1)))
    u = torch.rand(shape, generator=generator, dtype=real.dtype).to(real.device)
    between = torch.lerp(fake.detach(), real.detach(), u).requires_grad_()
    scores = critic(between)
    (slopes,) = torch.autograd.grad(scores.sum(), between, create_graph=True)
    norms = (slopes.flatten(1).square().sum(1) + eps).sqrt()
    return (norms - 1).square().mean()

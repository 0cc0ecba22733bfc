"""What the networks of an α-WGAN minimise (Kwon et al. 2019), penalties apart."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["autoencoder_objective", "critic_objective"]


def autoencoder_objective(
    distance: Float[Tensor, ""],
    *,
    code_scores: Float[Tensor, "batch 1"],
    reconstruction_scores: Float[Tensor, "batch 1"],
    sample_scores: Float[Tensor, "batch 1"],
    lambda_l1: float = 10.0,
) -> Float[Tensor, ""]:
    r"""What encoder E and generator G minimise: to reconstruct, and to please both critics.

    $$ \lambda \, \|x - G(E(x))\| - \overline{C(E(x))} - \overline{D(G(E(x)))} - \overline{D(G(z))} $$

    Args:
        distance: of images and reconstructions: the mean absolute difference, as published, in [-1, 1].
        code_scores: C(E(x)), of the critic of the codes.
        reconstruction_scores: D(G(E(x))), of the critic of the images.
        sample_scores: D(G(z)), z ~ N(0, 1).
        lambda_l1: λ, at least 0.

    Raises:
        ValueError: ``lambda_l1`` is negative.

    Example:
        >>> one = torch.ones(4, 1)
        >>> distance = torch.tensor(0.5)
        >>> scores = {"code_scores": one, "reconstruction_scores": one, "sample_scores": one}
        >>> autoencoder_objective(distance, **scores)  # 10 * 0.5 - 3
        tensor(2.)

    Reference:
        Kwon, Han, Kim. Generation of 3D brain MRI using auto-encoding generative adversarial networks. MICCAI
        2019. https://doi.org/10.1007/978-3-030-32248-9_14
    """
    if not lambda_l1 >= 0:
        raise ValueError(f"lambda_l1={lambda_l1} must be at least 0")
    adversarial = code_scores.mean() + reconstruction_scores.mean() + sample_scores.mean()
    return lambda_l1 * distance - adversarial


def critic_objective(
    real_scores: Float[Tensor, "batch 1"], fake_scores: Sequence[Float[Tensor, "batch 1"]]
) -> Float[Tensor, ""]:
    r"""What a critic minimises: the score of what is real shall be above that of each kind of fake.

    $$ \sum_k \Big(\overline{D(f_k)} - \overline{D(r)}\Big) $$

    For the critic of the images, fakes are reconstructions and samples: -2 D(x) + D(G(E(x))) + D(G(z)). For
    that of the codes real is z ~ N(0, 1) and E(x) is the one fake. With an optimal critic of slope 1 it is
    minus the sum of the Wasserstein distances.

    Args:
        real_scores: D(r).
        fake_scores: D(f) of each kind, one or more.

    Raises:
        ValueError: there are no fakes.

    Example:
        >>> zero, one = torch.zeros(4, 1), torch.ones(4, 1)
        >>> critic_objective(one, [zero, zero])
        tensor(-2.)

    Reference:
        Arjovsky, Chintala, Bottou. Wasserstein GAN. ICML 2017. https://doi.org/10.48550/arXiv.1701.07875
    """
    if not fake_scores:
        raise ValueError("fake_scores must have at least one kind of fakes")
    return torch.stack([fakes.mean() for fakes in fake_scores]).sum() - len(fake_scores) * real_scores.mean()

"""Encoder and generator of an α-WGAN as one network, image to image (Kwon et al. 2019)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mrrecon.networks.volume_encoder import VolumeEncoder
from mrrecon.networks.volume_generator import VolumeGenerator

__all__ = ["AlphaWGAN"]


class AlphaWGAN(nn.Module):
    r"""Autoencoder that an adversary taught: a brain as one vector, whose distribution is nearly N(0, 1).

    $$ \hat x = \tfrac12 \big(1 + G(E(2 x - 1))\big) $$

    Images are in [0, 1] outside and in [-1, 1] inside, where G ends in a hyperbolic tangent. What lies beyond
    [0, 1] is cut off. Encoder and generator alone: the two critics are for training (``VolumeEncoder`` with
    one feature, ``CodeCritic``).

    Args:
        channels: features at each resolution of encoder and generator, finest first. Four: 64³ voxels.
        latent: numbers of a code.
        norm: normalisation in both: "batch" as published, "instance" or "none".

    Shapes:
        (batch, 1, 64, 64, 64) -> (batch, 1, 64, 64, 64), for four ``channels``.

    Raises:
        ValueError: an argument is out of its range, or, when called, the image has another size.

    Example:
        >>> small = AlphaWGAN(channels=(2, 4), latent=3).eval()
        >>> x = torch.rand(2, 1, 16, 16, 16)
        >>> small(x).shape, small.encode(x).shape, small.sample(5).shape
        (torch.Size([2, 1, 16, 16, 16]), torch.Size([2, 3]), torch.Size([5, 1, 16, 16, 16]))

    Reference:
        Kwon, Han, Kim. Generation of 3D brain MRI using auto-encoding generative adversarial networks. MICCAI
        2019. https://doi.org/10.1007/978-3-030-32248-9_14
    """

    def __init__(
        self,
        *,
        channels: Sequence[int] = (64, 128, 256, 512),
        latent: int = 1000,
        norm: str = "batch",
    ) -> None:
        super().__init__()
        self.latent = latent
        self.side = 4 * 2 ** len(channels)
        self.encoder = VolumeEncoder(latent, channels=channels, norm=norm)
        self.generator = VolumeGenerator(latent, channels=channels, norm=norm)

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruction of images in [0, 1]."""
        return self.decode(self.encode(x))

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        """Images (batch, 1, side, side, side) in [0, 1] -> codes (batch, latent)."""
        return self.encoder(2 * x.clamp(0.0, 1.0) - 1)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        """Codes (batch, latent) -> images in [0, 1]."""
        return (1 + self.generator(z)) / 2

    @torch.jit.export
    def interpolate(self, x0: Tensor, x1: Tensor, weights: Tensor) -> Tensor:
        """Images on the straight line between two codes, ``(1 - w) E(x0) + w E(x1)``.

        Args:
            x0: image (1, 1, side, side, side) in [0, 1].
            x1: another.
            weights: w of each image, (n).

        Returns:
            Images (n, 1, side, side, side) in [0, 1].
        """
        w = weights.to(x0)[:, None]
        return self.decode((1 - w) * self.encode(x0) + w * self.encode(x1))

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """New images (n, 1, side, side, side) in [0, 1], of codes drawn from N(0, 1) on the processor.

        Args:
            n: how many, at least 1.
            generator: of the random numbers.

        Raises:
            ValueError: ``n`` is below 1.
        """
        if n < 1:
            raise ValueError(f"n={n} must be at least 1")
        weight = self.generator.head.conv.weight
        return self.decode(torch.randn(n, self.latent, generator=generator).to(weight))

"""Generator from a vector to a cube of voxels (Kwon et al. 2019)."""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mrrecon.networks.cheap_convolutions import UpsampledConvolution
from mrrecon.networks.volume_encoder import norm_layer

__all__ = ["VolumeGenerator"]


class VolumeGenerator(nn.Module):
    """Generator of the α-WGAN: a vector spread over 4³ voxels, then doubled and convolved up to the image.

    Args:
        latent: numbers of a code.
        channels: features at each resolution, finest first; four of them give 64³ voxels.
        norm: normalisation behind all convolutions but the last: "batch" as published, "instance" or "none".

    Shapes:
        (batch, latent) -> (batch, 1, side, side, side) in [-1, 1], side = 4 x 2^len(channels).

    Raises:
        ValueError: an argument is out of its range, or, when called, the code has another length.

    Example:
        >>> VolumeGenerator(10, channels=(2, 4)).eval()(torch.zeros(2, 10)).shape
        torch.Size([2, 1, 16, 16, 16])

    Reference:
        Kwon, Han, Kim. Generation of 3D brain MRI using auto-encoding generative adversarial networks. MICCAI
        2019. https://doi.org/10.1007/978-3-030-32248-9_14
    """

    def __init__(
        self, latent: int = 1000, *, channels: Sequence[int] = (64, 128, 256, 512), norm: str = "batch"
    ) -> None:
        super().__init__()
        if not channels or min(channels) < 1:
            raise ValueError(f"channels={tuple(channels)} must be one or more positive numbers")
        if latent < 1:
            raise ValueError(f"latent={latent} must be at least 1")
        self.latent = latent
        self.side = 4 * 2 ** len(channels)
        self.spread = nn.ConvTranspose3d(latent, channels[-1], kernel_size=4, bias=False)
        self.norm = norm_layer(norm, channels[-1])
        self.stages = nn.ModuleList(
            nn.Sequential(UpsampledConvolution(n_in, n_out), norm_layer(norm, n_out))
            for n_in, n_out in itertools.pairwise(reversed(channels))
        )
        self.head = UpsampledConvolution(channels[0], 1)

    def forward(self, z: Tensor) -> Tensor:
        """Images of a batch of codes."""
        if z.dim() != 2 or z.shape[1] != self.latent:
            raise ValueError(
                f"the code has the shape {list(z.shape)}: this network takes (batch, {self.latent})"
            )
        x = F.relu(self.norm(self.spread(z[:, :, None, None, None])))
        for stage in self.stages:
            x = F.relu(stage(x))
        return torch.tanh(self.head(x))

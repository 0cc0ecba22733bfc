"""Between encoder and decoder: features to mean and log-variance of a code, and a code to features."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from mrrecon.networks.sparse_linear import SparseLinear
from mrrecon.networks.sparse_locally_linear import SparseLocallyLinear


class ConvolutionalBottleneck(nn.Module):
    """A code per position of the coarsest features: mean and log-variance are 1 x 1 convolutions of them.

    Args:
        spatial_dims: 2 or 3.
        channels: of the features.
        n_latents: channels of the code.
    """

    def __init__(self, spatial_dims: int, channels: int, n_latents: int) -> None:
        super().__init__()
        conv = nn.Conv2d if spatial_dims == 2 else nn.Conv3d
        self.to_mean = conv(channels, n_latents, 1)
        self.to_log_variance = conv(channels, n_latents, 1)
        self.from_code = conv(n_latents, channels, 1)

    def forward(self, h: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, both (batch, n_latents, *spatial). In a hole, the prior's."""
        mean = self.to_mean(h) * mask
        return mean, _limited(self.to_log_variance(h) * mask)

    def decode(self, z: Tensor) -> Tensor:
        """Features (batch, channels, *spatial)."""
        return self.from_code(z)


class LinearBottleneck(nn.Module):
    """One code for the whole image: its mean by the sparse fully connected layer, tied with the way back.

    Args:
        channels: of the features.
        shape: spatial size of the features.
        n_latents: length of the code.
    """

    def __init__(self, channels: int, shape: Sequence[int], n_latents: int) -> None:
        super().__init__()
        self.size = [channels, *shape]
        n_features = int(torch.tensor(self.size).prod())
        self.linear = SparseLinear(n_features, n_latents)
        self.to_log_variance = nn.Linear(n_features, n_latents)
        _begin_narrow(self.to_log_variance)

    def forward(self, h: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, both (batch, n_latents)."""
        features = h.flatten(1)
        mean = self.linear(features, mask.expand_as(h).flatten(1))
        return mean, _limited(self.to_log_variance(features))

    def decode(self, z: Tensor) -> Tensor:
        """Features (batch, channels, *shape)."""
        return self.linear.decode(z).unflatten(1, self.size)


class LocalBottleneck(nn.Module):
    """A code for each region of the features, by the locally connected sparse layer, tied with the way back.

    Args:
        channels: of the features.
        shape: spatial size of the features.
        region: spatial size of a region, which divides ``shape``.
        n_latents: length of a region's code.
    """

    def __init__(
        self, channels: int, shape: tuple[int, ...], region: tuple[int, ...], n_latents: int
    ) -> None:
        super().__init__()
        self.linear = SparseLocallyLinear(shape, channels, region, n_latents)
        conv: type[nn.Conv2d] | type[nn.Conv3d] = nn.Conv2d if len(shape) == 2 else nn.Conv3d
        size = cast(Any, region)  # mypy wants its length
        self.to_log_variance = conv(channels, n_latents, size, stride=size)
        _begin_narrow(self.to_log_variance)

    def forward(self, h: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, both (batch, n_latents, *regions along each axis)."""
        return self.linear(h, mask), _limited(self.to_log_variance(h))

    def decode(self, z: Tensor) -> Tensor:
        """Features (batch, channels, *shape)."""
        return self.linear.decode(z)


def _limited(s: Tensor) -> Tensor:
    """Log-variance of a layer's output: the output itself up to the prior's 0, and log(1 + s) above.

    Linear above, the variance cannot explode: e^s of a single odd image once took a whole training with it.
    """
    return torch.where(s > 0, torch.log1p(s.clamp(min=0)), s.clamp(min=-20.0))


def _begin_narrow(layer: nn.Linear | nn.Conv2d | nn.Conv3d) -> None:
    """The posterior begins near what the least squares say."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.constant_(layer.bias, -4.0)

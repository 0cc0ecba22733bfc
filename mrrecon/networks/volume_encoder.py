"""Strided convolutions from a cube of voxels to a vector (Kwon et al. 2019)."""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mrrecon.networks.cheap_convolutions import halving_convolution

__all__ = ["VolumeEncoder", "norm_layer"]


def norm_layer(norm: str, n_channels: int) -> nn.Module:
    """Normalisation of features by its name: "batch", "instance" (both with scale and shift), or "none".

    Raises:
        ValueError: the name is unknown.
    """
    if norm == "batch":
        return nn.BatchNorm3d(n_channels)
    if norm == "instance":
        return nn.InstanceNorm3d(n_channels, affine=True)
    if norm == "none":
        return nn.Identity()
    raise ValueError(f"norm={norm!r} is not known: use 'batch', 'instance' or 'none'")


class VolumeEncoder(nn.Module):
    """Encoder of the α-WGAN, and with one feature its critic.

    Each convolution (kernel 4, stride 2) halves the cube, until four voxels a side are left; a last one
    (kernel 4, no padding) sees all of them and gives the features.

    Args:
        n_features: numbers that describe an image: 1000 for the encoder, 1 for the critic.
        channels: features at each resolution, finest first; four of them make it a network for 64³ voxels,
            each one more or less doubles or halves that.
        norm: normalisation behind all convolutions but the first and the last: "batch" as published, also in
            the critic, although the gradient penalty is meant for each image alone; "instance"; "none".
        negative_slope: slope of the leaky ReLU below zero.

    Shapes:
        (batch, 1, side, side, side) -> (batch, n_features), side = 4 x 2^len(channels).

    Raises:
        ValueError: an argument is out of its range, or, when called, the image has another size.

    Example:
        >>> VolumeEncoder(10, channels=(2, 4))(torch.zeros(2, 1, 16, 16, 16)).shape
        torch.Size([2, 10])

    Reference:
        Kwon, Han, Kim. Generation of 3D brain MRI using auto-encoding generative adversarial networks. MICCAI
        2019. https://doi.org/10.1007/978-3-030-32248-9_14
    """

    def __init__(
        self,
        n_features: int = 1000,
        *,
        channels: Sequence[int] = (64, 128, 256, 512),
        norm: str = "batch",
        negative_slope: float = 0.2,
    ) -> None:
        super().__init__()
        if not channels or min(channels) < 1:
            raise ValueError(f"channels={tuple(channels)} must be one or more positive numbers")
        if n_features < 1:
            raise ValueError(f"n_features={n_features} must be at least 1")
        self.side = 4 * 2 ** len(channels)
        self.negative_slope = negative_slope
        self.first = nn.Conv3d(1, channels[0], kernel_size=4, stride=2, padding=1)
        self.stages = nn.ModuleList(
            nn.Sequential(nn.Conv3d(n_in, n_out, kernel_size=4, stride=2, padding=1), norm_layer(norm, n_out))
            for n_in, n_out in itertools.pairwise(channels)
        )
        self.head = nn.Conv3d(channels[-1], n_features, kernel_size=4)

    def forward(self, x: Tensor) -> Tensor:
        """Features of a batch of images."""
        side = self.side
        if x.dim() != 5 or list(x.shape[1:]) != [1, side, side, side]:
            raise ValueError(
                f"the image has the shape {list(x.shape)}: this network takes (batch, 1, {side}, {side}, "
                f"{side}), no other size; resample the field of view"
            )
        x = F.leaky_relu(halving_convolution(x, self.first.weight, self.first.bias), self.negative_slope)
        for stage in self.stages:
            x = F.leaky_relu(stage(x), self.negative_slope)
        return torch.flatten(self.head(x), 1)

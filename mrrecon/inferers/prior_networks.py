"""Networks that are a prior for images by their shape alone, with weights from a seed."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mrrecon.networks import SkipNetwork, SparseVAE
from mrrecon.tensors import crop_to_shape

__all__ = ["CODE_CHANNELS", "CodeDecoder", "code_shape", "prior_network", "skip_scales"]

CODE_CHANNELS = {"skip": 32, "decoder": 10}
"""Channels of what each network makes an image of."""

SCALES = 5
SKIP_CHANNELS = 4


class CodeDecoder(nn.Module):
    """The decoder of ``SparseVAE``: image of a code, cut to a size.

    Args:
        spatial_dims: 2 or 3.
        width: features of each block.
        shape: spatial size of the image.

    Example:
        >>> CodeDecoder(2, width=4, shape=(20, 9))(torch.zeros(1, 10, 2, 1)).shape
        torch.Size([1, 1, 20, 9])
    """

    def __init__(self, spatial_dims: int, *, width: int, shape: Sequence[int]) -> None:
        super().__init__()
        whole = SparseVAE(spatial_dims, channels=[width] * SCALES, n_latents=CODE_CHANNELS["decoder"])
        self.bottleneck = whole.bottleneck
        self.decoder = whole.decoder
        self.shape = list(shape)

    def forward(self, z: Tensor) -> Tensor:
        """Image (batch, 1, *shape) of a code (batch, 10, *shape / 16)."""
        return crop_to_shape(self.decoder(self.bottleneck.decode(z)), self.shape)


def prior_network(kind: str, shape: Sequence[int], *, width: int, seed: int) -> nn.Module:
    """Network of a kind for images of a size. The same seed gives the same weights, whatever the size.

    Args:
        kind: ``"skip"``: the network of the deep image prior, with fewer scales for images of 32 voxels or
            less; ``"decoder"``: that of ``SparseVAE``.
        shape: spatial size of the image, two axes or three.
        width: features; 128 for the published skip network.
        seed: of the weights.

    Example:
        >>> network = prior_network("skip", (40, 33), width=128, seed=0)
        >>> sum(weight.numel() for weight in network.parameters())
        2217573
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if kind == "decoder":
            return CodeDecoder(len(shape), width=width, shape=shape)
        wide, narrow = [width] * SCALES, [SKIP_CHANNELS] * SCALES
        network = SkipNetwork(len(shape), CODE_CHANNELS["skip"], down=wide, up=wide, skip=narrow)
    deepest: Any = network.scales
    for _ in range(skip_scales(shape) - 1):
        deepest = deepest.below
    deepest.below = nn.Identity()
    return network


def skip_scales(shape: Sequence[int]) -> int:
    """Scales of the skip network for an image: five, or as many as leave two voxels along its longest side.

    Args:
        shape: spatial size of the image, at least 3 along one axis.

    Raises:
        ValueError: it is smaller.

    Example:
        >>> skip_scales((160, 144)), skip_scales((33, 1)), skip_scales((32, 32)), skip_scales((3, 3))
        (5, 5, 4, 1)
    """
    if max(shape) < 3:
        raise ValueError(f"the image has {' x '.join(map(str, shape))} voxels: at least 3 along one axis")
    return min(SCALES, math.ceil(math.log2(max(shape))) - 1)


def code_shape(kind: str, shape: Sequence[int]) -> tuple[int, ...]:
    """Shape of what a network makes an image of, with batch and channels.

    Args:
        kind: as for ``prior_network``.
        shape: spatial size of the image.

    Example:
        >>> code_shape("decoder", (160, 144)), code_shape("skip", (5, 6))
        ((1, 10, 10, 9), (1, 32, 5, 6))
    """
    coarse = 2 ** (SCALES - 1) if kind == "decoder" else 1
    return (1, CODE_CHANNELS[kind], *(-(-n // coarse) for n in shape))

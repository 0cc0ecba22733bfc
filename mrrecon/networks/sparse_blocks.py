"""Encoder and decoder of residual blocks for images of which only a part was observed."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mrrecon.networks.sparse_convolution import SparseConvolution


def halve(x: Tensor) -> Tensor:
    """Maximum of each 2 x 2 (x 2) neighbours. Features behind a ReLU are never below the 0 of a hole."""
    return F.max_pool2d(x, 2) if x.dim() == 4 else F.max_pool3d(x, 2)


class SparseResidualBlock(nn.Module):
    """Two sparse convolutions with ReLU around which the input goes, 1 x 1 where the channels change.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels in.
        out_channels: channels out.

    Example:
        >>> import torch
        >>> block = SparseResidualBlock(2, 1, 4)
        >>> [t.shape[1] for t in block(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 4, 4))]
        [4, 1]
    """

    def __init__(self, spatial_dims: int, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = SparseConvolution(spatial_dims, in_channels, out_channels, bias=True)
        self.conv2 = SparseConvolution(spatial_dims, out_channels, out_channels, bias=True)
        # With a weight per channel the two paths begin as equals; a kernel of one voxel needs no mask.
        self.skip = SparseConvolution(spatial_dims, in_channels, out_channels, kernel_size=1)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Features (batch, out_channels, *spatial) and their mask (batch, 1, *spatial)."""
        h, mask1 = self.conv1(x, mask)
        h, mask2 = self.conv2(F.relu(h), mask1)
        skip, _ = self.skip(x, mask)
        return F.relu(h + skip), mask2


class SparseEncoder(nn.Module):
    """Residual blocks of sparse convolutions, between which the image is halved by its maxima.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the image.
        channels: features of each block, finest first; the image is halved ``len(channels) - 1`` times.

    Example:
        >>> import torch
        >>> h, mask = SparseEncoder(2, 1, [4, 8])(torch.ones(1, 1, 6, 8), torch.ones(1, 1, 6, 8))
        >>> h.shape, mask.shape
        (torch.Size([1, 8, 3, 4]), torch.Size([1, 1, 3, 4]))
    """

    def __init__(self, spatial_dims: int, in_channels: int, channels: Sequence[int]) -> None:
        super().__init__()
        widths = [in_channels, *channels]
        self.blocks = nn.ModuleList(SparseResidualBlock(spatial_dims, a, b) for a, b in pairwise(widths))

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Features of the coarsest level and their mask."""
        features, masks = self.levels(x, mask)
        return features[-1], masks[-1]

    @torch.jit.export
    def levels(self, x: Tensor, mask: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Features of all levels and their masks, finest first."""
        features: list[Tensor] = []
        masks: list[Tensor] = []
        for i, block in enumerate(self.blocks):
            if i > 0:
                x, mask = halve(x), halve(mask)
            x, mask = block(x, mask)
            features.append(x)
            masks.append(mask)
        return features, masks


class ResidualBlock(nn.Module):
    """Two convolutions with ReLU around which the input goes: the decoder's, where all is known."""

    def __init__(self, spatial_dims: int, in_channels: int, out_channels: int) -> None:
        super().__init__()
        conv = nn.Conv2d if spatial_dims == 2 else nn.Conv3d
        self.conv1 = conv(in_channels, out_channels, 3, padding=1)
        self.conv2 = conv(out_channels, out_channels, 3, padding=1)
        self.skip = conv(in_channels, out_channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Features (batch, out_channels, *spatial)."""
        return F.relu(self.conv2(F.relu(self.conv1(x))) + self.skip(x))


class Decoder(nn.Module):
    """Residual blocks between which the image is doubled (nearest neighbour), and a linear last layer.

    Args:
        spatial_dims: 2 or 3.
        out_channels: channels of the image.
        channels: features of each block, finest first, as in the encoder.

    Example:
        >>> import torch
        >>> Decoder(2, 1, [4, 8])(torch.ones(1, 8, 3, 4)).shape
        torch.Size([1, 1, 6, 8])
    """

    def __init__(self, spatial_dims: int, out_channels: int, channels: Sequence[int]) -> None:
        super().__init__()
        widths = [channels[-1], *reversed(channels)]
        self.blocks = nn.ModuleList(ResidualBlock(spatial_dims, a, b) for a, b in pairwise(widths))
        last = nn.Conv2d if spatial_dims == 2 else nn.Conv3d
        self.last = last(channels[0], out_channels, 1)

    def forward(self, h: Tensor) -> Tensor:
        """Image ``2 ** (len(channels) - 1)`` times the size of the features."""
        for i, block in enumerate(self.blocks):
            if i > 0:
                h = F.interpolate(h, scale_factor=2.0, mode="nearest")
            h = block(h)
        return self.last(h)

"""Convolutions between two grids, computed on the coarser one: the same numbers, sooner."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mrrecon.networks.space_to_depth import depth_to_space, space_to_depth

__all__ = ["UpsampledConvolution", "halving_convolution", "upsampled_convolution"]


def upsampled_convolution(x: Tensor, weight: Tensor) -> Tensor:
    r"""Convolution (kernel 3, padding 1) of an image doubled by repetition, without the doubled image.

    Along an axis $y_{2i} = w_0 x_{i-1} + (w_1 + w_2) x_i$ and $y_{2i+1} = (w_0 + w_1) x_i + w_2 x_{i+1}$: two
    kernels of 2 instead of one of 3, so in three dimensions 8 products a voxel instead of 27.

    Args:
        x: (batch, n_in, d, h, w).
        weight: (n_out, n_in, 3, 3, 3).

    Returns:
        (batch, n_out, 2 d, 2 h, 2 w).

    Example:
        >>> upsampled_convolution(torch.ones(1, 1, 1, 1, 1), torch.ones(1, 1, 3, 3, 3)).flatten().tolist()
        [8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0]
    """
    n_out, n_in = weight.shape[0], weight.shape[1]
    d, h, w = x.shape[2], x.shape[3], x.shape[4]
    # Kernel of each of the two phases along an axis.
    pair = torch.zeros(2, 2, 3, dtype=weight.dtype, device=weight.device)
    pair[0, 0, 0] = pair[0, 1, 1] = pair[0, 1, 2] = 1
    pair[1, 0, 0] = pair[1, 0, 1] = pair[1, 1, 2] = 1
    kernels = torch.einsum("oiabc,pxa,qyb,rzc->pqroixyz", weight, pair, pair, pair)
    y = F.conv3d(x, kernels.reshape(8 * n_out, n_in, 2, 2, 2), padding=1)
    phases = []
    for phase in range(8):
        p, q, r = phase // 4, phase // 2 % 2, phase % 2
        part = y[:, phase * n_out : (phase + 1) * n_out]
        phases.append(part[:, :, p : p + d, q : q + h, r : r + w])
    # Channels as depth_to_space takes them: the phase is the fastest.
    return depth_to_space(torch.stack(phases, 2).flatten(1, 2))


def halving_convolution(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Convolution with kernel 4, stride 2 and padding 1, as one of kernel 2 over blocks of 2³ voxels.

    Args:
        x: (batch, n_in, 2 d, 2 h, 2 w).
        weight: (n_out, n_in, 4, 4, 4).
        bias: (n_out), or None.

    Returns:
        (batch, n_out, d, h, w).

    Example:
        >>> halving_convolution(torch.ones(1, 1, 2, 2, 2), torch.ones(1, 1, 4, 4, 4), torch.zeros(1)).item()
        8.0
    """
    blocks = space_to_depth(F.pad(x, [1, 1, 1, 1, 1, 1]))
    return F.conv3d(blocks, space_to_depth(weight), bias)


class UpsampledConvolution(nn.Module):
    """Image doubled by repetition, then convolved (kernel 3, no bias): ``upsampled_convolution``.

    Args:
        in_channels: of the image.
        out_channels: of the result.

    Shapes:
        (batch, in_channels, d, h, w) -> (batch, out_channels, 2 d, 2 h, 2 w).
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(in_channels, out_channels, kernel_size=3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Image of twice the size."""
        return upsampled_convolution(x, self.conv.weight)

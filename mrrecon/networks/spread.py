"""Kernels of 3 laid out anew, so that few channels at many voxels become many channels at few sites.

A layer with four channels at full resolution is bound by memory: each voxel is fetched for very little
arithmetic. The same layer on blocks of neighbouring voxels, which lie side by side as channels, runs at the
speed of the processor. The kernel is spread over a larger one, in part empty, by a constant for each axis.
Blocks of two along two axes waste (4/3)^2 of the arithmetic, and fill the 16 channels that it does at a time.

Two grids of blocks are used. Along an axis of 2 n voxels, *even* blocks are (0, 1), (2, 3), ...: n of them.
*Odd* blocks are (-1, 0), (1, 2), ..., (2 n - 1, 2 n): n + 1 of them, with a voxel outside at either end.
A kernel of 3 that goes from one grid to the other reaches two blocks, not three.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from mrrecon.networks.convolution import convolved


def _axis(n_out: int, n_in: int, kernel: int, *, first: int = 0) -> Tensor:
    """0/1 tensor (voxel of the output block, of the input block, offset in blocks, tap of the kernel)."""
    axis = torch.zeros(n_out, n_in, kernel, 3)
    for p in range(n_out):
        for tap in range(3):
            offset, q = divmod(p + tap + first, n_in)
            axis[p, q, offset, tap] = 1
    return axis


VOXELS = _axis(1, 1, 3)
"""The axis stays as it is."""

TO_BLOCKS = _axis(2, 1, 4)
"""From voxels to even blocks (stride 2, padding 1) or odd ones (stride 2, padding 2)."""

STAGGER = _axis(2, 2, 2)
"""From even blocks to odd ones (padding 1) or from odd ones to even ones (padding 0)."""

HALVE = _axis(1, 2, 2)
"""A stride of 2: from odd blocks to voxels of twice the width (padding 0)."""


def spread(weight: Tensor, depth: Tensor, height: Tensor, width: Tensor) -> Tensor:
    """Weight of a convolution for blocks, channels last in memory: (o, i, 3, 3, 3) -> (p o, q i, d, h, w).

    The voxels of a block come before its channels: channel 0 of all p voxels is ``[::o]``.

    Args:
        weight: of the convolution on voxels.
        depth: one of the four tensors above, for the first axis.
        height: for the second.
        width: for the third.
    """
    for axis in (depth, height, width):
        weight = torch.tensordot(weight, axis.to(weight), dims=([2], [3]))
    weight = weight.permute(2, 5, 8, 0, 3, 6, 9, 1, 4, 7, 10).flatten(0, 3).flatten(1, 4)
    return weight.to(memory_format=torch.channels_last_3d)


def on_pairs(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A convolution of kernel 3, computed on pairs of voxels along the width: faster where channels are few.

    Height and width keep their size, the depth loses a plane at either end.

    Args:
        x: (batch, channels, depth, height, width), of even width, best with channels last in memory.
        weight: (out_channels, channels, 3, 3, 3).
        bias: (out_channels,) or None.
    """
    # Channels last in memory, pairs along the width lie as channels already.
    pairs = F.pad(x, (1, 1)).permute(0, 2, 3, 4, 1)
    pairs = pairs.reshape(*pairs.shape[:3], -1, 2 * x.shape[1]).permute(0, 4, 1, 2, 3)
    n_out = len(weight)
    weight = spread(weight, VOXELS, VOXELS, STAGGER)
    bias = None if bias is None else bias.repeat(2)
    y = convolved(pairs, weight, bias, stride=[1, 1, 1], padding=[0, 1, 0])
    y = y.permute(0, 2, 3, 4, 1)
    return y.reshape(*y.shape[:3], x.shape[4], n_out).permute(0, 4, 1, 2, 3)

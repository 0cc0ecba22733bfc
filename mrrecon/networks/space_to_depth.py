"""Convolutions of an image, computed exactly as convolutions of its 2 x 2 x 2 blocks laid out as channels.

A layer with four channels at full resolution is bound by memory: each voxel is fetched for very little
arithmetic. The same layer on blocks has eight times the channels and an eighth of the sites, and runs at the
speed of the processor. The weights are spread over a larger, mostly empty kernel by one constant matrix, so
that gradients flow through.

Two grids of blocks are used. Along an axis of 2 n voxels, *even* blocks are (0, 1), (2, 3), ...: n of them.
*Odd* blocks are (-1, 0), (1, 2), ..., (2 n - 1, 2 n): n + 1 of them, with a voxel outside at either end.
A kernel of 3 that goes from one grid to the other reaches two blocks, not three: less than a third of the
arithmetic.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def space_to_depth(x: Tensor) -> Tensor:
    """Blocks of 2 x 2 x 2 voxels to eight channels: (b, c, 2 d, 2 h, 2 w) -> (b, 8 c, d, h, w)."""
    b, c, d, h, w = x.shape
    # Channels last in memory, where the convolutions of the processor want them.
    x = x.reshape(b, c, d // 2, 2, h // 2, 2, w // 2, 2).permute(0, 2, 4, 6, 1, 3, 5, 7)
    return x.reshape(b, d // 2, h // 2, w // 2, 8 * c).permute(0, 4, 1, 2, 3)


def space_to_depth_and_ones(x: Tensor) -> Tensor:
    """As ``space_to_depth``, with one more channel of ones, by a convolution: a third of the time.

    (b, c, 2 d, 2 h, 2 w) -> (b, 8 c + 1, d, h, w), channels last in memory.
    """
    c = x.shape[1]
    weight = torch.eye(8 * c + 1, 8 * c).to(x).reshape(-1, c, 2, 2, 2)
    bias = torch.zeros(8 * c + 1).to(x)
    bias[-1] = 1
    # Under autocast the image would be rounded.
    with torch.autocast(x.device.type, enabled=False):
        # Not .contiguous(): an image of one channel is so in either order, and the result would not be.
        return F.conv3d(x.to(memory_format=torch.channels_last_3d), weight, bias, stride=2)


def depth_to_space(x: Tensor) -> Tensor:
    """Eight channels to a block of 2 x 2 x 2 voxels: (b, 8 c, d, h, w) -> (b, c, 2 d, 2 h, 2 w)."""
    b, c, d, h, w = x.shape
    x = x.reshape(b, c // 8, 2, 2, 2, d, h, w).permute(0, 1, 5, 2, 6, 3, 7, 4)
    return x.reshape(b, c // 8, 2 * d, 2 * h, 2 * w)


def _cubed(axis: Tensor) -> Tensor:
    """Matrix of one axis, (out voxels, in voxels, blocks, taps), to that of three, (rows, 27)."""
    return torch.einsum("aidx,bjey,ckfz->abcijkdefxyz", axis, axis, axis).reshape(-1, 27)


def level_spread() -> Tensor:
    """0/1 matrix (8 * 8 * 27, 27) for a kernel of 3, padding 1, from even blocks to even ones."""
    axis = torch.zeros(2, 2, 3, 3)  # voxel of the output block, of the input block, offset in blocks, tap
    for p in range(2):
        for tap in range(3):
            offset, q = divmod(p + tap - 1, 2)
            axis[p, q, offset + 1, tap] = 1
    return _cubed(axis)


def stagger_spread() -> Tensor:
    """0/1 matrix (8 * 8 * 8, 27) for a kernel of 3, padding 1, from even blocks to odd ones or back.

    Even to odd wants one block of zeros on either side of each axis, odd to even none.
    """
    axis = torch.zeros(2, 2, 2, 3)
    for p in range(2):
        for tap in range(3):
            offset, q = divmod(p + tap, 2)
            axis[p, q, offset, tap] = 1
    return _cubed(axis)


def down_spread() -> Tensor:
    """0/1 matrix (8 * 8, 27) for a kernel of 3, stride 2, padding 1, from even blocks to wider voxels.

    It wants one block of zeros before each axis.
    """
    axis = torch.zeros(1, 2, 2, 3)
    for tap in range(3):
        offset, q = divmod(tap + 1, 2)
        axis[0, q, offset, tap] = 1
    return _cubed(axis)


def spread(weight: Tensor, matrix: Tensor, *, kernel: int) -> Tensor:
    """Weight of a convolution for blocks: (o, i, 3, 3, 3) -> (p o, 8 i, kernel, kernel, kernel).

    Args:
        weight: of the convolution on voxels.
        matrix: one of the three above; p is 1 for ``down_spread``, else 8.
        kernel: in blocks: 3 for ``level_spread``, else 2.
    """
    n_out, n_in = weight.shape[:2]
    taps = kernel**3
    large = (weight.reshape(n_out * n_in, 27) @ matrix.to(weight).t()).reshape(n_out, n_in, -1, 8, taps)
    return large.permute(0, 2, 1, 3, 4).reshape(-1, 8 * n_in, kernel, kernel, kernel)

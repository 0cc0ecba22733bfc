"""The two FixUp blocks at the highest resolution, computed on blocks of 2 x 2 x 2 voxels: faster."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mrrecon.networks.fixup import FixupBlock, add_scalar
from mrrecon.networks.space_to_depth import down_spread, level_spread, spread, stagger_spread

_LEVEL, _STAGGER, _DOWN = level_spread(), stagger_spread(), down_spread()


def level_on_blocks(block: FixupBlock, x: Tensor) -> Tensor:
    """What ``block`` (mode "level", not blurred) does: even blocks and a channel of ones in, even blocks out.

    The ones carry the first scalar: an image that needs no gradient then gets none.
    """
    to_odd = _with_ones(spread(block.conv1.weight, _STAGGER, kernel=2), block.bias1a)
    to_even = _with_ones(spread(block.skip_conv.weight, _LEVEL, kernel=3), block.bias1a)
    back = spread(block.scale * block.conv2.weight, _STAGGER, kernel=2)
    h = F.conv3d(x, to_odd, block.bias1b.expand(len(to_odd)), padding=1)
    h = F.leaky_relu(h, block.negative_slope, inplace=True)
    bias = block.bias2b.expand(len(back))
    if torch.is_grad_enabled():
        h = _ClearOutside.apply(add_scalar(h, block.bias2a))
    else:
        # The scalar rides on the convolution's bias; outside, where zeros are wanted, it is taken off before.
        h = _set_outside_(h, -block.bias2a.to(h.dtype))
        bias = bias + block.bias2a * back.sum((1, 2, 3, 4))
    h = F.conv3d(h, back, bias)
    return F.leaky_relu(h.add_(F.conv3d(x, to_even, padding=1)), block.negative_slope, inplace=True)


def down_on_blocks(block: FixupBlock, x: Tensor) -> Tensor:
    """What ``block`` (mode "down", not blurred) does: even blocks in, voxels out.

    The blocks are written over where no gradient is taken.
    """
    x = add_scalar(x, block.bias1a)
    n = block.out_channels
    weight = torch.cat([block.conv1.weight, block.skip_conv.weight])
    bias = torch.cat([block.bias1b.expand(n), torch.zeros_like(block.bias1b).expand(n)])
    both = F.conv3d(x, spread(weight, _DOWN, kernel=2), bias, padding=1)
    # Zeros are wanted before each axis only: what the ones behind it gave is left out.
    both = both[:, :, :-1, :-1, :-1]
    h = F.leaky_relu(both[:, :n], block.negative_slope) + block.bias2a.to(both.dtype)
    h = F.conv3d(h, block.scale * block.conv2.weight, block.bias2b.expand(n), padding=1)
    h.add_(both[:, n:])
    return F.leaky_relu(h, block.negative_slope, inplace=True)


def _with_ones(weight: Tensor, scalar: Tensor) -> Tensor:
    """Weight for the channel of ones appended, so that conv([x, 1]) = conv(x + scalar), at the border too."""
    return torch.cat([weight, scalar * weight.sum(1, keepdim=True)], dim=1)


class _ClearOutside(torch.autograd.Function):
    """Zeros in those voxels of odd blocks that lie outside the image, written in place."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.mark_dirty(x)
        return _set_outside_(x, x.new_zeros(()))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # noqa: ARG004
        return _set_outside_(grad.clone(), grad.new_zeros(()))


def _set_outside_(x: Tensor, value: Tensor) -> Tensor:
    voxels = x.unflatten(1, (-1, 2, 2, 2))
    for axis in (2, 3, 4):
        voxels.select(axis + 3, 0).select(axis, 0).copy_(value)
        voxels.select(axis + 3, -1).select(axis, 1).copy_(value)
    return x

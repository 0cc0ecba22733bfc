"""The two FixUp blocks at the highest resolution, a few planes at a time and on blocks of 2 x 2 voxels."""

import torch
import torch.nn.functional as F
from torch import Tensor

from mrrecon.networks.convolution import convolved
from mrrecon.networks.fixup import FixupBlock
from mrrecon.networks.planes import Planes, chunks
from mrrecon.networks.spread import HALVE, STAGGER, TO_BLOCKS, VOXELS, on_pairs, spread

CHUNK = 16
"""Planes computed at a time, at least 6: 13 MB where they have 192 x 256 voxels and 4 channels in float32."""


def encoded_in_planes(level: FixupBlock, down: FixupBlock, x: Tensor) -> Tensor:
    """What ``down(level(x))`` is, for inference: blocks of mode "level" and "down", not blurred.

    Within a plane: voxels -> even blocks -> odd blocks -> half the resolution.

    Args:
        level: block at full resolution.
        down: block that halves it.
        x: image, (batch, channels, depth, height, width), of even depth and height and a width of 4 n.
    """
    # A MetaTensor would carry its metadata through every step.
    x = x.as_subclass(Tensor)
    n, depth = down.out_channels, x.shape[2]
    to_even = spread(level.conv1.weight, VOXELS, TO_BLOCKS, TO_BLOCKS)
    to_odd = spread(level.scale * level.conv2.weight, VOXELS, STAGGER, STAGGER)
    skip = spread(level.skip_conv.weight, VOXELS, TO_BLOCKS, TO_BLOCKS)
    halve = spread(torch.cat([down.conv1.weight, down.skip_conv.weight]), VOXELS, HALVE, HALVE)
    even_bias, odd_bias = level.bias1b.expand(len(to_even)), level.bias2b.expand(len(to_odd))
    half_bias = torch.cat([down.bias1b.expand(n), torch.zeros_like(down.bias1b).expand(n)])
    # Behind the first activation and beside it: a scalar for the one path, none for the other.
    scalars = torch.cat([down.bias2a.expand(n), torch.zeros_like(down.bias2a).expand(n)])[:, None, None, None]

    even, odd, half = Planes(), Planes(stride=2), Planes()
    out = torch.empty(0)
    n_odd = n_half = 0
    for start, end in chunks(depth, CHUNK):
        last = end == depth
        h = _around(x, level.bias1a, start, end, border=1)
        h = convolved(h, to_even, even_bias, stride=[1, 2, 2], padding=[0, 0, 0])
        h = even.join(F.leaky_relu_(h, level.negative_slope), level.bias2a.to(h), last=last)

        y = convolved(h, to_odd, odd_bias, stride=[1, 1, 1], padding=[0, 1, 1])
        around = _around(x, level.bias1a, n_odd, n_odd + y.shape[2], border=2)
        y.add_(convolved(around, skip, None, stride=[1, 2, 2], padding=[0, 0, 0]))
        n_odd += y.shape[2]
        y = odd.join(F.leaky_relu_(y, level.negative_slope), down.bias1a.to(y), last=last)

        both = convolved(_clear_outside(y), halve, half_bias, stride=[2, 1, 1], padding=[0, 0, 0])
        F.leaky_relu_(both[:, :n], down.negative_slope)
        both = half.join(both, scalars.to(both), last=last)

        y = on_pairs(both[:, :n], down.scale * down.conv2.weight, down.bias2b.expand(n))
        F.leaky_relu_(y.add_(both[:, n:, 1:-1]), down.negative_slope)
        if not out.numel():
            out = y.new_empty(len(y), depth // 2, *y.shape[3:], n).permute(0, 4, 1, 2, 3)
        out[:, :, n_half : n_half + y.shape[2]] = y
        n_half += y.shape[2]
    return out


def _around(x: Tensor, scalar: Tensor, start: int, end: int, *, border: int) -> Tensor:
    """Planes of an image, one more on either side, and a border within the plane; a scalar added inside."""
    depth = x.shape[2]
    before, after = int(start == 0), int(end == depth)
    x = x[:, :, start - 1 + before : end + 1 - after] + scalar.to(x.dtype)
    x = F.pad(x, (border, border, border, border, before, after))
    # Not .contiguous(): one channel is so in either order, and the convolutions would take the other.
    return x.to(memory_format=torch.channels_last_3d)


def _clear_outside(y: Tensor) -> Tensor:
    """Zeros in those voxels of odd blocks that lie outside the image, written in place."""
    voxels = y.unflatten(1, (2, 2, -1))
    voxels[:, 0, ..., 0, :].zero_()
    voxels[:, 1, ..., -1, :].zero_()
    voxels[:, :, 0, ..., 0].zero_()
    voxels[:, :, 1, ..., -1].zero_()
    return y

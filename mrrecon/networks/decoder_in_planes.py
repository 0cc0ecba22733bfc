"""The last FixUp block and the sub-pixel layer behind it, a few planes at a time."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mrrecon.networks.blur import mean_of_two
from mrrecon.networks.fixup import FixupBlock
from mrrecon.networks.planes import Planes, chunks
from mrrecon.networks.space_to_depth import depth_to_space
from mrrecon.networks.spread import on_pairs

CHUNK = 6
"""Planes of a quarter of the resolution computed at a time, at least 3."""


def decoded_in_planes(up: FixupBlock, head: nn.Conv3d, x: Tensor, *, blurred: bool) -> Tensor:
    """What a ``SubpixelUpsample3d`` makes of ``up(x)``, for inference.

    Under autocast the block runs in its precision, the last convolution in that of its weights: in bfloat16
    the image would be rounded.

    Args:
        up: block of mode "up".
        head: convolution of the ``SubpixelUpsample3d``.
        x: features, (batch, channels, depth, height, width).
        blurred: whether the image is blurred.
    """
    n, depth = up.out_channels, x.shape[2]
    weight = torch.cat([up.conv1.weight, up.skip_conv.weight], dim=1)
    bias = torch.cat([up.bias1b.expand(n), torch.zeros_like(up.bias1b).expand(n)])
    # Behind the first activation and beside it: a scalar for the one path, none for the other.
    scalars = torch.cat([up.bias2a.expand(n), torch.zeros_like(up.bias2a).expand(n)])[:, None, None, None]
    x = F.pad(x + up.bias1a.to(x.dtype), (0, 0, 0, 0, 1, 1)).to(memory_format=torch.channels_last_3d)

    mean, half, whole, image = _Blur(), Planes(), Planes(), _Blur()
    out = torch.empty(0)
    n_out = 0
    for start, end in chunks(depth, CHUNK):
        last = end == depth
        # Planes 2 start - 1 to 2 end - 2, and the last one; plane -1 is none.
        both = F.conv_transpose3d(x[:, :, start : end + 1 + last], weight, bias, stride=2, padding=(2, 1, 1))
        both = both[:, :, int(not start) : both.shape[2] - last]
        F.leaky_relu_(both[:, :n], up.negative_slope)
        if up.blurred:
            both = mean.blur(both)
        both = half.join(both, scalars.to(both.dtype), last=last)

        y = on_pairs(both[:, :n], up.scale * up.conv2.weight, up.bias2b.expand(n))
        F.leaky_relu_(y.add_(both[:, n:, 1:-1]), up.negative_slope)
        y = whole.join(y.to(head.weight.dtype), 0, last=last)

        with torch.autocast(x.device.type, enabled=False):
            y = depth_to_space(on_pairs(y, head.weight, head.bias))
        if blurred:
            y = image.blur(y)
        if not out.numel():
            out = y.new_empty(*y.shape[:2], 4 * depth, *y.shape[3:])
        out[:, :, n_out : n_out + y.shape[2]] = y
        n_out += y.shape[2]
    return out


class _Blur:
    """``blur`` of planes that come in chunks: the last one is kept for the next."""

    def __init__(self) -> None:
        self._plane = torch.empty(0)

    def blur(self, x: Tensor) -> Tensor:
        one, other = torch.empty_like(x), torch.empty_like(x)
        mean_of_two(x, 3, out=one)
        mean_of_two(one, 4, out=other)
        mean_of_two(other, 2, out=one)
        if self._plane.numel():
            torch.lerp(self._plane, other[:, :, :1], 0.5, out=one[:, :, :1])
        self._plane = other[:, :, -1:].clone()
        return one

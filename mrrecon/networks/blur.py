"""Mean over neighbouring voxels, which removes the checkerboard that up-sampling leaves."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def blur(x: Tensor) -> Tensor:
    """Mean over 2 x 2 x 2 neighbours, padded with one zero before each axis so that the size stays.

    It removes the checkerboard that transposed and sub-pixel convolutions leave.

    Args:
        x: features, (batch, channels, depth, height, width).

    Example:
        >>> blur(torch.ones(1, 1, 2, 2, 2)).flatten().tolist()
        [0.125, 0.25, 0.25, 0.5, 0.25, 0.5, 0.5, 1.0]

    Reference:
        Sugawara, Shiota, Kiya. Checkerboard artifacts free convolutional neural networks. APSIPA 2019.
        https://doi.org/10.1017/ATSIP.2019.2
    """
    if not torch.jit.is_scripting() and not torch.compiler.is_compiling():
        return _Blur.apply(x, True)
    return F.avg_pool3d(F.pad(x, [1, 0, 1, 0, 1, 0]), kernel_size=2, stride=1)


class _Blur(torch.autograd.Function):
    """One axis after the other: ten times faster on the CPU than the pooling, which has no bfloat16 there."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, forwards: bool) -> Tensor:
        ctx.forwards = forwards
        one, other = torch.empty_like(x), torch.empty_like(x)
        mean_of_two(x, 2, forwards=forwards, out=one)
        mean_of_two(one, 3, forwards=forwards, out=other)
        return mean_of_two(other, 4, forwards=forwards, out=one)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return _Blur.apply(grad, not ctx.forwards), None


def mean_of_two(x: Tensor, axis: int, *, out: Tensor, forwards: bool = True) -> Tensor:
    """Mean of each plane and the one before, or (the adjoint) the one behind it; zero beyond the border.

    Args:
        x: features.
        axis: along which the planes follow each other.
        out: of the shape of ``x``, and other memory: what is returned.
        forwards: false for the adjoint.
    """
    n = x.shape[axis]
    border, first = (0, 1) if forwards else (n - 1, 0)
    torch.mul(x.narrow(axis, border, 1), 0.5, out=out.narrow(axis, border, 1))
    if n > 1:
        here, there = x.narrow(axis, 0, n - 1), x.narrow(axis, 1, n - 1)
        torch.lerp(here, there, 0.5, out=out.narrow(axis, first, n - 1))
    return out

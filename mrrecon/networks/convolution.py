"""A three-dimensional convolution by oneDNN also where torch would choose its slow one."""

import torch
import torch.nn.functional as F
from torch import Tensor


def convolved(
    x: Tensor, weight: Tensor, bias: Tensor | None, *, stride: list[int], padding: list[int]
) -> Tensor:
    """What ``torch.nn.functional.conv3d`` gives.

    For inference on the CPU in float32, torch takes a path that is up to ten times slower wherever channels
    times depth times height is at most 20,480: few channels of a thin slab, or the coarse end of a network.

    Args:
        x: (batch, channels, depth, height, width).
        weight: (out_channels, channels, *kernel).
        bias: (out_channels,) or None.
        stride: of the three axes.
        padding: of the three axes.
    """
    if torch.jit.is_scripting() or torch.compiler.is_compiling():
        return F.conv3d(x, weight, bias, stride=stride, padding=padding)
    else:
        return _convolved(x, weight, bias, stride, padding)


@torch.jit.unused
def _convolved(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: list[int], padding: list[int]
) -> Tensor:
    if not _by_hand(x, weight):
        return F.conv3d(x, weight, bias, stride=stride, padding=padding)
    # It reads memory as it lies: what torch lays out beforehand on its own way is laid out here.
    x, weight = _laid_out(x, weight)
    bias = None if bias is None else bias.contiguous()
    return torch.mkldnn_convolution(x, weight, bias, padding, stride, [1, 1, 1], 1)


def _by_hand(x: Tensor, weight: Tensor) -> bool:
    return (
        x.dtype == weight.dtype == torch.float32
        and x.device.type == "cpu"
        and not torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
        and torch.backends.mkldnn.is_available()
    )


def _laid_out(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    last = torch.channels_last_3d
    # Of one channel, or one site, both orders may be true: then it is the other that decides.
    is_last = x.is_contiguous(memory_format=last) or weight.is_contiguous(memory_format=last)
    order = last if is_last else torch.contiguous_format
    return x.contiguous(memory_format=order), weight.contiguous(memory_format=order)

"""Residual block that trains without normalisation (FixUp), in three spatial dimensions."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mrrecon.networks.blur import blur
from mrrecon.networks.convolution import convolved

FEW_CHANNELS = 8
"""Up to here a block's two first convolutions are one: the processor computes sixteen channels at a time."""


def add_scalar(x: Tensor, scalar: Tensor) -> Tensor:
    """Sum of both, in the memory of x where no gradient asks for x again."""
    if torch.is_grad_enabled():
        return x + scalar.to(x.dtype)
    return x.add_(scalar.to(x.dtype))


def _convolution(mode: str, in_channels: int, out_channels: int) -> nn.Conv3d | nn.ConvTranspose3d:
    if mode == "level":
        return nn.Conv3d(in_channels, out_channels, kernel_size=3, padding=1, bias=False)
    if mode == "down":
        return nn.Conv3d(in_channels, out_channels, kernel_size=3, stride=2, padding=1, bias=False)
    if mode == "up":
        return nn.ConvTranspose3d(in_channels, out_channels, kernel_size=4, stride=2, padding=1, bias=False)
    raise ValueError(f"mode={mode!r} is not known: use 'level', 'down' or 'up'")


class FixupBlock(nn.Module):
    r"""Two convolutions beside a convolved skip path, with four scalar biases and one scalar scale.

    $$ h = w_2 * a(w_1 * (x + b_{1a}) + b_{1b}), \quad
       y = a\big(s\,h(\cdot + b_{2a}) + b_{2b} + w_s * (x + b_{1a})\big), \quad a = \text{leaky ReLU} $$

    The second convolution starts at zero, so that at the start each block is its skip path alone.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        mode: "level" keeps the size (kernel 3), "down" halves it (kernel 3, stride 2), "up" doubles it
            (transposed convolution, kernel 4, stride 2).
        blurred: whether both paths are blurred after their first convolution.
        n_layers: layers of the whole network, the L of FixUp's initial scale L^(-1/2).
        negative_slope: slope of the leaky ReLU below zero.

    Shapes:
        (batch, in_channels, depth, height, width) -> (batch, out_channels, depth', height', width').

    Raises:
        ValueError: if ``mode`` is none of the three.

    Example:
        >>> FixupBlock(4, 8, mode="down")(torch.zeros(1, 4, 8, 8, 8)).shape
        torch.Size([1, 8, 4, 4, 4])

    Reference:
        Zhang, Dauphin, Ma. Fixup initialization: residual learning without normalization. ICLR 2019.
        https://doi.org/10.48550/arXiv.1901.09321
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        mode: str = "level",
        blurred: bool = False,
        n_layers: int = 23,
        negative_slope: float = 0.01,
    ) -> None:
        super().__init__()
        self.mode = mode
        self.out_channels = out_channels
        self.blurred = blurred
        self.joined = out_channels <= FEW_CHANNELS
        self.negative_slope = negative_slope
        self.conv1 = _convolution(mode, in_channels, out_channels)
        self.conv2 = _convolution("level", out_channels, out_channels)
        self.skip_conv = _convolution(mode, in_channels, out_channels)
        self.bias1a = nn.Parameter(torch.zeros(1))
        self.bias1b = nn.Parameter(torch.zeros(1))
        self.bias2a = nn.Parameter(torch.zeros(1))
        self.bias2b = nn.Parameter(torch.zeros(1))
        self.scale = nn.Parameter(torch.ones(1))
        self._initialise(n_layers)

    def _initialise(self, n_layers: int) -> None:
        weight = self.conv1.weight
        # He's standard deviation with the first axis of the weight as fan: out_channels of a convolution,
        # in_channels of a transposed one.
        he = math.sqrt(2.0 / (weight.shape[0] * math.prod(weight.shape[2:])))
        nn.init.normal_(self.conv1.weight, std=he * n_layers**-0.5)
        nn.init.normal_(self.skip_conv.weight, std=he)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Features of the block's output."""
        x = x + self.bias1a.to(x.dtype)
        # The other scalars ride on the convolutions: as their biases, and the scale within the weight.
        if self.joined:
            h, skip = self._first_and_skip(x)
        else:
            h = self._convolved(x, self.conv1.weight, self.bias1b.expand(self.out_channels))
            skip = self._convolved(x, self.skip_conv.weight, None)
        h = F.leaky_relu(h, self.negative_slope)
        if self.blurred:
            h, skip = blur(h), blur(skip)
        h = add_scalar(h, self.bias2a)
        bias = self.bias2b.expand(self.out_channels)
        h = convolved(h, self.scale * self.conv2.weight, bias, stride=[1, 1, 1], padding=[1, 1, 1])
        return F.leaky_relu(h.add_(skip), self.negative_slope, inplace=True)

    def _first_and_skip(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both convolutions of the input as one."""
        n = self.out_channels
        weight = torch.cat([self.conv1.weight, self.skip_conv.weight], dim=1 if self.mode == "up" else 0)
        both = self._convolved(
            x, weight, torch.cat([self.bias1b.expand(n), torch.zeros_like(self.bias1b).expand(n)])
        )
        return both[:, :n], both[:, n:]

    def _convolved(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self.mode == "up":
            return F.conv_transpose3d(x, weight, bias, stride=2, padding=1)
        stride = 2 if self.mode == "down" else 1
        return convolved(x, weight, bias, stride=[stride, stride, stride], padding=[1, 1, 1])

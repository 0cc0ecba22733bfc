"""The same network as ``mrrecon.networks.MultiLevelVQVAE``, written the plain way: one library call a layer.

It takes the same ``state_dict``. The benchmarks measure against it, the tests compare with it.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PlainFixupBlock(nn.Module):
    """FixUp block as on paper: four biases, three convolutions, one scale."""

    def __init__(self, in_channels: int, out_channels: int, mode: str, blurred: bool, slope: float) -> None:
        super().__init__()
        self.blurred = blurred
        self.slope = slope

        def first() -> nn.Module:
            if mode == "up":
                return nn.ConvTranspose3d(in_channels, out_channels, 4, stride=2, padding=1, bias=False)
            stride = 2 if mode == "down" else 1
            return nn.Conv3d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)

        self.conv1 = first()
        self.conv2 = nn.Conv3d(out_channels, out_channels, 3, padding=1, bias=False)
        self.skip_conv = first()
        self.bias1a, self.bias1b, self.bias2a, self.bias2b = (nn.Parameter(torch.zeros(1)) for _ in range(4))
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        """The block's output."""
        h = F.leaky_relu(self.conv1(x + self.bias1a) + self.bias1b, self.slope)
        h = self.conv2((plain_blur(h) if self.blurred else h) + self.bias2a) * self.scale + self.bias2b
        skip = self.skip_conv(x + self.bias1a)
        return F.leaky_relu(h + (plain_blur(skip) if self.blurred else skip), self.slope)


class PlainHead(nn.Module):
    """Sub-pixel convolution to twice the size."""

    def __init__(self, in_channels: int, out_channels: int, blurred: bool) -> None:
        super().__init__()
        self.blurred = blurred
        self.conv = nn.Conv3d(in_channels, 8 * out_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """The image."""
        h = self.conv(x)
        b, c, d, h_, w = h.shape
        y = (
            h.view(b, c // 8, 2, 2, 2, d, h_, w)
            .permute(0, 1, 5, 2, 6, 3, 7, 4)
            .reshape(b, -1, 2 * d, 2 * h_, 2 * w)
        )
        return plain_blur(y) if self.blurred else y


class PlainQuantizer(nn.Module):
    """Nearest code by the whole matrix of distances, in float64; it does not train its codebook."""

    def __init__(self, n_codes: int, code_channels: int) -> None:
        super().__init__()
        self.register_buffer("codebook", torch.zeros(n_codes, code_channels))
        self.register_buffer("initialised", torch.zeros((), dtype=torch.bool))
        self.register_buffer("n_updates", torch.zeros((), dtype=torch.long))
        self.register_buffer("ema_count", torch.zeros(n_codes))
        self.register_buffer("ema_sum", torch.zeros(n_codes, code_channels))
        self.register_buffer("ema_square", torch.zeros(n_codes, code_channels))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Codes (straight through) and their indices."""
        flat = z.detach().movedim(1, -1).flatten(0, -2).double()
        indices = torch.cdist(flat, self.codebook.double()).argmin(1).view(z.shape[:1] + z.shape[2:])
        quantised = F.embedding(indices, self.codebook).movedim(-1, 1)
        return z + (quantised - z).detach(), indices


class PlainVQVAE(nn.Module):
    """Three-level VQ-VAE of Tudosiu et al. 2020; sizes are multiples of 64."""

    def __init__(
        self,
        channels: Sequence[int] = (4, 8, 16, 32, 64, 128, 256),
        n_codes: int = 256,
        code_channels: Sequence[int] = (2, 8, 32),
        blur: str = "upsample",
        slope: float = 0.01,
    ) -> None:
        super().__init__()
        everywhere, up = blur == "everywhere", blur != "none"

        def level(i: int, o: int) -> PlainFixupBlock:
            return PlainFixupBlock(i, o, "level", everywhere, slope)

        def down(i: int, o: int) -> PlainFixupBlock:
            return PlainFixupBlock(i, o, "down", everywhere, slope)

        def double(i: int, m: int, o: int) -> nn.Sequential:
            return nn.Sequential(
                PlainFixupBlock(i, m, "up", up, slope), PlainFixupBlock(m, o, "up", up, slope)
            )

        c, (fine, middle, coarse) = channels, code_channels
        self.encode1 = nn.Sequential(level(1, c[0]), down(c[0], c[1]), down(c[1], c[2]))
        self.encode2 = nn.Sequential(down(c[2], c[3]), down(c[3], c[4]))
        self.encode3 = nn.Sequential(down(c[4], c[5]), down(c[5], c[6]))
        self.to_code3, self.quantize3 = level(c[6], coarse), PlainQuantizer(n_codes, coarse)
        self.condition2 = double(coarse, 2 * middle, middle)
        self.to_code2, self.quantize2 = level(c[4] + middle, middle), PlainQuantizer(n_codes, middle)
        self.condition1 = double(middle, 2 * fine, fine)
        self.to_code1, self.quantize1 = level(c[2] + fine, fine), PlainQuantizer(n_codes, fine)
        self.decode3 = double(coarse, c[5], c[4])
        self.decode2 = double(c[4] + middle, c[3], c[2])
        self.decode1 = nn.Sequential(
            PlainFixupBlock(c[2] + fine, c[1], "up", up, slope), PlainHead(c[1], 1, up)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor], Tensor]:
        """Reconstruction, indices (finest first), and the sum of the mean squared errors of quantisation."""
        x1 = self.encode1(x)
        x2 = self.encode2(x1)
        f3 = self.to_code3(self.encode3(x2))
        z3, codes3 = self.quantize3(f3)
        f2 = self.to_code2(torch.cat([x2, self.condition2(z3)], dim=1))
        z2, codes2 = self.quantize2(f2)
        f1 = self.to_code1(torch.cat([x1, self.condition1(z2)], dim=1))
        z1, codes1 = self.quantize1(f1)
        pairs = ((f1, z1), (f2, z2), (f3, z3))
        loss = torch.stack([F.mse_loss(f, z.detach()) for f, z in pairs]).sum()
        return self.decode(z1, z2, z3), (codes1, codes2, codes3), loss

    def decode(self, z1: Tensor, z2: Tensor, z3: Tensor) -> Tensor:
        """Codes, finest first -> image."""
        h = self.decode2(torch.cat([self.decode3(z3), z2], dim=1))
        return self.decode1(torch.cat([h, z1], dim=1))


def plain_blur(x: Tensor) -> Tensor:
    """Zero before each axis, then the mean over 2 x 2 x 2."""
    return F.avg_pool3d(F.pad(x, [1, 0, 1, 0, 1, 0]), kernel_size=2, stride=1)

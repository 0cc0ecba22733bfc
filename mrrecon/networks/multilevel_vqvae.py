"""Three-dimensional VQ-VAE with three levels of codes (Tudosiu et al. 2020)."""

from collections.abc import Sequence

import torch
from monai.networks.utils import icnr_init
from torch import Tensor, nn

from mrrecon.networks.blur import blur
from mrrecon.networks.decoder_in_planes import decoded_in_planes
from mrrecon.networks.encoder_in_planes import encoded_in_planes
from mrrecon.networks.fixup import FixupBlock
from mrrecon.networks.fixup_on_blocks import down_on_blocks, level_on_blocks
from mrrecon.networks.space_to_depth import depth_to_space, space_to_depth_and_ones
from mrrecon.networks.vector_quantizer import EMAVectorQuantizer
from mrrecon.tensors import crop_to_shape, pad_to_multiple


class SubpixelUpsample3d(nn.Module):
    """Convolution to eight times the channels, rearranged to twice the size, blurred.

    The eight sub-kernels of a channel start equal (ICNR), so that no checkerboard is there at the start.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        blurred: whether the output is blurred.

    Shapes:
        (batch, in_channels, d, h, w) -> (batch, out_channels, 2 d, 2 h, 2 w).

    Reference:
        Aitken et al. Checkerboard artifact free sub-pixel convolution. 2017. https://doi.org/10.48550/arXiv.1707.02937
    """

    def __init__(self, in_channels: int, out_channels: int, *, blurred: bool = True) -> None:
        super().__init__()
        self.blurred = blurred
        self.conv = nn.Conv3d(in_channels, 8 * out_channels, kernel_size=3, padding=1)
        icnr_init(self.conv, upsample_factor=2, init=nn.init.xavier_normal_)

    def forward(self, x: Tensor) -> Tensor:
        """Image of twice the size."""
        x = depth_to_space(self.conv(x))
        return blur(x) if self.blurred else x


class MultiLevelVQVAE(nn.Module):
    r"""Encoder, three vector quantisers conditioned on the level below, and decoder.

    Six strided blocks halve the image; behind the second, fourth and sixth its features are quantised. The
    coarsest level comes first; the next finer one sees its codes, and so learns what they left over.

    Args:
        in_channels: channels of the image.
        out_channels: channels of the reconstruction.
        channels: features at each of the seven resolutions, finest first.
        n_codes: K, codes a level.
        code_channels: D of each level, finest first.
        decay: of the codebooks' moving averages.
        commitment: beta of eq. 4, see ``EMAVectorQuantizer``.
        blur: where a blur follows the convolutions of a block: "upsample" (the paper's text: after
            up-sampling), "everywhere" (its author's port), "none".
        negative_slope: slope of the leaky ReLU below zero.

    Shapes:
        (batch, in_channels, depth, height, width) -> (batch, out_channels, depth, height, width). Any size:
        it is padded with zeros on both sides to a multiple of 64, and cropped back.

    Raises:
        ValueError: if ``channels`` has not seven or ``code_channels`` not three entries, or ``blur`` is
            unknown.

    Example:
        >>> small = MultiLevelVQVAE(channels=(2, 2, 4, 4, 8, 8, 8), code_channels=(2, 2, 2)).eval()
        >>> [tuple(codes.shape) for codes in small.encode(torch.zeros(1, 1, 64, 64, 64))]
        [(1, 16, 16, 16), (1, 4, 4, 4), (1, 1, 1, 1)]

    Reference:
        Tudosiu et al. Neuromorphologically-preserving volumetric data encoding using VQ-VAE. 2020.
        https://doi.org/10.48550/arXiv.2002.05692
    """

    size_multiple: int = 64

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        *,
        channels: Sequence[int] = (4, 8, 16, 32, 64, 128, 256),
        n_codes: int = 256,
        code_channels: Sequence[int] = (2, 8, 32),
        decay: float = 0.99,
        commitment: float = 0.25,
        blur: str = "upsample",
        negative_slope: float = 0.01,
    ) -> None:
        super().__init__()
        if len(channels) != 7:
            raise ValueError(f"channels={tuple(channels)} must have seven entries, one a resolution")
        if len(code_channels) != 3:
            raise ValueError(f"code_channels={tuple(code_channels)} must have three entries, finest first")
        if blur not in ("upsample", "everywhere", "none"):
            raise ValueError(f"blur={blur!r} is not known: use 'upsample', 'everywhere' or 'none'")

        def block(n_in: int, n_out: int, mode: str) -> FixupBlock:
            blurred = blur == "everywhere" or (blur == "upsample" and mode == "up")
            return FixupBlock(n_in, n_out, mode=mode, blurred=blurred, negative_slope=negative_slope)

        def quantizer(n_channels: int) -> EMAVectorQuantizer:
            return EMAVectorQuantizer(n_codes, n_channels, decay=decay, commitment=commitment)

        c = channels
        fine, middle, coarse = code_channels
        self.on_blocks = blur != "everywhere"
        self.encode1 = nn.Sequential(
            block(in_channels, c[0], "level"),
            block(c[0], c[1], "down"),
            block(c[1], c[2], "down"),
        )
        self.encode2 = nn.Sequential(block(c[2], c[3], "down"), block(c[3], c[4], "down"))
        self.encode3 = nn.Sequential(block(c[4], c[5], "down"), block(c[5], c[6], "down"))
        self.to_code3 = block(c[6], coarse, "level")
        self.quantize3 = quantizer(coarse)
        self.condition2 = nn.Sequential(block(coarse, 2 * middle, "up"), block(2 * middle, middle, "up"))
        self.to_code2 = block(c[4] + middle, middle, "level")
        self.quantize2 = quantizer(middle)
        self.condition1 = nn.Sequential(block(middle, 2 * fine, "up"), block(2 * fine, fine, "up"))
        self.to_code1 = block(c[2] + fine, fine, "level")
        self.quantize1 = quantizer(fine)
        self.decode3 = nn.Sequential(block(coarse, c[5], "up"), block(c[5], c[4], "up"))
        self.decode2 = nn.Sequential(block(c[4] + middle, c[3], "up"), block(c[3], c[2], "up"))
        self.decode1 = nn.Sequential(
            block(c[2] + fine, c[1], "up"), SubpixelUpsample3d(c[1], out_channels, blurred=blur != "none")
        )

    @property
    def quantizers(self) -> tuple[EMAVectorQuantizer, EMAVectorQuantizer, EMAVectorQuantizer]:
        """The three quantisers, finest first."""
        return self.quantize1, self.quantize2, self.quantize3

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruction; in training mode (reconstruction, commitment loss)."""
        if not torch.jit.is_scripting() and self.training:
            return self._forward_training(x)  # type: ignore[return-value]
        codes1, codes2, codes3 = self.encode(x)
        return crop_to_shape(self.decode(codes1, codes2, codes3), list(x.shape[2:]))

    @torch.jit.export
    def encode(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Image (batch, in_channels, D, H, W) -> int64 indices (batch, d, h, w) of levels 1/4, 1/16, 1/64."""
        if torch.jit.is_scripting() or torch.compiler.is_compiling():
            return self._codes(x)
        else:
            # Features in bfloat16 choose other codes, a third of the finest: codes come from full precision.
            with torch.autocast(x.device.type, enabled=False):
                return self._codes(x.to(self.to_code3.scale.dtype))

    def _codes(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x1 = self._encoded1(x)
        x2 = self.encode2(x1)
        codes3 = self.quantize3.encode(self.to_code3(self.encode3(x2)))
        z3 = self.quantize3.decode(codes3).to(x2.dtype)
        codes2 = self.quantize2.encode(self.to_code2(torch.cat([x2, self.condition2(z3)], dim=1)))
        z2 = self.quantize2.decode(codes2).to(x1.dtype)
        codes1 = self.quantize1.encode(self.to_code1(torch.cat([x1, self.condition1(z2)], dim=1)))
        return codes1, codes2, codes3

    @torch.jit.export
    def decode(self, codes1: Tensor, codes2: Tensor, codes3: Tensor) -> Tensor:
        """Indices of the three levels, finest first -> image (batch, out_channels, D, H, W), padded size."""
        h = self.decode3(self.quantize3.decode(codes3))
        return self._reconstruct(h, self.quantize1.decode(codes1), self.quantize2.decode(codes2))

    def _encoded1(self, x: Tensor) -> Tensor:
        x, _ = pad_to_multiple(x, 64)
        # An exported network is the plain one.
        if not torch.jit.is_scripting() and not torch.compiler.is_compiling() and self.on_blocks:
            full, half, quarter = self.encode1
            if _in_planes(x):
                return quarter(encoded_in_planes(full, half, x))  # type: ignore[arg-type]
            x = level_on_blocks(full, space_to_depth_and_ones(x))  # type: ignore[arg-type]
            return quarter(down_on_blocks(half, x))  # type: ignore[arg-type]
        return self.encode1(x)

    def _reconstruct(self, h: Tensor, z1: Tensor, z2: Tensor) -> Tensor:
        h = self.decode2(torch.cat([h, z2], dim=1))
        h = torch.cat([h, z1], dim=1)
        if torch.jit.is_scripting() or torch.compiler.is_compiling():
            return self.decode1[1](self.decode1[0](h))
        elif _in_planes(h):
            up, head = self.decode1
            return decoded_in_planes(up, head.conv, h, blurred=head.blurred)  # type: ignore[arg-type]
        else:
            h = self.decode1[0](h)
            # In bfloat16 the image itself would be rounded, to one part in 256.
            with torch.autocast(h.device.type, enabled=False):
                return self.decode1[1](h.to(self.to_code3.scale.dtype))

    @torch.jit.unused
    def _forward_training(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x1 = self._encoded1(x)
        x2 = self.encode2(x1)
        # The weight gradient of a bfloat16 convolution over two voxels a side reads memory that nobody wrote
        # (oneDNN of torch 2.13). All that is coarser than 1/16 costs next to nothing and is left in float32.
        with torch.autocast(x.device.type, enabled=False):
            x3 = self.encode3(x2.to(self.to_code3.scale.dtype))
            z3, loss3, _ = self.quantize3.quantise(self.to_code3(x3))
            condition2, h = self.condition2(z3), self.decode3(z3)
        z2, loss2, _ = self.quantize2.quantise(self.to_code2(torch.cat([x2, condition2], dim=1)))
        z1, loss1, _ = self.quantize1.quantise(self.to_code1(torch.cat([x1, self.condition1(z2)], dim=1)))
        y = self._reconstruct(h, z1, z2)
        return crop_to_shape(y, list(x.shape[2:])), loss1 + loss2 + loss3


def _in_planes(x: Tensor) -> bool:
    """Whether to compute the highest resolution a few planes at a time: for inference on the processor."""
    return not torch.is_grad_enabled() and x.device.type == "cpu"

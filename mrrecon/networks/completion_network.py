"""Network that draws completions of an image of which only a part was observed."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mrrecon.networks.completions import drawn_completions
from mrrecon.networks.fill_holes import fill_holes
from mrrecon.networks.sparse_blocks import ResidualBlock, SparseEncoder
from mrrecon.tensors import crop_to_shape, pad_to_multiple


class CompletionDecoder(nn.Module):
    """From the features of all levels and random numbers to an image.

    Args:
        spatial_dims: 2 or 3.
        channels: features of each level, finest first.
        n_noise: channels of random numbers at each level.
    """

    def __init__(self, spatial_dims: int, channels: Sequence[int], n_noise: int) -> None:
        super().__init__()
        blocks = []
        coarser = 0
        for width in reversed(channels):
            blocks.append(ResidualBlock(spatial_dims, coarser + width + 1 + n_noise, width))
            coarser = width
        self.blocks = nn.ModuleList(blocks)
        last = nn.Conv2d if spatial_dims == 2 else nn.Conv3d
        self.last = last(channels[0], 1, 1)
        nn.init.zeros_(self.last.weight)
        if self.last.bias is not None:
            nn.init.zeros_(self.last.bias)

    def forward(self, features: list[Tensor], masks: list[Tensor], noise: list[Tensor]) -> Tensor:
        """What is to be added to the first guess, from lists that begin with the finest level."""
        h = features[-1]
        n = len(features)
        for i, block in enumerate(self.blocks):
            level = n - 1 - i
            parts = [features[level], masks[level], noise[level]]
            if i > 0:
                parts.append(F.interpolate(h, scale_factor=2.0, mode="nearest"))
            h = block(torch.cat(parts, 1))
        return self.last(h)


class CompletionNetwork(nn.Module):
    r"""Draws from the distribution of the images that agree with what was observed.

    $$ x = I(y_o) + g(h(y_o), \epsilon), \qquad \epsilon \sim N(0, I) $$

    The encoder h is that of ``SparseVAE``, of sparse convolutions. Its features of all levels go to the
    decoder g, not the coarsest alone, so that detail is kept; I is ``fill_holes``. Uncertainty comes in as
    random numbers at every level. With connections like these an autoencoder would learn to copy, and nothing
    about holes. So it learns from what was observed but hidden from it, by ``CRPSLoss``: it needs no complete
    image either.

    Its input has two channels: the image, and a mask that is 1 where it was observed. Any size works: it is
    padded with unobserved voxels, and cropped back.

    Args:
        spatial_dims: 2 or 3.
        channels: features of each level, finest first.
        n_noise: channels of random numbers at each level.

    Raises:
        ValueError: ``spatial_dims`` or ``n_noise`` is out of range.

    Example:
        >>> network = CompletionNetwork(2, channels=[4, 8]).eval()
        >>> network(torch.ones(1, 2, 9, 6)).shape
        torch.Size([1, 1, 9, 6])

    Reference:
        Gneiting, Raftery. Strictly proper scoring rules, prediction, and estimation. Journal of the American
        Statistical Association 2007. https://doi.org/10.1198/016214506000001437
    """

    def __init__(
        self, spatial_dims: int, *, channels: Sequence[int] = (16, 32, 64, 96, 128), n_noise: int = 2
    ) -> None:
        super().__init__()
        if n_noise < 1:
            raise ValueError(f"n_noise={n_noise} must be at least 1: without it all completions are the same")
        self.spatial_dims = spatial_dims
        self.n_noise = n_noise
        self.multiple = 2 ** (len(channels) - 1)
        self.encoder = SparseEncoder(spatial_dims, 1, channels)
        self.decoder = CompletionDecoder(spatial_dims, channels, n_noise)

    def forward(self, x: Tensor) -> Tensor:
        """Completion without random numbers; in training mode two draws, one after the other as channels.

        Args:
            x: image and mask, (batch, 2, *spatial).

        Returns:
            (batch, 1, *spatial); in training mode (batch, 2, *spatial).
        """
        guess, features, masks = self.encode(x)
        if not torch.jit.is_scripting() and self.training:
            return torch.cat([self.draw(guess, features, masks, self.noise(features)) for _ in range(2)], 1)
        noise = [torch.zeros_like(h[:, : self.n_noise]) for h in features]
        return self.draw(guess, features, masks, noise)

    def encode(self, x: Tensor) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """First guess, and the features and masks of all levels, finest first, of image and mask."""
        y, mask = x[:, :1], x[:, 1:]
        y, _ = pad_to_multiple(torch.where(mask > 0, y, torch.zeros_like(y)), self.multiple)
        mask, _ = pad_to_multiple(mask, self.multiple)
        # The guess is halved where the features are: the decoder corrects what that does to it.
        guess = crop_to_shape(fill_holes(y, mask), list(x.shape[2:]))
        features, masks = self.encoder.levels(y, mask)
        return guess, features, masks

    def draw(self, guess: Tensor, features: list[Tensor], masks: list[Tensor], noise: list[Tensor]) -> Tensor:
        """One completion, from what ``encode`` gave and from the random numbers of each level."""
        return guess + crop_to_shape(self.decoder(features, masks, noise), list(guess.shape[2:]))

    @torch.jit.unused
    def noise(self, features: list[Tensor], generator: torch.Generator | None = None) -> list[Tensor]:
        """Random numbers for one completion."""
        return [
            torch.randn(
                (len(h), self.n_noise, *h.shape[2:]), generator=generator, device=h.device, dtype=h.dtype
            )
            for h in features
        ]

    @torch.jit.unused
    def impute(self, x: Tensor, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Several completions of each image.

        Args:
            x: image and mask, (batch, 2, *spatial).
            n: number of completions, at least 1.
            generator: source of the random numbers, on the device of ``x``.

        Returns:
            (n, batch, 1, *spatial).
        """
        return drawn_completions(self, x, n, generator)

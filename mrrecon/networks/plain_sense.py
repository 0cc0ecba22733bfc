"""K-space of several coils on a grid in plain torch, for TorchScript."""

import torch
from torch import Tensor, nn

__all__ = ["PlainSense"]


class PlainSense(nn.Module):
    """What was measured of an image by coils: centred, orthonormal Fourier transform, zero where not sampled.

    One tensor holds k-space and maps, (batch, 4 n_coils, *space): the real parts of the k-space of each coil,
    those of the maps, then the imaginary parts in the same order (``complex_to_channels`` of the two). A
    frequency is sampled where any coil has a number other than zero.

    Example:
        >>> y, constants = PlainSense().split(torch.ones(1, 8, 4, 4))
        >>> y.shape, constants[0].shape
        (torch.Size([1, 2, 4, 4]), torch.Size([1, 2, 4, 4]))
    """

    def split(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """K-space (batch, n_coils, *space), complex; maps and mask.

        Raises:
            ValueError: the number of channels is no multiple of 4.
        """
        if image.shape[1] % 4 != 0:
            raise ValueError("k-space and maps must have four channels for each coil")
        both = torch.complex(image.chunk(2, 1)[0].contiguous(), image.chunk(2, 1)[1].contiguous())
        y, maps = both.chunk(2, 1)[0], both.chunk(2, 1)[1]
        mask = (y.abs().amax(1, keepdim=True) > 0).to(image.dtype)
        return y, [maps, torch.complex(mask, torch.zeros_like(mask))]

    def start(self, y: Tensor, constants: list[Tensor]) -> Tensor:
        """Zero-filled image."""
        return self.adjoint(y, constants)

    def adjoint(self, y: Tensor, constants: list[Tensor]) -> Tensor:
        """Images of the coils, combined by the maps, (batch, 2, *space)."""
        axes = list(range(2, y.dim()))
        coils = torch.fft.fftshift(
            torch.fft.ifftn(torch.fft.ifftshift(y * constants[1], axes), dim=axes, norm="ortho"), axes
        )
        x = (constants[0].conj() * coils).sum(1)
        return torch.view_as_real(x).movedim(-1, 1)

    def gram(self, x: Tensor, constants: list[Tensor]) -> Tensor:
        """Measured and combined again."""
        axes = list(range(2, x.dim()))
        z = torch.view_as_complex(x.movedim(1, -1).contiguous()).unsqueeze(1)
        y = torch.fft.fftn(torch.fft.ifftshift(z * constants[0], axes), dim=axes, norm="ortho")
        return self.adjoint(torch.fft.fftshift(y, axes), constants)

    def finish(self, x: Tensor, y: Tensor, constants: list[Tensor]) -> Tensor:  # noqa: ARG002
        """The image, zero where all maps are."""
        return x * (constants[0].abs().amax(1, keepdim=True) > 0).to(x.dtype)

    def bound(self, constants: list[Tensor], x: Tensor) -> Tensor:
        """Largest sum of squares of the maps, for each problem of the batch."""
        power = torch.view_as_real(constants[0]).square().sum(-1).sum(1).flatten(1).amax(1).clamp_min(1e-30)
        for _ in range(x.dim() - 1):
            power = power.unsqueeze(-1)
        return power

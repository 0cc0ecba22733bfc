"""Orthogonal wavelet transform in plain torch, for TorchScript: the values of PyWavelets."""

import torch
from torch import Tensor, nn

__all__ = ["PlainWavelet"]


class PlainWavelet(nn.Module):
    """Periodised transform of the axes of space; an image is padded with zeros to sizes that can be halved.

    Args:
        wavelet: name of an orthogonal wavelet of PyWavelets, for example ``"db4"`` or ``"haar"``.
        levels: how often each axis is halved.

    Raises:
        ValueError: the wavelet is unknown or not orthogonal, or ``levels`` is below 1.

    Example:
        >>> W = PlainWavelet("haar", levels=1)
        >>> W.synthesize(W.analyze(torch.ones(1, 1, 3, 4)), [3, 4]).shape
        torch.Size([1, 1, 3, 4])
    """

    def __init__(self, wavelet: str = "db4", levels: int = 4) -> None:
        super().__init__()
        import pywt

        if wavelet not in pywt.wavelist(kind="discrete") or not pywt.Wavelet(wavelet).orthogonal:
            raise ValueError(f"wavelet={wavelet!r} must be the name of an orthogonal wavelet, such as 'db4'")
        if levels < 1:
            raise ValueError(f"levels={levels} must be at least 1")
        self.levels = levels
        self.multiple = 2**levels
        bank = pywt.Wavelet(wavelet)
        self.average: list[float] = [float(tap) for tap in reversed(bank.dec_lo)]
        self.detail: list[float] = [float(tap) for tap in reversed(bank.dec_hi)]

    def analyze(self, x: Tensor) -> Tensor:
        """Coefficients, packed as ``pywt.coeffs_to_array`` packs them."""
        z = self._framed(x)
        for level in range(self.levels):
            corner = z
            for axis in range(2, z.dim()):
                corner = corner.narrow(axis, 0, z.shape[axis] >> level)
            new = corner
            for axis in range(2, z.dim()):
                new = self._split(new, axis)
            corner.copy_(new)
        return z

    def synthesize(self, c: Tensor, space: list[int]) -> Tensor:
        """Image of coefficients; its middle of the sizes ``space``."""
        z = c.clone()
        for i in range(self.levels):
            level = self.levels - 1 - i
            corner = z
            for axis in range(2, z.dim()):
                corner = corner.narrow(axis, 0, z.shape[axis] >> level)
            new = corner
            for axis in range(2, z.dim()):
                new = self._join(new, axis)
            corner.copy_(new)
        for axis in range(2, z.dim()):
            first = z.shape[axis] // 2 - space[axis - 2] // 2
            z = z.narrow(axis, first, space[axis - 2])
        return z

    def shrink(self, c: Tensor, threshold: float) -> Tensor:
        """Coefficients with magnitudes (over the channels) less ``threshold``, the averages as they are."""
        length = c.square().sum(1, keepdim=True).sqrt()
        less = c * (1 - threshold / length.clamp_min(1e-30)).clamp_min(0.0)
        averages, kept = less, c
        for axis in range(2, c.dim()):
            averages = averages.narrow(axis, 0, c.shape[axis] // self.multiple)
            kept = kept.narrow(axis, 0, c.shape[axis] // self.multiple)
        averages.copy_(kept)
        return less

    def _framed(self, x: Tensor) -> Tensor:
        """In the middle of zeros, of sizes that can be halved; voxel n // 2 becomes voxel m // 2."""
        widths: list[int] = []
        for axis in range(x.dim() - 1, 1, -1):
            n = x.shape[axis]
            full = -(-n // self.multiple) * self.multiple
            before = full // 2 - n // 2
            widths.append(before)
            widths.append(full - n - before)
        return nn.functional.pad(x, widths).clone()

    def _split(self, x: Tensor, axis: int) -> Tensor:
        lines = x.movedim(axis, -1)
        n, taps = lines.shape[-1], len(self.average)
        half = n // 2
        places = torch.arange(half, device=x.device).unsqueeze(1) * 2 + torch.arange(taps, device=x.device)
        places = (places + 1 - taps // 2) % n
        seen = lines.index_select(-1, places.flatten()).unflatten(-1, [half, taps])
        average = (seen * torch.tensor(self.average, dtype=x.dtype, device=x.device)).sum(-1)
        detail = (seen * torch.tensor(self.detail, dtype=x.dtype, device=x.device)).sum(-1)
        return torch.cat([average, detail], -1).movedim(-1, axis)

    def _join(self, x: Tensor, axis: int) -> Tensor:
        lines = x.movedim(axis, -1)
        half, taps = lines.shape[-1] // 2, len(self.average)
        even = torch.zeros_like(lines.narrow(-1, 0, half))
        odd = torch.zeros_like(even)
        for tap in range(taps):
            first = (tap + 1 - taps // 2) % (2 * half)
            term = self.average[tap] * lines.narrow(-1, 0, half) + self.detail[tap] * lines.narrow(
                -1, half, half
            )
            term = term.roll(first // 2, -1)
            if first % 2 == 0:
                even = even + term
            else:
                odd = odd + term
        return torch.stack([even, odd], -1).flatten(-2).movedim(-1, axis)

"""Convolution as a product of Fourier transforms, and its adjoint: for many taps."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mrrecon.operators.edges import Boundary, extend, fold

__all__ = ["spectral_blur", "spectral_sizes", "transfer_function"]


def transfer_function(psf: Tensor, sizes: Sequence[int], like: Tensor) -> Tensor:
    """Fourier transform of a point-spread function about its centre, for images like ``like``.

    Args:
        psf: point-spread function, its centre at half of its sizes.
        sizes: sizes of the Fourier transform, none smaller than that of ``psf``.
        like: image whose device and precision are wanted, and half of the spectrum if it is real.
    """
    wide = psf.new_zeros(tuple(sizes), dtype=torch.float64)
    wide[tuple(slice(n) for n in psf.shape)] = psf.to(wide)
    wide = wide.roll([-(n // 2) for n in psf.shape], list(range(psf.dim()))).to(like.device)
    spectrum = torch.fft.fftn(wide) if like.is_complex() else torch.fft.rfftn(wide)
    return spectrum.to(like.dtype.to_complex())


def spectral_sizes(sizes: Sequence[int], psf: Sequence[int], boundary: Boundary) -> tuple[int, ...]:
    """Sizes of the Fourier transform that blurs images with the last sizes ``sizes``."""
    if boundary == "periodic":
        return tuple(sizes)
    return tuple(_smooth(n + k - 1) for n, k in zip(sizes, psf, strict=True))


def spectral_blur(
    x: Tensor, transfer: Tensor, *, psf: Sequence[int], boundary: Boundary, adjoint: bool = False
) -> Tensor:
    """Convolution of ``x`` with a point-spread function, or the adjoint of it.

    Args:
        x: image.
        transfer: ``transfer_function`` for ``spectral_sizes``.
        psf: sizes of the point-spread function.
        boundary: what stands past the edge.
        adjoint: the adjoint instead.
    """
    factor = transfer.conj() if adjoint else transfer
    shape = x.shape[-len(psf) :]
    sizes = spectral_sizes(shape, psf, boundary)
    if boundary == "periodic":
        return _multiply(x, factor, sizes)
    margins = [(k - 1 - k // 2, k // 2) for k in psf]
    # Where the image stands between its margins, and where the image with its margins ends.
    inside: tuple[Any, ...] = (
        ...,
        *(slice(before, before + n) for n, (before, _) in zip(shape, margins, strict=True)),
    )
    outside: tuple[Any, ...] = (..., *(slice(n + k - 1) for n, k in zip(shape, psf, strict=True)))
    if not adjoint:
        return _multiply(extend(x, margins, boundary), factor, sizes)[inside]
    wide = x.new_zeros((*x.shape[: x.dim() - len(psf)], *sizes))
    wide[inside] = x
    return fold(_multiply(wide, factor, sizes)[outside], margins, boundary)


def _multiply(x: Tensor, factor: Tensor, sizes: tuple[int, ...]) -> Tensor:
    axes = tuple(range(-len(sizes), 0))
    if x.is_complex():
        return torch.fft.ifftn(torch.fft.fftn(x, s=sizes, dim=axes) * factor, dim=axes)
    return torch.fft.irfftn(torch.fft.rfftn(x, s=sizes, dim=axes) * factor, s=sizes, dim=axes)


def _smooth(n: int) -> int:
    """Smallest number from n up with no prime factor above 5: its transform is fast."""
    while True:
        rest = n
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return n
        n += 1

"""Normal equations that the Fourier transform solves at once: those of circular convolutions."""

from collections.abc import Callable

import torch
from jaxtyping import Inexact
from torch import Tensor

__all__ = ["circulant_inverse"]


@torch.no_grad()
def circulant_inverse(
    left: Callable[[Tensor], Tensor], like: Inexact[Tensor, "*batch_and_image"], *, n_batch: int = 0
) -> Callable[[Tensor], Tensor] | None:
    r"""Inverse of a Hermitian positive semi-definite N, if N is a circular convolution; None if it is not.

    $$ N^{-1} b = F^{-1} \left( \hat b / \hat h \right), \qquad h = N \delta $$

    Periodic blurs and differences, the identity, k-space of a single coil, and sums of their grams are
    circular convolutions. No operator has to say so: N is one exactly if it does to an image of random
    numbers what the convolution with its answer h to a single voxel does. That takes two products with N.

    Args:
        left: N, a function of an image.
        like: an image; its values do not matter.
        n_batch: number of leading axes that count independent problems. Other axes of a batch do no harm.

    Example:
        >>> solve = circulant_inverse(lambda x: 3 * x - x.roll(1) - x.roll(-1), torch.zeros(4))
        >>> solve(torch.ones(4))
        tensor([1., 1., 1., 1.])
    """
    axes = tuple(range(n_batch, like.ndim))
    if not axes:
        return None
    impulse = torch.zeros_like(like, memory_format=torch.contiguous_format)
    impulse.flatten(n_batch)[..., 0] = 1
    response = torch.fft.fftn(left(impulse), dim=axes)
    generator = torch.Generator(like.device).manual_seed(0)
    probe = torch.randn(like.shape[n_batch:], dtype=like.dtype, device=like.device, generator=generator)
    probe = probe.expand(like.shape).contiguous()
    wanted = left(probe)
    got = torch.fft.ifftn(torch.fft.fftn(probe, dim=axes) * response, dim=axes)
    error, size = (got - wanted).abs().amax(axes), wanted.abs().amax(axes)
    epsilon = torch.finfo(like.dtype).eps
    if not bool((error <= _ROUNDING * epsilon * size).all()):
        return None
    spectrum = response.real
    floor = _ROUNDING * epsilon * spectrum.amax(axes, keepdim=True)
    # A frequency that N removes is in no right-hand side; 1 keeps the inverse positive definite.
    inverse = torch.where(spectrum > floor, 1 / spectrum, 1 / spectrum.amax(axes, keepdim=True))

    def apply(b: Tensor) -> Tensor:
        x = torch.fft.ifftn(torch.fft.fftn(b, dim=axes).mul_(inverse), dim=axes)
        return x if b.is_complex() else x.real.contiguous()

    return apply


_ROUNDING = 100.0
"""Units in the last place that an operator and the transforms may lose."""

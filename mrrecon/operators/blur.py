"""Convolution of an image with a point-spread function."""

import torch
from jaxtyping import Float, Inexact
from torch import Tensor

from mrrecon.operators.edges import Boundary, check_boundary
from mrrecon.operators.linear_function import linear_function
from mrrecon.operators.linear_operator import LinearOperator
from mrrecon.operators.shift_sums import count_taps, plan_shift_sums, shift_sum, shift_sum_adjoint
from mrrecon.operators.transfer import spectral_blur, spectral_sizes, transfer_function

__all__ = ["Blur"]

MANY_TAPS = 32
"""Number of shifted images from which on Fourier transforms take less time than their sum (measured)."""


class Blur(LinearOperator):
    r"""Convolution of the last axes with a point-spread function p, whose centre c is half of its sizes.

    $$ y_i = \sum_j p_j \, x_{i + c - j} $$

    A function of few taps, or an outer product of short lines, is applied as a sum of shifted images, others
    by Fourier transforms.

    Args:
        psf: p, real, of as many axes as are blurred. ``gaussian_psf``, ``motion_psf`` and ``box_psf`` make
            some. Odd sizes have their centre in the middle.
        boundary: what stands past the edge: the other end of the image (``"periodic"``), or its mirror image,
            the outermost voxel twice (``"reflect"``).

    Raises:
        ValueError: ``psf`` is empty, not finite or zero, ``boundary`` is unknown, or, when it is applied, an
            image is smaller than ``psf``.

    Example:
        >>> Blur(torch.tensor([0.25, 0.5, 0.25]))(torch.tensor([0.0, 4.0, 0.0, 0.0]))
        tensor([1., 2., 1., 0.])
    """

    psf: Tensor

    def __init__(self, psf: Float[Tensor, "*size"], boundary: Boundary = "periodic") -> None:
        super().__init__()
        check_psf(psf)
        check_boundary(boundary)
        self.boundary: Boundary = boundary
        self.register_buffer("psf", psf)
        sums = plan_shift_sums(psf, [1] * psf.dim(), [0] * psf.dim())
        self.sums = sums if count_taps(sums) < MANY_TAPS else None
        self._bound = _norm_bound(psf, boundary)
        # The last transfer function, for the next image of the same shape, type and device.
        self._kept: dict[object, Tensor] = {}

    def forward(self, x: Inexact[Tensor, "*image"]) -> Inexact[Tensor, "*image"]:
        """Blurred ``x``."""
        self._check("x", x)
        return linear_function(self._blur, self._blur_adjoint, x)

    def adjoint(self, y: Inexact[Tensor, "*image"]) -> Inexact[Tensor, "*image"]:
        """Correlation of ``y`` with the point-spread function; what fell past the edge comes back."""
        self._check("y", y)
        return linear_function(self._blur_adjoint, self._blur, y)

    def gram(self, x: Inexact[Tensor, "*image"]) -> Inexact[Tensor, "*image"]:
        """Blur and its adjoint; with Fourier transforms and periodic edges, by one pair of them."""
        if self.sums is not None or self.boundary == "reflect":
            return self.adjoint(self(x))
        self._check("x", x)
        return linear_function(self._gram, self._gram, x)

    @property
    def norm_bound(self) -> float:
        """Sum of ``|p|``: the norm itself for periodic edges where p is not negative.

        For reflecting edges, times the root of 2 for each axis along which p is not its own mirror image.
        """
        return self._bound

    def _blur(self, x: Tensor) -> Tensor:
        if self.sums is None:
            return spectral_blur(x, self._transfer(x), psf=self.psf.shape, boundary=self.boundary)
        for one in self.sums:
            x = shift_sum(x, one, self.boundary)
        return x

    def _blur_adjoint(self, y: Tensor) -> Tensor:
        if self.sums is None:
            transfer = self._transfer(y)
            return spectral_blur(y, transfer, psf=self.psf.shape, boundary=self.boundary, adjoint=True)
        for one in reversed(self.sums):
            y = shift_sum_adjoint(y, one, self.boundary, shape=y.shape[y.dim() - self.psf.dim() :])
        return y

    def _gram(self, x: Tensor) -> Tensor:
        transfer = self._transfer(x)
        power = transfer.real.square() + transfer.imag.square()
        return spectral_blur(x, power, psf=self.psf.shape, boundary=self.boundary)

    def _transfer(self, x: Tensor) -> Tensor:
        key = (x.shape[x.dim() - self.psf.dim() :], x.dtype, x.device)
        kept = self._kept.get(key)
        if kept is None:
            sizes = spectral_sizes(x.shape[x.dim() - self.psf.dim() :], self.psf.shape, self.boundary)
            kept = transfer_function(self.psf, sizes, x)
            self._kept.clear()
            self._kept[key] = kept
        return kept

    def _check(self, name: str, tensor: Tensor) -> None:
        check_fits(name, tensor, self.psf)


def check_psf(psf: Tensor) -> None:
    """Raises ValueError where a point-spread function has no value, NaN or infinity, or nothing but zeros."""
    if not psf.dim() or not psf.numel():
        raise ValueError(f"psf must have at least one axis and one value, got the shape {tuple(psf.shape)}")
    if not torch.isfinite(psf).all():
        raise ValueError("psf must be finite, it holds NaN or infinity")
    if not psf.any():
        raise ValueError(f"psf of shape {tuple(psf.shape)} must have a value that is not 0")


def check_fits(name: str, image: Tensor, psf: Tensor) -> None:
    """Raises ValueError where an image has fewer axes than a point-spread function or is smaller."""
    shape = tuple(image.shape[-psf.dim() :])
    if len(shape) < psf.dim() or any(k > n for n, k in zip(shape, psf.shape, strict=True)):
        raise ValueError(
            f"psf of shape {tuple(psf.shape)} must not be larger than the last axes of {name}, "
            f"got the shape {tuple(image.shape)}"
        )


def _norm_bound(psf: Tensor, boundary: Boundary) -> float:
    total = psf.double().abs().sum().item()
    if boundary == "periodic":
        return total
    # A mirrored image goes round in twice its size, with root 2 times its norm an axis; along an axis where p
    # is its own mirror image the result is mirrored too, and the root cancels.
    mirrored = [n % 2 == 1 and torch.equal(psf, psf.flip(axis)) for axis, n in enumerate(psf.shape)]
    return total * 2.0 ** (0.5 * mirrored.count(False))

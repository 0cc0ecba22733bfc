"""Fewer, larger voxels: blur, then keep every few."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import torch
from jaxtyping import Float, Inexact
from torch import Tensor

from mrrecon.operators.blur import MANY_TAPS, Blur, check_fits, check_psf
from mrrecon.operators.edges import Boundary, check_boundary
from mrrecon.operators.linear_function import linear_function
from mrrecon.operators.linear_operator import LinearOperator
from mrrecon.operators.shift_sums import count_taps, plan_shift_sums, shift_sum, shift_sum_adjoint

__all__ = ["Downsample"]


class Downsample(LinearOperator):
    r"""Every f-th voxel of the blurred image, along each of the last axes.

    $$ y_i = (p * x)_{f i + o} $$

    Args:
        factor: f of each axis, whole numbers from 1 up. Each must divide its axis.
        psf: p, as for ``Blur``, of as many axes. None: voxels are left out, not averaged.
        boundary: what stands past the edge for the blur, as for ``Blur``.
        offset: o of each axis, from 0 to f - 1. None: the middle, (f - 1) // 2, with which
            ``psf=box_psf(factor)`` takes means of blocks.

    Raises:
        TypeError: a factor or an offset is not a whole number.
        ValueError: a factor, ``offset``, ``psf`` or ``boundary`` is out of range, or, when it is applied, a
            factor does not divide its axis or ``psf`` is larger than the image.

    Example:
        >>> from mrrecon.operators import box_psf
        >>> Downsample([2], box_psf([2.0]))(torch.tensor([1.0, 3.0, 5.0, 9.0]))
        tensor([2., 7.])
    """

    def __init__(
        self,
        factor: Sequence[int],
        psf: Float[Tensor, "*size"] | None = None,
        *,
        boundary: Boundary = "periodic",
        offset: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.factor = _whole("factor", factor)
        if not self.factor or any(f < 1 for f in self.factor):
            raise ValueError(f"factor={self.factor} must be whole numbers from 1 up, one for each axis")
        middle = tuple((f - 1) // 2 for f in self.factor)
        self.offset = middle if offset is None else _whole("offset", offset)
        if len(self.offset) != len(self.factor) or any(
            not 0 <= o < f for o, f in zip(self.offset, self.factor, strict=True)
        ):
            raise ValueError(f"offset={self.offset} must lie from 0 to below factor={self.factor}")
        check_boundary(boundary)
        self.boundary: Boundary = boundary
        psf = torch.ones((1,) * len(self.factor), dtype=torch.float64) if psf is None else psf
        check_psf(psf)
        if psf.dim() != len(self.factor):
            raise ValueError(
                f"psf of shape {tuple(psf.shape)} must have the {len(self.factor)} axes of factor"
            )
        self.blur = Blur(psf, boundary)
        sums = plan_shift_sums(psf, self.factor, self.offset)
        # Sums at every few voxels cost less than all of them: they pay for more taps.
        largest = max(self.factor)
        self.sums = sums if count_taps(sums) < MANY_TAPS * largest else None

    def forward(self, x: Inexact[Tensor, "*fine"]) -> Inexact[Tensor, "*coarse"]:
        """Coarse image of ``x``."""
        shape = x.shape[-len(self.factor) :]
        check_fits("x", x, self.blur.psf)
        if any(n % f for n, f in zip(shape, self.factor, strict=True)):
            padded = tuple(-(-n // f) * f for n, f in zip(shape, self.factor, strict=True))
            raise ValueError(
                f"factor={self.factor} must divide the last axes of x, got the shape {tuple(x.shape)}: "
                f"pad or crop them, to {padded}, say"
            )
        return linear_function(self._reduce, self._reduce_adjoint, x)

    def adjoint(self, y: Inexact[Tensor, "*coarse"]) -> Inexact[Tensor, "*fine"]:
        """Fine image, of ``factor`` times the sizes of ``y``."""
        shape = self._fine(y)
        if y.dim() < len(self.factor) or any(k > n for k, n in zip(self.blur.psf.shape, shape, strict=True)):
            raise ValueError(
                f"y of shape {tuple(y.shape)} does not fit: a fine image of the last sizes {tuple(shape)} "
                f"has no room for psf of shape {tuple(self.blur.psf.shape)}"
            )
        return linear_function(self._reduce_adjoint, self._reduce, y)

    @property
    def norm_bound(self) -> float:
        """That of the blur."""
        return self.blur.norm_bound

    @property
    def unitary(self) -> bool:
        """Whether nothing is left out and nothing blurred."""
        return self.sums == []

    def formula(self) -> str:
        """``Downsample(2, 2)``."""
        return f"Downsample({', '.join(map(str, self.factor))})"

    def _fine(self, y: Tensor) -> list[int]:
        sizes = y.shape[-len(self.factor) :]
        return [n * f for n, f in zip(sizes, self.factor, strict=False)]

    def _reduce(self, x: Tensor) -> Tensor:
        if self.sums is None:
            return self.blur(x)[self._kept()]
        for one in self.sums:
            x = shift_sum(x, one, self.boundary)
        return x

    def _reduce_adjoint(self, y: Tensor) -> Tensor:
        shape = self._fine(y)
        if self.sums is None:
            x = y.new_zeros((*y.shape[: y.dim() - len(shape)], *shape))
            x[self._kept()] = y
            return self.blur.adjoint(x)
        for one in reversed(self.sums):
            # Axes that no sum has made fine again are still coarse.
            sizes = [n * f for n, f in zip(y.shape[y.dim() - len(shape) :], one.factors, strict=True)]
            y = shift_sum_adjoint(y, one, self.boundary, shape=sizes)
        return y

    def _kept(self) -> tuple[Any, ...]:
        return (..., *(slice(o, None, f) for o, f in zip(self.offset, self.factor, strict=True)))


def _whole(name: str, numbers: Sequence[int]) -> tuple[int, ...]:
    if any(isinstance(n, bool) or not isinstance(n, Integral) for n in numbers):
        raise TypeError(f"{name}={tuple(numbers)} must be whole numbers, one for each axis")
    return tuple(int(n) for n in numbers)

"""Differences of neighbouring voxels: the gradient of an image."""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Inexact
from torch import Tensor

from mrrecon.operators.linear_function import linear_function
from mrrecon.operators.linear_operator import LinearOperator

__all__ = ["FiniteDifference"]


class FiniteDifference(LinearOperator):
    r"""Forward differences along the last axes, stacked in an axis directly before them.

    $$ (\nabla x)_{a, i} = (x_{i + e_a} - x_i) / s_a $$

    Past the last voxel of an axis stands the first one (``"periodic"``), or the last one again, which makes
    the difference 0 (``"reflect"``, after Neumann). ``gram`` is minus the Laplacian.

    Args:
        ndim: number of last axes that are differentiated, at least 1.
        boundary: what stands past the edge, ``"periodic"`` or ``"reflect"``.
        spacing: s, size of a voxel along each of these axes, in mm, say. None: 1, differences of voxels.

    Raises:
        ValueError: ``ndim``, ``boundary`` or ``spacing`` is out of range, or an image has too few axes.

    Example:
        >>> FiniteDifference(1, "reflect")(torch.tensor([1.0, 2.0, 4.0]))
        tensor([[1., 2., 0.]])
    """

    def __init__(
        self,
        ndim: int = 2,
        boundary: Literal["periodic", "reflect"] = "periodic",
        *,
        spacing: Sequence[int | float] | None = None,
    ) -> None:
        super().__init__()
        if ndim < 1:
            raise ValueError(f"ndim={ndim} must be at least 1")
        if boundary not in ("periodic", "reflect"):
            raise ValueError(f'boundary={boundary!r} must be "periodic" or "reflect"')
        sizes = (1.0,) * ndim if spacing is None else tuple(float(size) for size in spacing)
        if len(sizes) != ndim or not all(0 < size < math.inf for size in sizes):
            raise ValueError(f"spacing={sizes} must be {ndim} positive numbers, one for each axis")
        self.ndim = ndim
        self.boundary = boundary
        self.spacing = sizes

    def forward(self, x: Inexact[Tensor, "*batch_and_space"]) -> Inexact[Tensor, "*batch_axes_and_space"]:
        """Gradient of ``x``."""
        if x.dim() < self.ndim:
            raise ValueError(f"x must have at least {self.ndim} axes, got the shape {tuple(x.shape)}")
        return linear_function(self._gradient, self._minus_divergence, x)

    def adjoint(self, y: Inexact[Tensor, "*batch_axes_and_space"]) -> Inexact[Tensor, "*batch_and_space"]:
        """Minus the divergence of ``y``."""
        if y.dim() <= self.ndim or y.shape[-self.ndim - 1] != self.ndim:
            raise ValueError(
                f"y must have an axis of {self.ndim} directly before its last {self.ndim} axes, "
                f"got the shape {tuple(y.shape)}"
            )
        return linear_function(self._minus_divergence, self._gradient, y)

    def gram(self, x: Inexact[Tensor, "*batch_and_space"]) -> Inexact[Tensor, "*batch_and_space"]:
        """Minus the Laplacian of ``x``, without the gradient in between."""
        if x.dim() < self.ndim:
            raise ValueError(f"x must have at least {self.ndim} axes, got the shape {tuple(x.shape)}")
        return linear_function(self._minus_laplacian, self._minus_laplacian, x)

    @property
    def norm_bound(self) -> float:
        """``2 sqrt(sum of 1 / s²)``: the norm itself where edges are periodic and all sizes even."""
        return 2 * math.sqrt(sum(size**-2 for size in self.spacing))

    def formula(self) -> str:
        """``∇``."""
        return "∇"

    def _gradient(self, x: Tensor) -> Tensor:
        y = x.new_empty((*x.shape[: x.dim() - self.ndim], self.ndim, *x.shape[x.dim() - self.ndim :]))
        for number, size in enumerate(self.spacing):
            axis, n = number - self.ndim, x.shape[number - self.ndim]
            part = y.select(-self.ndim - 1, number)
            torch.sub(x.narrow(axis, 1, n - 1), x.narrow(axis, 0, n - 1), out=part.narrow(axis, 0, n - 1))
            if self.boundary == "periodic":
                torch.sub(x.narrow(axis, 0, 1), x.narrow(axis, n - 1, 1), out=part.narrow(axis, n - 1, 1))
            else:
                part.narrow(axis, n - 1, 1).zero_()
            if size != 1:
                part /= size
        return y

    def _minus_divergence(self, y: Tensor) -> Tensor:
        x = y.new_empty((*y.shape[: -self.ndim - 1], *y.shape[-self.ndim :]))
        for number, size in enumerate(self.spacing):
            axis, n = number - self.ndim, x.shape[number - self.ndim]
            part = y.select(-self.ndim - 1, number)
            part = part / size if size != 1 else part
            here, before = part.narrow(axis, 1, n - 1), part.narrow(axis, 0, n - 1)
            inner, first, last = x.narrow(axis, 1, n - 1), x.narrow(axis, 0, 1), x.narrow(axis, n - 1, 1)
            start, end = part.narrow(axis, 0, 1), part.narrow(axis, n - 1, 1)
            if number == 0:
                torch.sub(before, here, out=inner)
                torch.neg(start, out=first)
            else:
                inner.add_(before).sub_(here)
                first.sub_(start)
            # The last difference goes round, or there is none.
            (first if self.boundary == "periodic" else last).add_(end)
        return x

    def _minus_laplacian(self, x: Tensor) -> Tensor:
        z = x * (2 * sum(size**-2 for size in self.spacing))
        for number, size in enumerate(self.spacing):
            axis, n, weight = number - self.ndim, x.shape[number - self.ndim], size**-2
            first, last = x.narrow(axis, 0, 1), x.narrow(axis, n - 1, 1)
            z.narrow(axis, 0, n - 1).sub_(x.narrow(axis, 1, n - 1), alpha=weight)
            z.narrow(axis, 1, n - 1).sub_(x.narrow(axis, 0, n - 1), alpha=weight)
            if self.boundary == "periodic":
                first, last = last, first
            z.narrow(axis, 0, 1).sub_(first, alpha=weight)
            z.narrow(axis, n - 1, 1).sub_(last, alpha=weight)
        return z

"""The middle of an image: what remains of an oversampled field of view."""

from collections.abc import Sequence
from typing import Any

from jaxtyping import Inexact
from torch import Tensor

from mrrecon.operators.linear_operator import LinearOperator

__all__ = ["Crop"]


class Crop(LinearOperator):
    """Middle part of the last axes; the adjoint puts it back into zeros.

    Sample n // 2 of an axis of n, the centre of the centred Fourier transform, becomes sample m // 2 of m.

    Args:
        shape: sizes of the part, each at least 1.
        full_shape: sizes of the whole, one for each of ``shape``, none smaller.

    Raises:
        ValueError: the sizes do not fit each other, or a tensor does not have them.

    Example:
        >>> import torch
        >>> Crop([2], [4])(torch.arange(4.0))
        tensor([1., 2.])
    """

    def __init__(self, shape: Sequence[int], full_shape: Sequence[int]) -> None:
        super().__init__()
        shape, full_shape = tuple(shape), tuple(full_shape)
        if not shape or len(shape) != len(full_shape):
            raise ValueError(f"shape={shape} must have one size for each of full_shape={full_shape}")
        if any(not 1 <= size <= full for size, full in zip(shape, full_shape, strict=True)):
            raise ValueError(f"shape={shape} must lie between 1 and full_shape={full_shape} along each axis")
        self.shape = shape
        self.full_shape = full_shape
        pairs = list(zip(shape, full_shape, strict=True))
        middle = [slice(full // 2 - size // 2, full // 2 - size // 2 + size) for size, full in pairs]
        self.window: tuple[Any, ...] = (..., *middle)

    def forward(self, x: Inexact[Tensor, "*full"]) -> Inexact[Tensor, "*part"]:
        """Middle of ``x``, a view."""
        self._check("x", x, self.full_shape)
        return x[self.window]

    def adjoint(self, y: Inexact[Tensor, "*part"]) -> Inexact[Tensor, "*full"]:
        """``y`` in the middle of zeros."""
        self._check("y", y, self.shape)
        x = y.new_zeros((*y.shape[: y.dim() - len(self.shape)], *self.full_shape))
        x[self.window] = y
        return x

    @property
    def norm_bound(self) -> float:
        """1, the norm."""
        return 1.0

    @property
    def unitary(self) -> bool:
        """Whether there is nothing to cut."""
        return self.shape == self.full_shape

    def _check(self, name: str, tensor: Tensor, shape: tuple[int, ...]) -> None:
        if tuple(tensor.shape[-len(shape) :]) != shape:
            raise ValueError(f"{name} must have the last sizes {shape}, got the shape {tuple(tensor.shape)}")

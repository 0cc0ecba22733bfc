"""What was measured and what was not: pixels, lines, slices, k-space."""

import torch
from jaxtyping import Bool, Float, Inexact
from torch import Tensor

from mrrecon.operators.linear_operator import LinearOperator

__all__ = ["Mask", "check_mask"]


class Mask(LinearOperator):
    """``m x``, element by element: zero, or weighted, where nothing was measured.

    Args:
        mask: m, True or a weight where measured. Its shape is that of the last axes of the image, or has ones
            in place of some: lines of an image (h, w) have (1, w), slices of a volume (d, h, w) (d, 1, 1).

    Raises:
        ValueError: nothing is measured, or a weight is not finite.

    Example:
        >>> Mask(torch.tensor([True, False]))(torch.ones(3, 2))[0]
        tensor([1., 0.])
    """

    mask: Tensor

    def __init__(self, mask: Bool[Tensor, "*space"] | Float[Tensor, "*space"]) -> None:
        super().__init__()
        self._norm = check_mask(mask)
        self.register_buffer("mask", mask)
        self._unitary = bool((mask.abs() == 1).all() if mask.is_floating_point() else mask.all())

    def forward(self, x: Inexact[Tensor, "*shape"]) -> Inexact[Tensor, "*shape"]:
        """``m x``. What is not measured may be anything, NaN too, where the mask is True or False."""
        mask = self._check(x, "x")
        # Not 0 * x, which would keep a NaN where there is no measurement.
        return torch.where(mask, x, 0) if mask.dtype == torch.bool else mask * x

    def adjoint(self, y: Inexact[Tensor, "*shape"]) -> Inexact[Tensor, "*shape"]:
        """``m y``: a real mask is its own adjoint."""
        return self.forward(y)

    def gram(self, x: Inexact[Tensor, "*shape"]) -> Inexact[Tensor, "*shape"]:
        """``m² x``, in one pass."""
        return self.forward(x) if self.mask.dtype == torch.bool else self._check(x, "x").square() * x

    @property
    def norm_bound(self) -> float:
        """The largest weight: the norm itself."""
        return self._norm

    @property
    def unitary(self) -> bool:
        """Whether every weight is 1 or -1."""
        return self._unitary

    def _check(self, tensor: Tensor, name: str) -> Tensor:
        shape, own = tensor.shape, self.mask.shape
        fits = len(own) <= len(shape) and all(
            a in (1, b) for a, b in zip(own[::-1], shape[::-1], strict=False)
        )
        if not fits:
            raise ValueError(
                f"{name} of shape {tuple(shape)} does not fit the mask of shape {tuple(own)}: the last axes "
                f"of {name} must have the mask's sizes, except where those are 1"
            )
        if self.mask.dtype == torch.bool:
            return self.mask.to(tensor.device)
        return self.mask.to(tensor.device, tensor.dtype.to_real())


def check_mask(mask: Tensor) -> float:
    """Largest weight of a mask.

    Raises:
        ValueError: a weight is not finite, or none differs from 0.
    """
    if not torch.isfinite(mask).all():
        raise ValueError("mask must be finite, it holds NaN or infinity")
    if not mask.any():
        raise ValueError(f"mask of shape {tuple(mask.shape)} is empty: at least one element must be measured")
    return mask.abs().max().item() if mask.is_floating_point() else 1.0

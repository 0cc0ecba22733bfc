"""The operator that changes nothing: denoising, compression."""

from torch import Tensor

from mrrecon.operators.linear_operator import LinearOperator

__all__ = ["Identity"]


class Identity(LinearOperator):
    """``x``, real or complex, of any shape.

    Example:
        >>> import torch
        >>> Identity()(torch.ones(2))
        tensor([1., 1.])
    """

    def forward(self, x: Tensor) -> Tensor:
        """``x`` itself, not a copy."""
        return x

    def adjoint(self, y: Tensor) -> Tensor:
        """``y`` itself, not a copy."""
        return y

    @property
    def unitary(self) -> bool:
        """It is."""
        return True

"""What is left of the target: the difference that every loss of this package measures."""

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["residual"]


def residual(
    pred: Float[Tensor, "batch channels depth height width"],
    target: Float[Tensor, "batch channels depth height width"],
) -> Float[Tensor, "batch channels depth height width"]:
    """``pred - target`` as a plain tensor of at least single precision.

    Half precision is widened before the subtraction, which would otherwise round away small errors. The names
    of files and affines that MONAI's tensors carry are left behind: they mean nothing in the frequency
    domain.

    Args:
        pred: reconstruction.
        target: image it should equal, of the same shape.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> residual(torch.ones(1, 1, 1, 1, 2), torch.tensor([0.0, 3.0]).reshape(1, 1, 1, 1, 2)).tolist()
        [[[[[1.0, -2.0]]]]]
    """
    if pred.shape != target.shape:
        raise ValueError(
            f"pred has the shape {list(pred.shape)}, target {list(target.shape)}: they must be equal"
        )
    return _widened(pred) - _widened(target)


def _widened(x: Tensor) -> Tensor:
    return x.as_subclass(Tensor).to(torch.promote_types(x.dtype, torch.float32))

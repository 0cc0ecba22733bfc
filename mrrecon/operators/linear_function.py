"""A linear map that torch cannot look into, with its adjoint as the backward pass."""

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor

__all__ = ["linear_function"]


def linear_function(
    forward: Callable[[Tensor], Tensor], adjoint: Callable[[Tensor], Tensor], x: Tensor
) -> Tensor:
    """``forward(x)``, differentiable: the gradient is ``adjoint`` of what comes back, to any order.

    For kernels outside torch (compiled, or a library's). Both functions see tensors without gradient.

    Args:
        forward: a linear map.
        adjoint: its adjoint.
        x: argument, real or complex.

    Example:
        >>> x = torch.ones(2, requires_grad=True)
        >>> linear_function(lambda x: 3 * x, lambda y: 3 * y, x).sum().backward()
        >>> x.grad
        tensor([3., 3.])
    """
    # Solvers call this thousands of times without a gradient; the book-keeping costs as much as a kernel.
    if not (torch.is_grad_enabled() and x.requires_grad):
        return forward(x)
    return cast(Tensor, _Linear.apply(forward, adjoint, x))


_Map = Callable[[Tensor], Tensor]


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(forward: _Map, adjoint: _Map, x: Tensor) -> Tensor:  # noqa: ARG004
        return forward(x.detach())

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG004
        ctx.forward_map, ctx.adjoint_map, x = inputs
        ctx.real = not x.is_complex()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, Tensor]:
        back = linear_function(ctx.adjoint_map, ctx.forward_map, gradient)
        # A real image measured in complex numbers moves along the real axis only.
        return None, None, back.real if ctx.real and back.is_complex() else back

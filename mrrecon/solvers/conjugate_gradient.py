"""Least squares, with or without a quadratic regulariser, by conjugate gradients on the normal equations."""

from collections.abc import Callable
from typing import Any, cast

import torch
from jaxtyping import Inexact
from torch import Tensor

from mrrecon.operators import LinearOperator
from mrrecon.solvers.checks import (
    check_image,
    check_measurement,
    check_stopping,
    check_weight,
    first_adjoint,
)
from mrrecon.solvers.history import Callback, History
from mrrecon.solvers.inner_products import inner, squared_norm
from mrrecon.solvers.positive_definite import Preconditioner, solve_positive_definite

__all__ = ["conjugate_gradient"]


def conjugate_gradient(
    A: LinearOperator,
    y: Inexact[Tensor, "*measurement"],
    *,
    weight: int | float | Tensor = 0.0,
    regulariser: LinearOperator | None = None,
    centre: Inexact[Tensor, "*image"] | None = None,
    preconditioner: Preconditioner | None = None,
    initial: Inexact[Tensor, "*image"] | None = None,
    tolerance: int | float = 1e-6,
    max_iterations: int = 100,
    callback: Callback | None = None,
    n_batch: int = 0,
) -> tuple[Inexact[Tensor, "*image"], History]:
    r"""Image that explains the measurement best in the sense of squares.

    $$ \min_x \; \tfrac12 \|A x - y\|^2 + \tfrac{w}{2} \|K (x - c)\|^2 $$

    by conjugate gradients on $(A^H A + w K^H K) x = A^H y + w K^H K c$. The criterion is the residual of
    these equations relative to their right-hand side, $\|b - N x\| / \|b\|$; it is zero at the minimum and
    nowhere else. In float32 rounding holds it up at about 1e-7 times the condition number of N. Without a
    regulariser, ever more iterations fit ever more of the noise: stop early by ``max_iterations``.

    Differentiable in ``y``, ``centre``, ``weight`` and whatever tensors ``A`` and ``regulariser`` hold: the
    derivative of the exact solution, for which the backward pass solves one more such system, in the memory
    of one. With ``centre`` the output of a network this is the data consistency of an unrolled network. With
    ``weight=0`` the derivative is that of a solution only where ``A^H A`` can be inverted.

    Args:
        A: operator.
        y: measurement.
        weight: w, not negative; a tensor of one number where it is to be learned.
        regulariser: K; None: the identity.
        centre: c, which the image should resemble; None: zero.
        preconditioner: approximate inverse of N, or None. With coil maps whose sum of squares varies over the
            image, division by that sum halves the number of iterations; with normalised maps it does nothing.
        initial: where to start; None: zero.
        tolerance: of the criterion.
        max_iterations: the most iterations.
        callback: called after each iteration with its number, the criterion and the image.
        n_batch: number of leading axes of ``y`` and the image that count independent problems.

    Raises:
        TypeError: ``A``, ``y`` or ``initial`` is of the wrong type, such as real where complex is needed.
        ValueError: ``y`` does not fit ``A``, is not finite or zero everywhere, the weight is negative, or
            there is too little memory.

    Example:
        >>> from mrrecon.operators import Identity
        >>> conjugate_gradient(Identity(), torch.ones(2), weight=1.0)[0]
        tensor([0.5000, 0.5000])

    Reference:
        M. R. Hestenes and E. Stiefel, "Methods of conjugate gradients for solving linear systems", Journal of
        Research of the National Bureau of Standards 49 (1952), doi:10.6028/jres.049.044.
    """
    check_measurement(A, y, n_batch=n_batch)
    check_stopping(tolerance, max_iterations)
    number = check_weight(weight.item() if isinstance(weight, Tensor) else weight, zero=True)
    regularised = number > 0 or isinstance(weight, Tensor)
    for name, given in (("regulariser", regulariser), ("centre", centre)):
        if given is not None and not regularised:
            raise ValueError(f"{name} is given but weight={weight}: give a positive weight")

    def penalty(x: Tensor) -> Tensor:
        return weight * (x if regulariser is None else regulariser.gram(x))

    def left(x: Tensor) -> Tensor:
        return A.gram(x) + penalty(x) if regularised else A.gram(x)

    def right() -> Tensor:
        b = first_adjoint(A, y, copies=6.0, n_batch=n_batch)
        return b if centre is None else b + penalty(centre)

    with torch.no_grad():
        b = right()
        x = check_image(initial, b)
        check_image(centre, b, name="centre")
        constant = 0.5 * squared_norm(y, n_batch=n_batch)
        if centre is not None:
            constant += 0.5 * inner(centre, penalty(centre), n_batch=n_batch)

    def solve(b: Tensor, **start: Any) -> tuple[Tensor, History]:
        return solve_positive_definite(
            left,
            b,
            preconditioner=preconditioner,
            tolerance=tolerance,
            max_iterations=max_iterations,
            n_batch=n_batch,
            **start,
        )

    x, history = solve(b, initial=x, constant=constant, callback=callback)
    if torch.is_grad_enabled() and _any_gradient(A, regulariser, y, weight, centre):
        # The residual is zero but for rounding; its derivative says how the solution moves.
        residual = right() - left(x)
        x = cast(Tensor, _Implicit.apply(lambda gradient: solve(gradient)[0], residual, x))
    return x, history


def _any_gradient(*given: LinearOperator | Tensor | float | None) -> bool:
    for each in given:
        if isinstance(each, Tensor) and each.requires_grad:
            return True
        if isinstance(each, LinearOperator):
            held = [*each.parameters(), *each.buffers()]
            if any(tensor.requires_grad for tensor in held):
                return True
    return False


class _Implicit(torch.autograd.Function):
    """``x``, with the derivative that the implicit function theorem gives it: N^-1 d(residual)."""

    @staticmethod
    def forward(
        ctx: Any,
        solve: Callable[[Tensor], Tensor],
        residual: Tensor,  # noqa: ARG004
        x: Tensor,
    ) -> Tensor:
        ctx.solve = solve
        return x.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor, None]:
        return None, ctx.solve(gradient.contiguous()), None

"""The smallest image that explains a measurement too short to decide on one."""

import torch
from jaxtyping import Inexact
from torch import Tensor

from mrrecon.operators import LinearOperator
from mrrecon.operators.linear_function import linear_function
from mrrecon.solvers.conjugate_gradient import conjugate_gradient
from mrrecon.solvers.history import Callback, History
from mrrecon.solvers.positive_definite import solve_positive_definite

__all__ = ["differentiable_nearest", "minimum_norm"]


def minimum_norm(
    A: LinearOperator,
    y: Inexact[Tensor, "*measurement"],
    *,
    centre: Inexact[Tensor, "*image"] | None = None,
    tolerance: int | float = 1e-6,
    max_iterations: int = 100,
    callback: Callback | None = None,
    n_batch: int = 0,
) -> tuple[Inexact[Tensor, "*image"], History]:
    r"""Of all images that explain the measurement equally well the smallest, or the nearest to another one.

    $$ x = c + A^+ (y - A c): \quad \|x - c\| \text{ is least where } \|A x - y\| \text{ is least} $$

    Conjugate gradients on $A^H A x = A^H y$ that begin at c: what they add lies in the range of ``A^H``, so
    that of all solutions they reach the nearest. Unlike those on $A A^H$ they also converge for a measurement
    that no image explains, with noise where ``A`` says there is none. Criterion and history are those of
    ``conjugate_gradient``. Differentiable in ``y`` and ``centre``.

    Args:
        A: operator.
        y: measurement.
        centre: c; None: zero.
        tolerance: of the criterion.
        max_iterations: the most iterations.
        callback: called after each iteration with its number, the criterion and the image.
        n_batch: number of leading axes of ``y`` and the image that count independent problems.

    Raises:
        TypeError: as for ``conjugate_gradient``.
        ValueError: as for ``conjugate_gradient``.

    Example:
        >>> from mrrecon.operators import Mask
        >>> minimum_norm(Mask(torch.tensor([True, False])), torch.ones(2), centre=torch.full([2], 5.0))[0]
        tensor([1., 5.])

    Reference:
        C. C. Paige and M. A. Saunders, "LSQR: an algorithm for sparse linear equations and sparse least
        squares", ACM Transactions on Mathematical Software 8 (1982), doi:10.1145/355984.355989.
    """
    with torch.no_grad():
        x, history = conjugate_gradient(
            A,
            y,
            initial=centre,
            tolerance=tolerance,
            max_iterations=max_iterations,
            callback=callback,
            n_batch=n_batch,
        )
    x = differentiable_nearest(
        A, y, centre, x, tolerance=tolerance, max_iterations=max_iterations, n_batch=n_batch
    )
    return x, history


def differentiable_nearest(
    A: LinearOperator,
    y: Tensor,
    centre: Tensor | None,
    x: Tensor,
    *,
    tolerance: int | float,
    max_iterations: int,
    n_batch: int,
) -> Tensor:
    """``x = c + A^+ (y - A c)``, already computed, with its derivative: the pseudo-inverse of ``A^H``."""
    recorded = any(each is not None and each.requires_grad for each in (y, centre))
    if not (recorded and torch.is_grad_enabled()):
        return x

    def backward(gradient: Tensor) -> Tensor:
        # (A^H)^+ g: least squares once more, with the adjoint for the operator.
        adjoint = A.H
        return solve_positive_definite(
            adjoint.gram,
            adjoint.adjoint(gradient),
            tolerance=tolerance,
            max_iterations=max_iterations,
            n_batch=n_batch,
        )[0]

    if centre is None:
        return linear_function(lambda _: x, backward, y)
    return centre + linear_function(lambda _: x - centre.detach(), backward, y - A(centre))

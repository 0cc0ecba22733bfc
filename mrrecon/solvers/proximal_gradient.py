"""Accelerated proximal gradients for any regulariser with a proximal map."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float64, Inexact
from torch import Tensor

from mrrecon.operators import LinearOperator
from mrrecon.solvers.checks import (
    check_image,
    check_measurement,
    check_memory,
    check_stopping,
    first_adjoint,
)
from mrrecon.solvers.forward_backward import Proximal, Proximity, forward_backward
from mrrecon.solvers.functionals import Functional
from mrrecon.solvers.history import Callback, History
from mrrecon.solvers.inner_products import over

__all__ = ["proximal_gradient"]


@torch.no_grad()
def proximal_gradient(
    A: LinearOperator,
    y: Inexact[Tensor, "*measurement"],
    prox: Functional | Callable[[Tensor, Tensor], Tensor],
    *,
    initial: Inexact[Tensor, "*image"] | None = None,
    tolerance: int | float = 1e-4,
    max_iterations: int = 300,
    callback: Callback | None = None,
    n_batch: int = 0,
) -> tuple[Inexact[Tensor, "*image"], History]:
    r"""Image that explains a measurement and has a small value of a function R, known by its proximal map.

    $$ \min_x \tfrac12 \|A x - y\|^2 + R(x), \qquad
       \operatorname{prox}_{s R}(v) = \arg\min_x \tfrac12 \|x - v\|^2 + s R(x) $$

    Accelerated proximal gradients with restart, one product with $A^H A$ an iteration; see
    ``forward_backward`` for the steps, which find themselves.

    Stops when $\|A^H (A x - y) + g\| / \|A^H y\|$ is at most ``tolerance``, g the subgradient of R at x that
    the proximal map came by: it is zero at the minimum and nowhere else.

    Args:
        A: operator.
        y: measurement.
        prox: the function itself, or its proximal map: called with v and s, a tensor that multiplies v. A map
            alone, such as a denoiser, leaves the history without objective.
        initial: image to start from; None: ``A.adjoint(y)``, scaled.
        tolerance: of the criterion.
        max_iterations: the most iterations.
        callback: called after each iteration with its number, the criterion and the image.
        n_batch: number of leading axes of ``y`` and the image that count independent problems.

    Returns:
        The image and the history. Of a batch, the objective is the sum and the criterion the largest.

    Raises:
        TypeError: an argument is of the wrong type, such as real where complex is needed.
        ValueError: an argument is out of range, ``y`` does not fit ``A``, is not finite or zero everywhere,
            the map changes the shape, or there is not enough memory.

    Example:
        >>> from mrrecon.operators import Identity
        >>> from mrrecon.solvers.functionals import L1
        >>> proximal_gradient(2 * Identity(), torch.tensor([4.0, 1.0]), L1(4.0))[0].round()
        tensor([1., 0.])

    Reference:
        A. Beck and M. Teboulle, "A fast iterative shrinkage-thresholding algorithm for linear inverse
        problems", SIAM Journal on Imaging Sciences 2 (2009), doi:10.1137/080716542. B. O'Donoghue and
        E. Candès, "Adaptive restart for accelerated gradient schemes", Foundations of Computational
        Mathematics 15 (2015), doi:10.1007/s10208-013-9150-3.
    """
    check_measurement(A, y, n_batch=n_batch)
    check_stopping(tolerance, max_iterations)
    if not (isinstance(prox, Functional) or callable(prox)):
        raise TypeError(f"prox must be a Functional or a function of v and s, got {type(prox).__name__}")
    b = first_adjoint(A, y, n_batch=n_batch)
    start = check_image(initial, b)
    check_memory(b, copies=10)
    return forward_backward(
        A,
        y,
        b,
        _Given(prox, n_batch),
        initial=start,
        tolerance=tolerance,
        max_iterations=max_iterations,
        callback=callback,
        n_batch=n_batch,
    )


class _Given(Proximal):
    """A proximal map of the caller's."""

    def __init__(self, prox: Functional | Callable[[Tensor, Tensor], Tensor], n_batch: int) -> None:
        self._prox, self._n_batch = prox, n_batch

    def value(self, x: Tensor) -> Float64[Tensor, "*batch"]:
        if isinstance(self._prox, Functional):
            return self._prox.value(x, n_batch=self._n_batch)
        return torch.full(x.shape[: self._n_batch], math.nan, dtype=torch.float64, device=x.device)

    def near(
        self,
        v: Tensor,
        step: Float64[Tensor, "*batch"],
        *,
        moved: Float64[Tensor, "*batch"],  # noqa: ARG002 - for methods that have to be told when to stop
        active: Bool[Tensor, "*batch"],  # noqa: ARG002
    ) -> Proximity:
        scale = over(step, v)
        x = self._prox.prox(v, scale) if isinstance(self._prox, Functional) else self._prox(v, scale)
        if x.shape != v.shape or x.dtype != v.dtype:
            raise ValueError(
                f"prox must give an image like v, {tuple(v.shape)} of {v.dtype}, "
                f"gave {tuple(x.shape)} of {x.dtype}"
            )
        exact = torch.zeros_like(step)
        # The loop's vectors change in place, and so must not be what the map returns.
        return Proximity(x.contiguous() if x is not v else v.clone(), self.value(x), exact, exact)

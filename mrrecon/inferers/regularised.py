"""The methods that the solvers of this room offer, each by one call."""

import math
from collections.abc import Mapping
from typing import Any, Literal

from jaxtyping import Inexact
from torch import Tensor

from mrrecon.operators import FiniteDifference, LinearOperator
from mrrecon.solvers import History, tikhonov, total_variation, wavelet_sparsity
from mrrecon.solvers.history import Callback

__all__ = ["METHODS", "Regulariser", "check_method", "regularised"]

Regulariser = Literal["start", "least_squares", "smooth", "tv", "wavelet"]

METHODS: dict[str, Regulariser] = {
    "zero_filled": "start",
    "fbp": "start",
    "sense": "least_squares",
    "tikhonov": "smooth",
    "tv": "tv",
    "wavelet": "wavelet",
}
"""What ``FixedSteps`` calls each method."""


def regularised(
    A: LinearOperator,
    y: Inexact[Tensor, "*measurement"],
    *,
    start: Inexact[Tensor, "*image"],
    bound: float,
    method: Regulariser,
    weight: float,
    wavelet: str,
    tolerance: int | float,
    max_iterations: int,
    callback: Callback | None,
) -> tuple[Inexact[Tensor, "*image"], tuple[History, ...]]:
    r"""Minimum of $\tfrac12 \|A x - y\|^2 + w' R(x)$, R as in ``FixedSteps``, and how it was found.

    $w' = w b$ for quadratic R and $w' = w b \max |s|$ for others, b being ``bound`` and s the start.

    Args:
        A: operator.
        y: measurement.
        start: first estimate.
        bound: square of the norm of A, about.
        method: R, or ``"start"`` for the first estimate itself.
        weight: w.
        wavelet: name of the wavelet.
        tolerance: of the solver's criterion.
        max_iterations: the most iterations.
        callback: as for the solvers.
    """
    stopping: dict[str, Any] = {"tolerance": tolerance, "max_iterations": max_iterations}
    if method == "start":
        return start, ()
    brightness = float(start.abs().max())
    if method in ("least_squares", "smooth"):
        operator = FiniteDifference(start.ndim, "reflect") if method == "smooth" else None
        x, history = tikhonov(A, y, weight * bound, operator=operator, callback=callback, **stopping)
    elif method == "tv":
        x, history = total_variation(
            A,
            y,
            weight * bound * brightness,
            ndim=start.ndim,
            boundary="reflect",
            initial=start,
            callback=callback,
            **stopping,
        )
    else:
        x, history = wavelet_sparsity(
            A,
            y,
            weight * bound * brightness,
            ndim=start.ndim,
            wavelet=wavelet,
            initial=start,
            callback=callback,
            **stopping,
        )
    return x, (history,)


def check_method(
    method: str, weight: int | float | None, defaults: Mapping[str, float]
) -> tuple[Regulariser, float]:
    """What ``FixedSteps`` calls a method, and its weight.

    Args:
        method: one of the names of ``defaults``.
        weight: number, or None.
        defaults: weights of the methods.

    Raises:
        ValueError: there is no such method, or the weight is not positive and finite.

    Example:
        >>> check_method("tv", None, {"tv": 0.002})
        ('tv', 0.002)
    """
    if method not in defaults:
        raise ValueError(f"method={method!r} must be one of {', '.join(defaults)}")
    if weight is None:
        return METHODS[method], defaults[method]
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < math.inf:
        raise ValueError(f"weight={weight} must be a positive number")
    return METHODS[method], float(weight)

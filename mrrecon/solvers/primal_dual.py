"""Any sum of convex terms, each behind an operator of its own, with a box: one primal-dual method for all."""

from collections.abc import Sequence

import torch
from jaxtyping import Inexact
from torch import Tensor

from mrrecon.operators import LinearOperator
from mrrecon.solvers.checks import (
    check_bounds,
    check_image,
    check_measurement,
    check_stopping,
    first_adjoint,
)
from mrrecon.solvers.condat_vu import CondatVu
from mrrecon.solvers.functionals import Functional, L2Squared, Poisson
from mrrecon.solvers.history import Callback, History, Recorder

__all__ = ["primal_dual"]


@torch.no_grad()
def primal_dual(
    A: LinearOperator,
    y: Inexact[Tensor, "*measurement"],
    terms: Sequence[tuple[Functional, LinearOperator]],
    *,
    data: Functional | None = None,
    lower: int | float | None = None,
    upper: int | float | None = None,
    initial: Inexact[Tensor, "*image"] | None = None,
    tolerance: int | float = 1e-4,
    max_iterations: int = 1000,
    callback: Callback | None = None,
    n_batch: int = 0,
) -> tuple[Inexact[Tensor, "*image"], History]:
    r"""Image that explains the measurement, weighed against any terms, between bounds.

    $$ \min_{l \le x \le u} \; d(A x, y) + \sum_i f_i(K_i x) $$

    The method of Condat and Vu, over-relaxed. Squares as data term enter by their gradient, so that an
    iteration takes one ``A.gram`` and one product with each $K_i$ and its adjoint; any other data term is one
    more term behind ``A``. Steps come from the norms of the operators, and their balance from how far image
    and duals move (``StepBalance``): there is none to choose, whatever the units of ``A`` and ``y``.

    The criterion is the largest of the relative residuals of the conditions that hold at a solution and
    nowhere else: with duals $p_i \in \partial f_i(K_i x)$, forces on the image that cancel. Both residuals
    are elements of the sub-differentials that the iteration itself delivers: that of the forces is divided by
    the largest of the forces, $\|A^H y\|$ and $\|K_i^H p_i\|$, that of $K_i x$ by $\|K_i\| \|x\|$. A duality
    gap would say more and cannot be had: it is infinite until the forces cancel exactly.

    Args:
        A: operator.
        y: measurement.
        terms: functions f_i and operators K_i; may be empty.
        data: d, with ``y`` as its target: ``L2Squared()`` (None is the same), ``Huber(delta=...)``,
            ``Poisson()``, or another.
        lower: l, or None. Real images only.
        upper: u, or None.
        initial: where to start; None: ``zero_filled(A, y, scaled=True)``.
        tolerance: of the criterion.
        max_iterations: the most iterations.
        callback: called after each iteration with its number, the criterion and the image.
        n_batch: number of leading axes of ``y`` and the image that count independent problems.

    Raises:
        TypeError: as for ``conjugate_gradient``; a term is none; counts or bounds with complex numbers.
        ValueError: as for ``conjugate_gradient``; the lower bound is above the upper one; negative counts.

    Example:
        >>> from mrrecon.operators import FiniteDifference, Identity
        >>> from mrrecon.solvers.functionals import L1
        >>> y = torch.tensor([0.0, 1.0, 5.0, 6.0])
        >>> primal_dual(Identity(), y, [(L1(0.5), FiniteDifference(1, "reflect"))])[0].round(decimals=2)
        tensor([0.5000, 1.0000, 5.0000, 5.5000])

    Reference:
        L. Condat, "A primal-dual splitting method for convex optimization involving Lipschitzian, proximable
        and linear composite terms", Journal of Optimization Theory and Applications 158 (2013),
        doi:10.1007/s10957-012-0245-9.
    """
    data = L2Squared() if data is None else data
    check_measurement(A, y, n_batch=n_batch)
    _check_terms(terms, data, y)
    check_stopping(tolerance, max_iterations)
    b = first_adjoint(A, y, copies=12.0, n_batch=n_batch)
    check_bounds(lower, upper, is_complex=b.is_complex())
    check_image(initial, b)
    problem = CondatVu(A, y, b, terms=terms, data=data, lower=lower, upper=upper, n_batch=n_batch)
    recorder = Recorder(tolerance=tolerance, callback=callback)
    return problem.solve(initial, recorder, max_iterations), recorder.history()


def _check_terms(terms: Sequence[tuple[Functional, LinearOperator]], data: Functional, y: Tensor) -> None:
    for i, term in enumerate(terms):
        pair = isinstance(term, tuple) and len(term) == 2
        if not (pair and isinstance(term[0], Functional) and isinstance(term[1], LinearOperator)):
            raise TypeError(f"terms[{i}] must be a pair (Functional, LinearOperator), got {term!r}")
    if not isinstance(data, Functional):
        raise TypeError(f"data must be a Functional such as L2Squared(), got {data!r}")
    if isinstance(data, Poisson):
        if y.is_complex():
            raise TypeError("y holds complex numbers, and data=Poisson() needs counts: real numbers")
        if bool((y < 0).any()):
            raise ValueError(f"y holds {float(y.min()):g}, and data=Poisson() needs counts from 0 up")

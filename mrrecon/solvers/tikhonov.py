"""Tikhonov's regularisation: small images, smooth images, or any other quadratic penalty."""

import torch
from jaxtyping import Inexact
from torch import Tensor

from mrrecon.operators import LinearOperator
from mrrecon.solvers.checks import check_measurement, check_weight, first_adjoint
from mrrecon.solvers.circulant import circulant_inverse
from mrrecon.solvers.conjugate_gradient import conjugate_gradient
from mrrecon.solvers.history import Callback, History

__all__ = ["tikhonov"]


def tikhonov(
    A: LinearOperator,
    y: Inexact[Tensor, "*measurement"],
    weight: int | float,
    *,
    operator: LinearOperator | None = None,
    initial: Inexact[Tensor, "*image"] | None = None,
    tolerance: int | float = 1e-6,
    max_iterations: int = 100,
    callback: Callback | None = None,
    n_batch: int = 0,
) -> tuple[Inexact[Tensor, "*image"], History]:
    r"""Image that explains the measurement and keeps a quadratic penalty small.

    $$ \min_x \; \tfrac12 \|A x - y\|^2 + \tfrac{w}{2} \|K x\|^2 $$

    K is the identity for the penalty ½‖x‖², ``FiniteDifference`` for ½‖∇x‖². Where $A^H A + w K^H K$ is a
    circular convolution (a periodic blur with periodic differences, k-space of one coil; found out by two
    more products) the Fourier transform gives the solution in one iteration, elsewhere conjugate gradients
    do. Criterion, history and differentiability are those of ``conjugate_gradient``.

    Args:
        A: operator.
        y: measurement.
        weight: w, positive.
        operator: K; None: the identity.
        initial: where to start; None: zero.
        tolerance: of the criterion.
        max_iterations: the most iterations.
        callback: called after each iteration with its number, the criterion and the image.
        n_batch: number of leading axes of ``y`` and the image that count independent problems.

    Raises:
        TypeError: as for ``conjugate_gradient``.
        ValueError: the weight is not positive; as for ``conjugate_gradient``.

    Example:
        >>> from mrrecon.operators import FiniteDifference, Identity
        >>> tikhonov(Identity(), torch.tensor([1.0, 3.0]), 10.0, operator=FiniteDifference(1))[0]
        tensor([1.9756, 2.0244])

    Reference:
        A. N. Tikhonov, "Solution of incorrectly formulated problems and the regularization method", Soviet
        Mathematics Doklady 4 (1963).
    """
    check_weight(weight)
    check_measurement(A, y, n_batch=n_batch)
    with torch.no_grad():
        image = first_adjoint(A, y, n_batch=n_batch)

    def left(x: Tensor) -> Tensor:
        return A.gram(x) + weight * (x if operator is None else operator.gram(x))

    return conjugate_gradient(
        A,
        y,
        weight=weight,
        regulariser=operator,
        preconditioner=circulant_inverse(left, image, n_batch=n_batch),
        initial=initial,
        tolerance=tolerance,
        max_iterations=max_iterations,
        callback=callback,
        n_batch=n_batch,
    )

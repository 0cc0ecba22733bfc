"""Images to begin with, from one look at the measurement or a few."""

import torch
from jaxtyping import Inexact
from torch import Tensor

from mrrecon.operators import LinearOperator
from mrrecon.solvers.checks import check_measurement, first_adjoint
from mrrecon.solvers.conjugate_gradient import conjugate_gradient
from mrrecon.solvers.history import Callback, History
from mrrecon.solvers.inner_products import over, squared_norm

__all__ = ["sense", "zero_filled"]


def zero_filled(
    A: LinearOperator, y: Inexact[Tensor, "*measurement"], *, scaled: bool = False, n_batch: int = 0
) -> Inexact[Tensor, "*image"]:
    r"""``A^H y``: the image if all that was not measured were zero.

    Args:
        A: operator, such as ``Mask @ Fourier @ Coils``.
        y: measurement.
        scaled: times the number that makes ``A`` of the image fit ``y`` best, which is the step of steepest
            descent from zero, $\|b\|^2 / \langle b, A^H A b \rangle$ with $b = A^H y$.
        n_batch: number of leading axes of ``y`` and the image that count independent problems.

    Raises:
        TypeError: as for ``conjugate_gradient``.
        ValueError: as for ``conjugate_gradient``.

    Example:
        >>> from mrrecon.operators import Identity
        >>> (
        ...     zero_filled(2 * Identity(), torch.ones(2)),
        ...     zero_filled(2 * Identity(), torch.ones(2), scaled=True),
        ... )
        (tensor([2., 2.]), tensor([0.5000, 0.5000]))
    """
    check_measurement(A, y, n_batch=n_batch)
    b = first_adjoint(A, y, n_batch=n_batch)
    if not scaled:
        return b
    with torch.no_grad():
        step = squared_norm(b, n_batch=n_batch) / squared_norm(A(b), n_batch=n_batch)
    return over(step, b) * b


def sense(
    A: LinearOperator,
    y: Inexact[Tensor, "*measurement"],
    *,
    weight: int | float = 0.0,
    max_iterations: int = 30,
    tolerance: int | float = 1e-6,
    callback: Callback | None = None,
    n_batch: int = 0,
) -> tuple[Inexact[Tensor, "*image"], History]:
    r"""Iterative SENSE: least squares over all coils at once, held back from the noise by its few iterations.

    ``conjugate_gradient`` under the name and with the number of iterations of the field.

    Args:
        A: operator, such as ``CartesianSense``.
        y: measurement.
        weight: of ½‖x‖², not negative.
        max_iterations: the most iterations.
        tolerance: of the criterion of ``conjugate_gradient``.
        callback: called after each iteration with its number, the criterion and the image.
        n_batch: number of leading axes of ``y`` and the image that count independent problems.

    Raises:
        TypeError: as for ``conjugate_gradient``.
        ValueError: as for ``conjugate_gradient``.

    Example:
        >>> from mrrecon.operators import CartesianSense
        >>> A = CartesianSense(torch.tensor([True, False]), torch.tensor([[[1.0, 1.0]], [[1.0, -1.0]]]))
        >>> sense(A, A(torch.tensor([[1.0, 2.0]])))[0].real
        tensor([[1.0000, 2.0000]])

    Reference:
        K. P. Pruessmann, M. Weiger, P. Börnert and P. Boesiger, "Advances in sensitivity encoding with
        arbitrary k-space trajectories", Magnetic Resonance in Medicine 46 (2001), doi:10.1002/mrm.1241.
    """
    return conjugate_gradient(
        A,
        y,
        weight=weight,
        tolerance=tolerance,
        max_iterations=max_iterations,
        callback=callback,
        n_batch=n_batch,
    )

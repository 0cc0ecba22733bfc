"""An image made to agree with what was measured."""

import torch
from jaxtyping import Inexact
from torch import Tensor

from mrrecon.operators import LinearOperator
from mrrecon.solvers.checks import check_image
from mrrecon.solvers.minimum_norm import differentiable_nearest
from mrrecon.solvers.positive_definite import solve_positive_definite

__all__ = ["project"]


def project(
    x: Inexact[Tensor, "*image"],
    y: Inexact[Tensor, "*measurement"],
    A: LinearOperator,
    *,
    tolerance: int | float = 1e-6,
    max_iterations: int = 100,
    n_batch: int = 0,
) -> Inexact[Tensor, "*image"]:
    r"""The image nearest to ``x`` of those that the measurement allows.

    $$ x + A^H (A A^H)^+ (y - A x) $$

    Where ``A`` picks values out of the image (a mask, slices; found out by one product with random numbers)
    they are put back as they were measured, bit for bit, and the others stay as they are, bit for bit.
    Otherwise conjugate gradients on $A^H A$ that begin at ``x`` find the correction: in one iteration where
    the rows of ``A`` are orthonormal, as for the k-space of one coil. Differentiable in ``x`` and ``y``.

    Args:
        x: image, such as a network's.
        y: measurement.
        A: operator.
        tolerance: of the conjugate gradients, as for ``conjugate_gradient``.
        max_iterations: the most of their iterations.
        n_batch: number of leading axes that count independent problems.

    Raises:
        TypeError: ``x`` is not of the type that ``A^H y`` has.
        ValueError: ``x`` has not the shape that ``A^H y`` has.

    Example:
        >>> from mrrecon.operators import Mask
        >>> A = Mask(torch.tensor([True, False]))
        >>> project(torch.zeros(2), torch.ones(2), A)
        tensor([1., 0.])
    """
    with torch.no_grad():
        b = A.adjoint(y)
    check_image(x, b, name="x")
    seen = _selection(A, x.detach())
    if seen is not None:
        return torch.where(seen, A.adjoint(y), x)
    nearest, _ = solve_positive_definite(
        A.gram,
        b,
        initial=x.detach(),
        tolerance=tolerance,
        max_iterations=max_iterations,
        n_batch=n_batch,
    )
    return differentiable_nearest(
        A, y, x, nearest, tolerance=tolerance, max_iterations=max_iterations, n_batch=n_batch
    )


@torch.no_grad()
def _selection(A: LinearOperator, x: Tensor) -> Tensor | None:
    """Which voxels ``A`` measures, if ``A^H A`` leaves these and clears the others; None if it does not."""
    generator = torch.Generator(x.device).manual_seed(0)
    probe = torch.randn(x.shape, dtype=x.dtype, device=x.device, generator=generator)
    answer = A.gram(probe)
    seen = answer == probe
    return seen if bool((seen | (answer == 0)).all()) else None

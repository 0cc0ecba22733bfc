"""The ramp filter in two dimensions: what undoes the blur of projection and back-projection."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from mrrecon.operators import FanBeam, LinearOperator, Radon
from mrrecon.solvers.checks import check_weight

__all__ = ["ramp_preconditioner"]


def ramp_preconditioner(A: LinearOperator, *, weight: int | float = 0.0) -> Callable[[Tensor], Tensor]:
    r"""Approximate inverse of $A^H A + w$ for ``Radon`` and ``FanBeam``, symmetric and positive.

    $$ A^H A \approx \frac{c}{|k|}, \quad c = \frac{\text{area of a pixel}}{\text{detector spacing}} \,
       \frac{\text{views}}{\pi} $$

    for views spread evenly over half a turn or whole ones, so that the filter is $|k| / (c + w |k|)$. Give it
    to ``conjugate_gradient``, which then needs a fraction of the iterations.

    Args:
        A: the scan, ``Radon`` or ``FanBeam`` by itself.
        weight: w, not negative.

    Returns:
        Function of images whose last two axes are rows and columns.

    Raises:
        TypeError: ``A`` is another operator.
        ValueError: the weight is negative.

    Example:
        >>> A = Radon((8, 8), [0.0, 1.0, 2.0])
        >>> ramp_preconditioner(A)(torch.ones(2, 8, 8)).shape
        torch.Size([2, 8, 8])

    Reference:
        N. H. Clinthorne, T.-S. Pan, P.-C. Chiao, W. L. Rogers and J. A. Stamos, "Preconditioning methods for
        improved convergence rates in iterative reconstructions", IEEE Transactions on Medical Imaging 12
        (1993), doi:10.1109/42.222670.
    """
    if not isinstance(A, Radon | FanBeam):
        raise TypeError(f"A must be Radon or FanBeam, got {A!r}: the filter needs their geometry")
    weight = check_weight(weight, zero=True)
    step = A.detector_spacing
    if isinstance(A, FanBeam):  # as it would be at the axis
        step *= A.source_distance / (A.source_distance + A.detector_distance)
    scale = A.spacing[0] * A.spacing[1] / step * len(A.angles) / math.pi
    rows, columns = A.shape
    # Twice as wide, so that an edge does not reach round to the other.
    padded = (2 * rows, 2 * columns)
    down = torch.fft.fftfreq(padded[0], A.spacing[0], dtype=torch.float64)
    right = torch.fft.rfftfreq(padded[1], A.spacing[1], dtype=torch.float64)
    k = (down[:, None] ** 2 + right**2).sqrt()
    k[0, 0] = min(k[0, 1], k[1, 0]) / 2  # the mean of an image is seen, too
    response = k / (scale + weight * k)

    def precondition(x: Tensor) -> Tensor:
        spectrum = torch.fft.rfft2(x, s=padded) * response.to(x.device, x.dtype)
        return torch.fft.irfft2(spectrum, s=padded)[..., :rows, :columns]

    return precondition

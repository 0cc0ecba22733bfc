"""Total-variation reconstruction for any linear operator."""

import numpy as np
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
from mrrecon.solvers.history import Callback, History
from mrrecon.solvers.total_variation_denoise import (
    check_space,
    check_total_variation,
    total_variation_denoise,
)
from mrrecon.solvers.tv_steps import from_problems, step_sizes, steps_for, to_problems

__all__ = ["total_variation"]


@torch.no_grad()
def total_variation(
    A: LinearOperator,
    y: Inexact[Tensor, "*measurement"],
    weight: int | float,
    *,
    ndim: int,
    isotropic: bool = True,
    boundary: str = "periodic",
    initial: Inexact[Tensor, "*image"] | None = None,
    tolerance: int | float = 1e-4,
    max_iterations: int = 300,
    callback: Callback | None = None,
    n_batch: int = 0,
) -> tuple[Inexact[Tensor, "*image"], History]:
    r"""Image of small total variation that explains a measurement.

    $$ \min_x \tfrac12 \|A x - y\|^2 + w \sum_i |(D x)_i| $$

    where $(D x)_i$ holds the differences of voxel i to the next voxel along each axis. Accelerated proximal
    gradients with restart (see ``forward_backward``): one product with $A^H A$ an iteration, and between two
    of them as many steps of the compiled denoiser, from where it stopped, as make its duality gap small
    against the progress of the iteration.

    Stops when $\|A^H (A x - y) + D^H p\| / \|A^H y\|$, the residual of the condition for a minimum, and
    $1 - \langle p, D x \rangle / w \sum |D x|$, the part by which the dual variable p ($|p_i| \le w$) misses
    being its subgradient, are both at most ``tolerance``. Where that is 1e-4, the objective has been found to
    be 1e-4 of itself above the least. A unitary ``A`` makes it denoising: then the criterion is the relative
    duality gap of ``total_variation_denoise``. The objective comes from $A^H A$; in float32 it is exact to
    about 1e-7 of $\tfrac12 \|y\|^2$.

    Args:
        A: operator whose images have ``ndim`` axes of space at the end.
        y: measurement.
        weight: w, positive, in the units of ``A.adjoint(y)``.
        ndim: number of axes along which differences are taken, 2 or 3; axes before them (slices, echoes) have
            no differences along them.
        isotropic: True: $|(Dx)_i|$ is the Euclidean length of all differences of the voxel together, False:
            the sum of their magnitudes. Complex differences count with their modulus either way.
        boundary: "periodic": the image goes on at the opposite side; "reflect": no difference across it.
        initial: image to start from; None: ``A.adjoint(y)``, scaled.
        tolerance: of the criterion.
        max_iterations: the most iterations.
        callback: called after each iteration with its number, the criterion and the image.
        n_batch: number of leading axes of ``y`` and the image that count independent problems.

    Returns:
        The image and the history. Of a batch, the objective is the sum and the criterion the largest.

    Raises:
        TypeError: ``A``, ``y`` or ``initial`` is of the wrong type, such as real where complex is needed.
        ValueError: an argument is out of range, ``y`` does not fit ``A``, is not finite or zero everywhere,
            or there is not enough memory.

    Example:
        >>> from mrrecon.operators import Identity
        >>> x, history = total_variation(2 * Identity(), torch.eye(8), 40.0, ndim=2)
        >>> history.converged, bool((x - 1 / 16).abs().max() < 1e-3)
        (True, True)

    Reference:
        A. Beck and M. Teboulle, "Fast gradient-based algorithms for constrained total variation image
        denoising and deblurring problems", IEEE Transactions on Image Processing 18 (2009),
        doi:10.1109/TIP.2009.2028250. Y. Bello-Cruz, M. Gonçalves and N. Krislock, "On FISTA with a relative
        error rule", Computational Optimization and Applications 84 (2023), doi:10.1007/s10589-022-00421-5.
    """
    check_measurement(A, y, n_batch=n_batch)
    check_stopping(tolerance, max_iterations)
    check_total_variation(weight, ndim=ndim, boundary=boundary)
    b = first_adjoint(A, y, n_batch=n_batch)
    check_space(b, ndim=ndim, n_batch=n_batch)
    start = check_image(initial, b)
    check_memory(b, copies=18)
    if A.unitary:
        return total_variation_denoise(
            b,
            weight,
            ndim=ndim,
            isotropic=isotropic,
            boundary=boundary,
            initial=start,
            tolerance=tolerance,
            max_iterations=10 * max_iterations,
            callback=callback,
        )
    return forward_backward(
        A,
        y,
        b,
        _TotalVariation(
            b, weight, ndim, isotropic=isotropic, periodic=boundary == "periodic", n_batch=n_batch
        ),
        initial=start,
        tolerance=tolerance,
        max_iterations=max_iterations,
        callback=callback,
        n_batch=n_batch,
    )


class _TotalVariation(Proximal):
    """Total variation as a proximal map, whose dual variable stays from one call to the next."""

    def __init__(
        self, b: Tensor, weight: int | float, ndim: int, *, isotropic: bool, periodic: bool, n_batch: int
    ) -> None:
        self._weight, self._ndim, self._batch = weight, ndim, b.shape[:n_batch]
        # A problem may hold several images, slices for example.
        n_images = b.shape[: b.ndim - ndim].numel()
        n_problems = self._batch.numel()
        self._images = np.arange(n_images).reshape(n_problems, -1)
        self._state = steps_for(
            to_problems(torch.zeros_like(b), ndim=ndim),
            isotropic=isotropic,
            periodic=periodic,
            together=self._images.shape[1],
        )
        self._sizes = step_sizes(_MOST, ndim=ndim)
        self._planned = np.full(n_problems, 5)
        self._epsilon = torch.finfo(b.dtype).eps

    def value(self, x: Tensor) -> Float64[Tensor, "*batch"]:
        self._state.place(to_problems(x, ndim=self._ndim))
        sums = self._state.measure(np.ones(self._images.size), self._images.reshape(-1))
        sums = sums[:, 0].reshape(self._images.shape).sum(1)
        return self._weight * torch.as_tensor(sums, device=x.device).reshape(self._batch)

    def near(
        self,
        v: Tensor,
        step: Float64[Tensor, "*batch"],
        *,
        moved: Float64[Tensor, "*batch"],
        active: Bool[Tensor, "*batch"],
    ) -> Proximity:
        self._state.aim(to_problems(v, ndim=self._ndim))
        weights = self._weight * step.reshape(-1).cpu().numpy()
        enough = _PART * moved.reshape(-1).cpu().numpy()
        found = np.zeros((len(weights), 4))
        for problem in active.reshape(-1).nonzero().flatten().tolist():
            found[problem] = self._denoise(problem, weights[problem], enough[problem])
        variation, slack, residual, _ = found.T
        most = np.where(variation > 0, weights * variation, 1)
        value, miss, slack = (
            torch.as_tensor(each, device=v.device).reshape(self._batch)
            for each in (self._weight * variation, np.sqrt(residual), slack.clip(min=0) / most)
        )
        return Proximity(from_problems(self._state.image(), v), value, miss, slack)

    def _denoise(self, problem: int, weight: float, enough: float) -> np.ndarray:
        """Steps until the duality gap is small enough; the sums of the last look."""
        images = self._images[problem]
        weights = np.full(self._images.size, weight)
        done, until = 0, self._planned[problem]
        while True:
            self._state.advance(weights, self._sizes[done:until], images)
            done = until
            sums = self._state.measure(weights, images).sum(0)
            variation, slack, residual, data = sums
            # What rounding leaves of the two parts of the gap.
            rounding = self._epsilon * (weight * variation + self._epsilon * data)
            excess = (residual / 2 + max(slack, 0.0)) / max(enough, 4 * rounding, _TINY)
            wanted = done * min(max(excess, 0.3), 8.0) ** (1 / 3)
            if excess <= 1 or done == _MOST:
                # Next time as many, or somewhat fewer where these were more than enough.
                self._planned[problem] = min(max(round(wanted), 3), _MOST)
                return sums
            until = min(max(round(wanted), done + 2), _MOST)


_PART = 0.5
"""Duality gap of a denoising, as part of the squared distance that the last iteration moved."""

_MOST = 500
"""Most steps of one denoising."""

_TINY = 1e-300

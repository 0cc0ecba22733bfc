"""Reconstruction of images with few wavelet coefficients."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float64, Inexact
from torch import Tensor

from mrrecon.operators import Crop, LinearOperator, Wavelet
from mrrecon.solvers.checks import (
    check_image,
    check_measurement,
    check_memory,
    check_stopping,
    check_weight,
    first_adjoint,
)
from mrrecon.solvers.forward_backward import Proximal, Proximity, forward_backward
from mrrecon.solvers.history import Callback, History
from mrrecon.solvers.shrinkage import shrink
from mrrecon.solvers.total_variation_denoise import check_space

__all__ = ["wavelet_sparsity"]


@torch.no_grad()
def wavelet_sparsity(
    A: LinearOperator,
    y: Inexact[Tensor, "*measurement"],
    weight: int | float,
    *,
    ndim: int,
    wavelet: str = "db4",
    levels: int = 4,
    n_shifts: int = 1,
    sparse_averages: bool = False,
    initial: Inexact[Tensor, "*image"] | None = None,
    tolerance: int | float = 1e-4,
    max_iterations: int = 300,
    callback: Callback | None = None,
    n_batch: int = 0,
) -> tuple[Inexact[Tensor, "*image"], History]:
    r"""Image with few wavelet coefficients that explains a measurement.

    $$ \min_x \tfrac12 \|A x - y\|^2 + w \sum_i |(W x)_i| $$

    with an orthogonal transform W, by accelerated proximal gradients with restart (see
    ``forward_backward``): one product with $A^H A$ and one W forth and back an iteration. Complex
    coefficients are thresholded by their magnitude.

    Cycle spinning, ``n_shifts`` above 1, makes the result depend less on where the wavelets' grid lies: the
    proximal map is the mean of those of W on images shifted by (k, 3k, 5k) voxels, k from 0 to
    ``n_shifts`` - 1, always the same. What is minimised then is Yu's proximal average of their penalties; the
    objective reported is with their mean, which is not below it.

    Images whose sizes are no multiples of ``2**levels`` are solved for in the middle of a frame of such sizes
    (``A @ Crop``), and cut out; the penalty and the objective are those of the frame.

    Stops when $\|A^H (A x - y) + g\| / \|A^H y\|$ is at most ``tolerance``, g the subgradient of the penalty
    that thresholding came by: it is zero at the minimum and nowhere else. The objective comes from $A^H A$;
    in float32 it is exact to about 1e-7 of $\tfrac12 \|y\|^2$.

    Args:
        A: operator whose images have ``ndim`` axes of space at the end.
        y: measurement.
        weight: w, positive, in the units of ``A.adjoint(y)``.
        ndim: number of last axes that are transformed, 2 or 3.
        wavelet: name of an orthogonal wavelet, "haar" or "db4" for example; see ``Wavelet``.
        levels: how often each axis is halved, at least 1.
        n_shifts: number of shifts, 1 for none.
        sparse_averages: whether the averages of the coarsest level count as well, as in SigPy and in the
            formula above. By default they are free: nothing makes them sparse, and their thresholding takes
            away brightness.
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
        >>> y = torch.tensor([[3.0, 1.0], [1.0, 1.0]])
        >>> wavelet_sparsity(Identity(), y, 9.0, ndim=2, wavelet="haar", levels=1)[0]
        tensor([[1.5000, 1.5000],
                [1.5000, 1.5000]])

    Reference:
        M. Lustig, D. Donoho and J. M. Pauly, "Sparse MRI: the application of compressed sensing for rapid MR
        imaging", Magnetic Resonance in Medicine 58 (2007), doi:10.1002/mrm.21391. Y. Yu, "Better
        approximation and faster algorithm using the proximal average", Advances in Neural Information
        Processing Systems 26 (2013).
    """
    check_measurement(A, y, n_batch=n_batch)
    check_stopping(tolerance, max_iterations)
    check_weight(weight)
    if ndim not in (2, 3):
        raise ValueError(f"ndim={ndim} must be 2, for images, or 3, for volumes")
    if levels < 1:
        raise ValueError(f"levels={levels} must be at least 1")
    if n_shifts < 1:
        raise ValueError(f"n_shifts={n_shifts} must be at least 1, which is no shift but none")
    W = Wavelet(wavelet, levels, ndim=ndim)
    b = first_adjoint(A, y, n_batch=n_batch)
    check_space(b, ndim=ndim, n_batch=n_batch)
    start = check_image(initial, b)
    shape = tuple(b.shape[-ndim:])
    frame = [-(-size // 2**levels) * 2**levels for size in shape]
    check_memory(b, copies=11 * math.prod(frame) / math.prod(shape))
    crop = Crop(shape, frame)
    if not crop.unitary:
        A, b = A @ crop, crop.adjoint(b)
        start = None if start is None else crop.adjoint(start)
    shifts = [tuple(k * (2 * axis + 1) for axis in range(ndim)) for k in range(n_shifts)]
    x, history = forward_backward(
        A,
        y,
        b,
        _Sparsity(W, weight, shifts, sparse_averages=sparse_averages, n_batch=n_batch),
        initial=start,
        tolerance=tolerance,
        max_iterations=max_iterations,
        callback=None if callback is None else lambda i, criterion, x: callback(i, criterion, crop(x)),
        n_batch=n_batch,
    )
    return crop(x).contiguous(), history


class _Sparsity(Proximal):
    """Mean over shifts of the sum of magnitudes of wavelet coefficients."""

    def __init__(
        self,
        W: Wavelet,
        weight: int | float,
        shifts: Sequence[tuple[int, ...]],
        *,
        sparse_averages: bool,
        n_batch: int,
    ) -> None:
        self._W, self._weight, self._shifts = W, weight, shifts
        self._free, self._n_batch = not sparse_averages, n_batch
        self._axes = tuple(range(-W.ndim, 0))

    def value(self, x: Tensor) -> Float64[Tensor, "*batch"]:
        total = torch.zeros(x.shape[: self._n_batch], dtype=torch.float64, device=x.device)
        for shift in self._shifts:
            c = self._W(x.roll(shift, self._axes)).abs()
            if self._free:
                self._averages(c).zero_()
            total += c.flatten(self._n_batch).sum(-1, dtype=torch.float64)
        return total * (self._weight / len(self._shifts))

    def near(
        self,
        v: Tensor,
        step: Float64[Tensor, "*batch"],
        *,
        moved: Float64[Tensor, "*batch"],  # noqa: ARG002 - thresholding is exact
        active: Bool[Tensor, "*batch"],  # noqa: ARG002
    ) -> Proximity:
        exact = torch.zeros_like(step)
        if len(self._shifts) == 1:
            x, left = self._threshold(v, step)
            return Proximity(x, self._weight * left, exact, exact)
        x = torch.zeros_like(v)
        for shift in self._shifts:
            back = tuple(-size for size in shift)
            x += self._threshold(v.roll(shift, self._axes), step)[0].roll(back, self._axes)
        x /= len(self._shifts)
        return Proximity(x, self.value(x), exact, exact)

    def _threshold(self, v: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
        c = self._W(v)
        if not self._free:
            left = shrink(c, self._weight * step)
            return self._W.adjoint(c), left
        averages = self._averages(c)
        kept = averages.clone()
        averages.zero_()
        left = shrink(c, self._weight * step)
        averages.copy_(kept)
        return self._W.adjoint(c), left

    def _averages(self, c: Tensor) -> Tensor:
        halvings = self._W.halvings(tuple(c.shape))
        for axis, times in zip(self._axes, halvings, strict=True):
            c = c.narrow(axis, 0, c.shape[axis] >> times)
        return c

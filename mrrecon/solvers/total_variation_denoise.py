"""Total-variation denoising, with a certificate."""

import math

import numpy as np
import torch
from jaxtyping import Inexact
from torch import Tensor

from mrrecon.operators import Identity
from mrrecon.solvers.checks import (
    check_image,
    check_measurement,
    check_memory,
    check_stopping,
    check_weight,
)
from mrrecon.solvers.history import Callback, History, Recorder
from mrrecon.solvers.tv_steps import from_problems, step_sizes, steps_for, to_problems

__all__ = ["check_space", "check_total_variation", "total_variation_denoise"]


@torch.no_grad()
def total_variation_denoise(
    y: Inexact[Tensor, "*batch_and_space"],
    weight: int | float,
    *,
    ndim: int,
    isotropic: bool = True,
    boundary: str = "reflect",
    initial: Inexact[Tensor, "*like_y"] | None = None,
    tolerance: int | float = 1e-3,
    max_iterations: int = 1000,
    callback: Callback | None = None,
) -> tuple[Inexact[Tensor, "*batch_and_space"], History]:
    r"""Image of small total variation close to a noisy one.

    $$ \min_x \tfrac12 \|x - y\|^2 + w \sum_i |(D x)_i| $$

    where $(D x)_i$ holds the differences of voxel i to the next voxel along each axis. An accelerated
    primal-dual method (see ``step_sizes``), compiled on the processor, with plain tensors elsewhere.

    Stops when the duality gap is at most ``tolerance`` times the objective: the objective is then certainly
    less than that part of itself above the least possible one. The gap is computed at ever wider intervals;
    in between, history repeats its last entry. float32 reaches about 1e-6.

    Args:
        y: noisy images, real or complex; all axes but the last ``ndim`` count independent problems.
        weight: w, positive, in the units of ``y``.
        ndim: number of axes of space, 2 or 3.
        isotropic: True: $|(Dx)_i|$ is the Euclidean length of all differences of the voxel together, False:
            the sum of their magnitudes. Complex differences count with their modulus either way.
        boundary: "reflect": no difference across the edge; "periodic": the image goes on at the other side.
        initial: image to start from; None: ``y``.
        tolerance: relative duality gap at which to stop.
        max_iterations: the most iterations.
        callback: called whenever the gap has been computed.

    Returns:
        The image and the history. Of a batch, the objective is the sum and the criterion the largest.

    Raises:
        TypeError: ``y`` is no tensor of float32, float64, complex64 or complex128, or ``initial`` is of
            another type.
        ValueError: an argument is out of range, shapes do not fit, ``y`` is empty, all zero or not finite, or
            there is not enough memory.

    Example:
        >>> x, history = total_variation_denoise(torch.eye(8), 10.0, ndim=2)
        >>> history.converged, bool((x - 1 / 8).abs().max() < 1e-2)
        (True, True)
    """
    check_measurement(Identity(), y)
    check_total_variation(weight, ndim=ndim, boundary=boundary)
    check_stopping(tolerance, max_iterations)
    check_space(y, ndim=ndim)
    start = check_image(initial, y)
    check_memory(y, copies=8 if ndim == 3 else 7)

    recorder = Recorder(tolerance=tolerance, callback=callback)
    n_problems = math.prod(y.shape[: y.ndim - ndim])
    state = steps_for(
        to_problems(y, ndim=ndim), isotropic=isotropic, periodic=boundary == "periodic", together=n_problems
    )
    if start is not None:
        state.place(to_problems(start, ndim=ndim))
    sizes = step_sizes(max_iterations, ndim=ndim)
    weights = np.full(n_problems, weight)
    objective, criterion = np.zeros(n_problems), np.full(n_problems, np.inf)
    # After how many iterations each problem is looked at next: its own, so that a batch equals a loop.
    due = np.zeros(n_problems, np.int64)
    done = 0
    while True:
        looked = np.flatnonzero((due == done) & (criterion > tolerance))
        variation, slack, residual, data = state.measure(weights, looked).T
        objective[looked] = data / 2 + weight * variation
        # Of the gap's two halves neither can be negative but by rounding.
        gap = residual / 2 + slack.clip(min=0)
        criterion[looked] = gap / np.where(objective[looked] > 0, objective[looked], 1)
        _repeat_last(recorder, times=done - len(recorder.criterion))
        image = from_problems(state.image(), y) if callback is not None else y
        recorder.add(image, criterion=float(criterion.max()), objective=float(objective.sum()))
        active = np.flatnonzero(criterion > tolerance)
        if not len(active) or done == max_iterations:
            return from_problems(state.image(), y), recorder.history()
        due[looked] = [
            _next_look(done, excess, max_iterations) for excess in criterion[looked] / (tolerance or 1e-30)
        ]
        after = int(due[active].min())
        state.advance(weights, sizes[done:after], active)
        done = after


def check_total_variation(weight: int | float, *, ndim: int, boundary: str) -> None:
    """Refuse what total variation has no meaning for.

    Args:
        weight: of total variation.
        ndim: number of axes of space.
        boundary: what lies beyond the edge.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> check_total_variation(0.1, ndim=2, boundary="periodic")
    """
    check_weight(weight)
    if ndim not in (2, 3):
        raise ValueError(f"ndim={ndim} must be 2, for images, or 3, for volumes")
    if boundary not in ("reflect", "periodic"):
        raise ValueError(f"boundary={boundary!r} must be 'reflect' or 'periodic'")


def check_space(image: Tensor, *, ndim: int, n_batch: int = 0) -> None:
    """Refuse an image with too few axes, or of a type too short.

    Args:
        image: image.
        ndim: number of axes of space.
        n_batch: number of axes that count independent problems.

    Raises:
        TypeError: its numbers have less than 32 bits.
        ValueError: it has too few axes.

    Example:
        >>> check_space(torch.ones(4, 4), ndim=2)
    """
    if image.dtype not in (torch.float32, torch.float64, torch.complex64, torch.complex128):
        raise TypeError(f"images of {image.dtype} are too coarse for sums over them: give y.float()")
    if image.ndim < ndim + n_batch:
        raise ValueError(
            f"ndim={ndim} and n_batch={n_batch} are too many for an image of shape {tuple(image.shape)}"
        )


def _next_look(done: int, excess: float, most: int) -> int:
    # The gap has been seen to fall with about the third power of the iterations.
    ahead = done * (min(max(excess ** (1 / 3), 1.05), 2.0) - 1)
    return min(max(done + math.ceil(ahead), done + 2, 6), most)


def _repeat_last(recorder: Recorder, *, times: int) -> None:
    for values in (recorder.criterion, recorder.objective, recorder.seconds):
        values.extend(values[-1:] * max(times, 0))

"""Which points of k-space are measured: irregular, but never crowded."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from mrrecon.simulate.fields import Number
from mrrecon.simulate.sampling import centred_block, count_samples

__all__ = ["poisson_disc"]


def poisson_disc(
    shape: Sequence[int],
    *,
    acceleration: Number,
    centre: Sequence[int] = (0, 0),
    growth: Number = 3,
    elliptical: bool = False,
    generator: torch.Generator,
) -> Bool[Tensor, "height width"]:
    r"""Mask of points that keep their distance from each other: a Poisson disc of variable density.

    No two points outside the centre are nearer to each other than the smaller of their radii,

    $$ r(k) = r_0 (1 + g |k| / k_{\max}) $$

    with the largest $r_0$ that leaves room for the number of points asked for.

    Args:
        shape: height and width of the k-space.
        acceleration: all points / measured points, at least 1. The number of points is exact, to rounding.
        centre: height and width of a block around the zero frequency that is measured completely.
        growth: g, not negative: how much wider than in the middle the points stand at the end of an axis.
        elliptical: whether the corners of k-space are left out. The acceleration still counts them.
        generator: source of the random numbers.

    Raises:
        ValueError: ``acceleration`` is below 1, leaves fewer points than the centre has, or more than there
            are in the ellipse; g is negative; or the k-space has not two axes.

    Reference:
        Bridson, Fast Poisson disk sampling in arbitrary dimensions, ACM SIGGRAPH sketches 2007,
        DOI 10.1145/1278780.1278807

    Example:
        >>> poisson_disc([32, 32], acceleration=8, centre=[4, 4], generator=torch.Generator()).sum()
        tensor(128)
    """
    if len(shape) != 2:
        raise ValueError(f"shape={tuple(shape)} must have two axes: those along which phases are encoded")
    if not 0 <= growth < math.inf:
        raise ValueError(f"growth={growth} must be a number from 0 up")
    block = centred_block(shape, centre)
    n_centre = int(block.sum())
    left = (
        count_samples(math.prod(shape), acceleration=acceleration, centre=n_centre, what="points") - n_centre
    )
    along = [(torch.arange(n).double() - n // 2) / max(n / 2, 1) for n in shape]
    distance = (along[0][:, None] ** 2 + along[1] ** 2).sqrt()
    allowed = ~block & (distance <= 1) if elliptical else ~block
    candidates = allowed.flatten().nonzero()[:, 0]
    if left > len(candidates):
        raise ValueError(
            f"acceleration={acceleration} asks for {left} points outside the centre, the ellipse has "
            f"{len(candidates)}"
        )
    shuffled = torch.randperm(len(candidates), generator=generator, device=generator.device).cpu()
    points = _crowd(candidates[shuffled].numpy(), (1 + growth * distance).numpy(), left)
    mask = block.flatten()
    # Points that are too many are those that were taken last.
    mask[torch.from_numpy(points[:left])] = True
    return mask.reshape(tuple(shape))


def _crowd(order: np.ndarray, unit: np.ndarray, count: int) -> np.ndarray:
    """At least ``count`` points, taken with nearly the largest radius that leaves room for them.

    Args:
        order: the places in the order in which they are tried.
        unit: radius of each place for $r_0 = 1$.
        count: number of points.
    """
    # Compiled functions are loaded where they are needed.
    from mrrecon.simulate.dart_throwing import throw_darts

    points = order
    low, high = 0.0, 1.0
    while len(fewer := throw_darts(order, high * unit)) >= count and len(fewer) > 1:
        points, low, high = fewer, high, 2 * high
    while len(points) > count and high - low > 1e-3 * high:
        middle = (low + high) / 2
        fewer = throw_darts(order, middle * unit)
        if len(fewer) < count:
            high = middle
        else:
            points, low = fewer, middle
    return points

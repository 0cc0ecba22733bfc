"""CT images in one step: views filtered, then spread along their rays."""

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mrrecon.operators import FanBeam, LinearOperator, Radon
from mrrecon.solvers.back_projection import spread
from mrrecon.solvers.checks import check_measurement
from mrrecon.solvers.ramp_filter import Window, filter_views, ramp_response
from mrrecon.solvers.view_weights import short_scan_weights, view_weights

__all__ = ["filtered_back_projection"]


def filtered_back_projection(
    A: LinearOperator,
    y: Float[Tensor, "*batch views detectors"],
    *,
    window: Window = "ramp",
    cutoff: int | float = 1.0,
) -> Float[Tensor, "*batch h w"]:
    r"""Approximate inverse of ``Radon`` and ``FanBeam``, in one step.

    $$ x(r) = \int_0^\pi (h * y_\theta)(r \cdot n_\theta) \, d\theta $$

    with the ramp filter h, $n_\theta = (\cos\theta, \sin\theta)$; for a fan with the weights of its geometry.
    Every view counts for the angles nearer to it than to any other: views may be spread unevenly, over half a
    turn, a whole one or more. A fan that turns less than once around must turn half around and by its own
    angle more; rays measured twice then count as one. Parallel views that leave out a range of angles give
    an image in which the edges seen from there are missing.

    The result is in 1/mm, like the image, and 0 where not every view looks: in the corners, behind a detector
    as short as the image is wide. It is a starting point for the iterative methods. Differentiable in
    ``y``, at some expense.

    Args:
        A: the scan, ``Radon`` or ``FanBeam`` by itself.
        y: sinograms.
        window: from sharp and noisy to smooth, "ramp", "shepp-logan", "cosine", "hamming" or "hann".
        cutoff: frequency, as a part of the detector's highest, from which on nothing passes.

    Raises:
        TypeError: ``A`` is no such operator or ``y`` not real.
        ValueError: ``y`` does not fit, is not finite or is zero everywhere, there is one angle only, the
            detector does not see the largest circle inside of the image, a fan turns too little, or the
            window or the cutoff is out of range.

    Example:
        >>> A = Radon((32, 32), torch.arange(90) * math.pi / 90)
        >>> round(filtered_back_projection(A, A(torch.ones(32, 32)))[16, 16].item(), 2)
        1.0

    Reference:
        A. C. Kak and M. Slaney, "Principles of computerized tomographic imaging", SIAM 2001,
        doi:10.1137/1.9780898719277, chapter 3.
    """
    if not isinstance(A, Radon | FanBeam):
        raise TypeError(
            f"A must be Radon or FanBeam, got {A!r}: filtered back-projection needs their geometry"
        )
    check_measurement(A, y)
    if y.is_complex():
        raise TypeError(
            f"y must be real, got {y.dtype}: give its real and imaginary parts one after the other"
        )
    size = (len(A.angles), A.n_detectors)
    if tuple(y.shape[-2:]) != size:
        raise ValueError(f"y of shape {tuple(y.shape)} must end in {size}, the views and detectors of {A!r}")
    seen = _seen_radius(A)
    weights, step, curved = _weights(A)
    response = ramp_response(A.n_detectors, step, window=window, cutoff=cutoff, angular=curved)
    precision = torch.promote_types(y.dtype, torch.float32)
    views = y.reshape(-1, *size).to(precision)
    filtered = filter_views(views * torch.from_numpy(weights).to(views), response)
    x = spread(A, filtered) * _disc(A, seen).to(filtered)
    return x.to(y.dtype).reshape(*y.shape[:-2], *A.shape)


def _seen_radius(A: Radon | FanBeam) -> float:
    """Radius of the circle about the axis that every view sees, in mm."""
    distances = A.rays()[1][0]
    first, last = distances.min().item(), distances.max().item()
    radius = min(A.shape[0] * A.spacing[0], A.shape[1] * A.spacing[1]) / 2
    seen = min(-first, last) + A.detector_spacing
    if seen + A.detector_spacing / 2 < radius:
        raise ValueError(
            f"the detector of {A!r} sees from {first:.6g} to {last:.6g} mm beside the axis, and the image "
            f"reaches {radius:.6g} mm: filtered back-projection needs all of it, widen the detector, take a "
            "smaller image, or an iterative method"
        )
    return max(seen, radius)


def _disc(A: Radon | FanBeam, radius: float) -> Tensor:
    down, right = (
        ((torch.arange(n, dtype=torch.float64) - (n - 1) / 2) * step) ** 2
        for n, step in zip(A.shape, A.spacing, strict=True)
    )
    return down[:, None] + right <= radius**2


def _weights(A: Radon | FanBeam) -> tuple[np.ndarray, float, bool]:
    """What the views are multiplied by before the filter, the filter's step, and whether that is an angle."""
    angles = np.array(A.angles)
    period = math.pi if isinstance(A, Radon) else 2 * math.pi
    turns = (angles - angles[0]) / period
    if np.abs(turns - turns.round()).max() < 1e-6:
        raise ValueError(
            f"angles of {A!r} are one direction only, {A.angles[0]:.6g}, from which no image can be made: "
            "measure two or more"
        )
    weights, begin = view_weights(angles, period=period)
    if isinstance(A, Radon):
        return weights[:, None], A.detector_spacing, False
    fan, source = A.fan_angles, A.source_distance
    whole = source + A.detector_distance
    # Once around, every line is measured twice.
    twice = np.full((len(angles), len(fan)), 0.5)
    if begin is not None:
        since = np.mod(angles - begin + 1e-9, 2 * math.pi)
        turn = float(since.max() + weights[np.argmin(since)] / 2 + weights[np.argmax(since)] / 2)
        radius = min(A.shape[0] * A.spacing[0], A.shape[1] * A.spacing[1]) / 2
        needed = math.pi + 2 * math.asin(min(radius / source, 1.0))
        if turn < needed - 1e-6:
            raise ValueError(
                f"angles turn by {math.degrees(turn):.4g} degrees, and this fan needs "
                f"{math.degrees(needed):.4g} to see every line: measure more, or take an iterative method"
            )
        twice = short_scan_weights(since + weights[np.argmin(since)] / 2, fan, turn=turn)
    if A.detector == "flat":
        # As if the detector stood at the axis.
        return weights[:, None] * twice * np.cos(fan), A.detector_spacing * source / whole, False
    return weights[:, None] * twice * source * np.cos(fan), A.detector_spacing / whole, True

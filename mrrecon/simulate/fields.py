"""Smooth random fields: cubic B-splines over a coarse grid of control points."""

import math
from collections.abc import Sequence
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["Number", "draw_control", "draw_uniform", "random_field", "spline_field", "spline_weights"]

Number: TypeAlias = int | float
"""A number as JSON writes it: 0 for 0.0. Run-time checks of types tell the two apart."""


def spline_weights(
    positions: Float[Tensor, " points"], *, n_knots: int, knot: Number
) -> Float[Tensor, "points knots"]:
    r"""Weights of the cubic B-splines centred at 0, knot, ..., (n_knots - 1) knot; a row per position.

    $$ B(t) = 2/3 - t^2 + |t|^3 / 2 \quad (|t| < 1), \qquad (2 - |t|)^3 / 6 \quad (1 \le |t| < 2) $$

    Args:
        positions: where to evaluate, in mm.
        n_knots: number of control points, at least 1.
        knot: distance of the control points, in mm.

    Returns:
        Weights. A row sums to 1 from the second to the last but one control point.

    Example:
        >>> spline_weights(torch.tensor([4.0]), n_knots=3, knot=4.0)
        tensor([[0.1667, 0.6667, 0.1667]])
    """
    knots = torch.arange(n_knots, device=positions.device, dtype=positions.dtype)
    distance = (positions[:, None] / knot - knots).abs()
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = (2 - distance).clamp(min=0) ** 3 / 6
    return torch.where(distance < 1, near, far)


def spline_field(
    control: Float[Tensor, "channels _ _ _"], axes: Sequence[Float[Tensor, " _"]], *, knot: Number
) -> Float[Tensor, "channels depth height width"]:
    r"""Field on a grid, smooth to the second derivative.

    $$ f(z, y, x) = \sum_{ijk} c_{ijk} B(z/h + 1 - i) B(y/h + 1 - j) B(x/h + 1 - k) $$

    The grid may be any part of the volume: a patch costs what the patch weighs.

    Args:
        control: control points c. The one with index 1 lies at coordinate 0.
        axes: coordinates of the grid along each of the three axes, in mm.
        knot: distance h of the control points, in mm.

    Reference:
        Unser, Splines: a perfect fit for signal and image processing, IEEE Signal Processing Magazine 1999,
        DOI 10.1109/79.799930

    Example:
        >>> field = spline_field(torch.ones(1, 4, 4, 4), [torch.tensor([0.0, 3.0])] * 3, knot=5.0)
        >>> field.shape, field.sub(1).abs().max() < 1e-6
        (torch.Size([1, 2, 2, 2]), tensor(True))
    """
    field = control.to(axes[0])
    for axis, positions in enumerate(axes, start=1):
        weights = spline_weights(positions + knot, n_knots=control.shape[axis], knot=knot)
        # Contracting the first spatial axis each time appends the new one: the order comes out right.
        field = torch.tensordot(field, weights, dims=([1], [1]))
    return field


def draw_control(
    extents: Sequence[Number], *, knot: Number, n_channels: int, generator: torch.Generator
) -> Float[Tensor, "channels _ _ _"]:
    """Control points, uniform in [-1, 1], of a spline over a box.

    Args:
        extents: side lengths of the box, in mm.
        knot: distance of the control points, in mm, above 0.
        n_channels: number of independent fields.
        generator: source of the random numbers; the control points live on its device.

    Raises:
        ValueError: ``knot`` is not above 0.

    Example:
        >>> draw_control([10.0] * 3, knot=5.0, n_channels=3, generator=torch.Generator()).shape
        torch.Size([3, 5, 5, 5])
    """
    if knot <= 0:
        raise ValueError(f"knot={knot} must be above 0 mm")
    shape = [n_channels, *(math.ceil(extent / knot) + 3 for extent in extents)]
    return torch.rand(shape, generator=generator, device=generator.device) * 2 - 1


def random_field(
    axes: Sequence[Float[Tensor, " _"]],
    *,
    extents: Sequence[Number],
    knot: Number,
    generator: torch.Generator,
) -> Float[Tensor, "depth height width"]:
    """Smooth random field with values in [-1, 1] (standard deviation about 0.2) on a grid inside a box.

    Args:
        axes: coordinates of the grid along each axis, in mm.
        extents: side lengths of the whole box, in mm: a patch sees its part of the same field.
        knot: distance of the control points, in mm.
        generator: source of the random numbers.

    Example:
        >>> axes = [torch.arange(6.0)] * 3
        >>> random_field(axes, extents=[6.0] * 3, knot=3.0, generator=torch.Generator()).abs().max() < 1
        tensor(True)
    """
    control = draw_control(extents, knot=knot, n_channels=1, generator=generator)
    return spline_field(control, axes, knot=knot)[0]


def draw_uniform(low: Number, high: Number, *, generator: torch.Generator) -> float:
    """Number, uniform in [low, high).

    Example:
        >>> draw_uniform(2.0, 2.0, generator=torch.Generator())
        2.0
    """
    return low + (high - low) * torch.rand((), generator=generator, device=generator.device).item()

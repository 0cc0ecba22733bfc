"""A head of ellipsoids whose brightness is known everywhere."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mrrecon.simulate.fields import Number

__all__ = ["HEAD_ELLIPSOIDS", "Ellipsoid", "ellipsoid_phantom"]


@dataclass(frozen=True)
class Ellipsoid:
    """Ellipsoid of constant brightness, added to what lies under it.

    Lengths are fractions of half the field of view. The axes point right, anterior and superior.

    Args:
        value: brightness.
        radii: half-axes.
        centre: centre, the middle of the field of view at 0.
        turn: rotation about the third axis, in degrees, counter-clockwise.
    """

    value: Number
    radii: tuple[Number, Number, Number]
    centre: tuple[Number, Number, Number] = (0.0, 0.0, 0.0)
    turn: Number = 0.0


# The layout follows Shepp and Logan's head: skull, brain, two ventricles, and small bodies; the brightness is
# that of a T1-weighted scan, and the third dimension is ours.
HEAD_ELLIPSOIDS: Sequence[Ellipsoid] = (
    Ellipsoid(0.9, (0.72, 0.95, 0.88)),
    Ellipsoid(-0.8, (0.68, 0.91, 0.84)),
    Ellipsoid(0.35, (0.64, 0.86, 0.79), (0.0, -0.01, 0.0)),
    Ellipsoid(0.3, (0.54, 0.74, 0.66), (0.0, -0.01, 0.0)),
    Ellipsoid(-0.5, (0.11, 0.31, 0.22), (0.22, 0.0, 0.1), -18.0),
    Ellipsoid(-0.5, (0.13, 0.38, 0.24), (-0.22, 0.0, 0.1), 18.0),
    Ellipsoid(-0.2, (0.16, 0.18, 0.2), (0.0, 0.42, 0.0)),
    Ellipsoid(0.15, (0.045, 0.045, 0.045), (0.0, 0.1, -0.25)),
    Ellipsoid(0.15, (0.045, 0.045, 0.045), (0.0, -0.1, -0.25)),
    Ellipsoid(0.2, (0.046, 0.023, 0.03), (-0.08, -0.605, 0.0)),
    Ellipsoid(-0.15, (0.023, 0.023, 0.023), (0.0, -0.605, 0.0)),
    Ellipsoid(0.2, (0.023, 0.046, 0.03), (0.06, -0.605, 0.0)),
)
"""Head with a bright scalp, a dark skull, grey and white matter, ventricles and six small bodies."""


def ellipsoid_phantom(
    shape: Sequence[int],
    *,
    ellipsoids: Sequence[Ellipsoid] = HEAD_ELLIPSOIDS,
    field_of_view: Sequence[Number] = (200.0, 240.0, 200.0),
    smooth: Number = 0.0,
) -> Float[Tensor, "depth height width"]:
    r"""Sum of ellipsoids, sampled at the centres of the voxels.

    $$ x(r) = \sum_e v_e \, H(1 - \|R_e (r - c_e) / a_e\|) $$

    with the step H or, for ``smooth`` > 0, a logistic one whose width is the same everywhere, in mm.

    Args:
        shape: voxels along each axis.
        ellipsoids: bodies, in fractions of the field of view.
        field_of_view: side lengths of the volume, in mm; a voxel has field_of_view / shape.
        smooth: depth under its surface at which a body has 73 % of its brightness, in mm; 0 for sharp edges.

    Raises:
        ValueError: a side is below 1 voxel or not above 0 mm, or ``smooth`` is negative.

    Reference:
        Shepp and Logan, The Fourier reconstruction of a head section, IEEE Transactions on Nuclear Science
        1974, DOI 10.1109/TNS.1974.6499235

    Example:
        >>> head = ellipsoid_phantom((20, 24, 20))
        >>> head.shape, head[0, 0, 0].item()
        (torch.Size([20, 24, 20]), 0.0)
    """
    if any(n < 1 for n in shape) or any(side <= 0 for side in field_of_view):
        raise ValueError(f"shape={tuple(shape)} and field_of_view={tuple(field_of_view)} mm must be positive")
    if smooth < 0:
        raise ValueError(f"smooth={smooth} mm must not be negative")
    points = [(2 * torch.arange(n, dtype=torch.float32) + 1) / n - 1 for n in shape]
    phantom = torch.zeros(*shape)
    for body in ellipsoids:
        right, front, up = (axis - middle for axis, middle in zip(points, body.centre, strict=True))
        cosine, sine = math.cos(math.radians(body.turn)), math.sin(math.radians(body.turn))
        along = (cosine * right[:, None] + sine * front) / body.radii[0]
        across = (cosine * front - sine * right[:, None]) / body.radii[1]
        radius = ((along**2 + across**2)[:, :, None] + (up / body.radii[2]) ** 2).sqrt()
        if smooth:
            # Distance to the surface, measured along the mean half-axis.
            lengths = [r * side / 2 for r, side in zip(body.radii, field_of_view, strict=True)]
            phantom += body.value * torch.sigmoid((1 - radius) * (sum(lengths) / 3 / smooth))
        else:
            phantom += body.value * (radius <= 1)
    return phantom

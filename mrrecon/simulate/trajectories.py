"""Paths through k-space that are no grid: spokes and spirals."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mrrecon.simulate.fields import Number

__all__ = ["Trajectory", "radial_trajectory", "spiral_trajectory"]

GOLDEN_ANGLE = math.pi * (math.sqrt(5) - 1) / 2
"""111.25 degrees: the half turn divided by the golden ratio."""

# The two-dimensional golden means, of Chan et al. 2009: roots of x^3 + x^2 - 1 and its square's.
_GOLDEN_MEANS = (0.4655712318767680, 0.6823278038280193)


@dataclass(frozen=True)
class Trajectory:
    r"""Points of k-space in the order in which they are measured.

    Args:
        points: frequencies in radians per voxel, from -π to π, along the axes of the image: shots, samples of
            a shot, axes.
        density: share of k-space that belongs to each point, in units of what belongs to a point of the full
            grid: ``A.adjoint(density * y)`` is the image, up to what was not measured.
        acceleration: full measurement / this one.
    """

    points: Float[Tensor, "shots samples axes"]
    density: Float[Tensor, "shots samples"]
    acceleration: float


def radial_trajectory(
    size: int,
    *,
    acceleration: Number = 1,
    golden: bool = False,
    n_axes: int = 2,
    oversampling: int = 2,
) -> Trajectory:
    r"""Spokes through the middle of k-space.

    A full measurement has $\pi n / 2$ spokes in the plane, $\pi n^2 / 2$ in space: so many that the ends of
    neighbours are as far apart as the points of the grid.

    Args:
        size: number n of voxels along each axis, at least 2.
        acceleration: full number of spokes / number of spokes, at least 1. The number is exact, to rounding.
        golden: whether each spoke follows the last at the golden angle, so that any stretch of the
            measurement covers k-space evenly, instead of dividing the half turn. In space the golden means
            are always used.
        n_axes: 2 or 3.
        oversampling: samples of a spoke / n, at least 1. A spoke runs from -π to just before π.

    Raises:
        ValueError: a number is out of range, or not one spoke is left.

    Reference:
        Winkelmann et al., An optimal radial profile order based on the golden ratio for time-resolved MRI,
        IEEE Transactions on Medical Imaging 2007, DOI 10.1109/TMI.2006.885337;
        Chan et al., Temporal stability of adaptive 3D radial MRI using multidimensional golden means,
        Magnetic Resonance in Medicine 2009, DOI 10.1002/mrm.21837

    Example:
        >>> radial_trajectory(64, acceleration=4).points.shape
        torch.Size([25, 128, 2])
    """
    if size < 2 or oversampling < 1 or n_axes not in (2, 3):
        raise ValueError(
            f"size={size} must be at least 2, oversampling={oversampling} at least 1, n_axes={n_axes} 2 or 3"
        )
    full = math.pi / 2 * size ** (n_axes - 1)
    n_spokes = _shots(full, acceleration, "spokes")
    n_samples = oversampling * size
    step = 2 * math.pi / n_samples
    radius = (torch.arange(n_samples, dtype=torch.float64) - n_samples // 2) * step
    if n_axes == 2:
        turn = GOLDEN_ANGLE if golden else math.pi / n_spokes
        angles = torch.arange(n_spokes, dtype=torch.float64) * turn
        directions = torch.stack([angles.sin(), angles.cos()], -1)
        # A sample owns its part of the ring on which it lies, the middle one its part of a disc.
        share = _neighbours(angles.remainder(math.pi), math.pi)[:, None] * radius.abs() * step
        share[:, n_samples // 2] = math.pi * (step / 2) ** 2 / n_spokes
    else:
        turns = torch.arange(n_spokes, dtype=torch.float64)[:, None] * torch.tensor(_GOLDEN_MEANS).double()
        height, angle = turns[:, 0].remainder(1), 2 * math.pi * turns[:, 1].remainder(1)
        across = (1 - height**2).sqrt()
        directions = torch.stack([height, across * angle.sin(), across * angle.cos()], -1)
        shells = 4 / 3 * math.pi * ((radius.abs() + step / 2) ** 3 - (radius.abs() - step / 2) ** 3) / 2
        shells[n_samples // 2] = 4 / 3 * math.pi * (step / 2) ** 3
        share = (shells / n_spokes).expand(n_spokes, -1)
    points = (directions[:, None] * radius[:, None]).float()
    density = (share / (2 * math.pi / size) ** n_axes).float()
    return Trajectory(points, density, full / n_spokes)


def spiral_trajectory(
    size: int, *, acceleration: Number = 1, n_shots: int = 16, golden: bool = False, oversampling: Number = 2
) -> Trajectory:
    r"""Archimedean spirals from the middle of k-space to its edge, at constant speed.

    $$ k(r) = r \, e^{i (2 \pi r / (R S) + \varphi)} $$

    in points of the grid, r from 0 to n / 2, with S shots, each turned by another angle φ. Neighbouring arms
    are R points of the grid apart.

    Args:
        size: number n of voxels along each axis, at least 2.
        acceleration: R, distance of the arms / distance of the points of the grid, at least 1; exact.
        n_shots: S, at least 1.
        golden: whether each shot is turned by the golden angle from the last one, instead of by a share of
            the whole turn.
        oversampling: distance of the grid's points / distance of the samples along an arm, above 0.

    Raises:
        ValueError: a number is out of range.

    Reference:
        Glover, Simple analytic spiral k-space algorithm, Magnetic Resonance in Medicine 1999,
        DOI 10.1002/(SICI)1522-2594(199908)42:2<412::AID-MRM25>3.0.CO;2-U

    Example:
        >>> spiral_trajectory(64, n_shots=8, acceleration=2).points.shape
        torch.Size([8, 413, 2])
    """
    if size < 2 or n_shots < 1 or not 0 < oversampling < math.inf:
        raise ValueError(
            f"size={size} must be at least 2, n_shots={n_shots} at least 1, oversampling={oversampling} "
            "above 0"
        )
    if not 1 <= acceleration < math.inf:
        raise ValueError(f"acceleration={acceleration} must be a number from 1 up")
    # Length of an arm from the middle to the radius r, in points of the grid; its angle is r * twist.
    twist, edge = 2 * math.pi / (acceleration * n_shots), size / 2
    fine = torch.linspace(0, edge, 16 * size + 1, dtype=torch.float64)
    length = (fine * (1 + (twist * fine) ** 2).sqrt() + torch.asinh(twist * fine) / twist) / 2
    n_samples = math.ceil(oversampling * length[-1].item()) + 1
    # Samples stand at whole steps, their shares of the arm end at half steps.
    steps = torch.linspace(0, 2 * n_samples - 2, 2 * n_samples - 1, dtype=torch.float64)
    radius = _interpolate(steps * (length[-1] / steps[-1]), length, fine)
    ends = torch.cat([radius[:1], radius[1::2], radius[-1:]])
    rings = math.pi * ends.square().diff()
    radius = radius[::2]
    turn = GOLDEN_ANGLE if golden else 2 * math.pi / n_shots
    start = (torch.arange(n_shots, dtype=torch.float64) * turn).remainder(2 * math.pi)
    angles = twist * radius + start[:, None]
    points = radius[:, None] * torch.stack([angles.sin(), angles.cos()], -1) * (2 * math.pi / size)
    share = _neighbours(start, 2 * math.pi)[:, None] / (2 * math.pi)
    return Trajectory(points.float(), (share * rings).float(), float(acceleration))


def _interpolate(points: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Linear interpolation of y over rising x."""
    after = torch.searchsorted(x, points).clamp(1, len(x) - 1)
    weight = (points - x[after - 1]) / (x[after] - x[after - 1])
    return y[after - 1] + weight * (y[after] - y[after - 1])


def _shots(full: float, acceleration: Number, what: str) -> int:
    if not 1 <= acceleration < math.inf:
        raise ValueError(f"acceleration={acceleration} must be a number from 1 up")
    count = round(full / acceleration)
    if not count:
        raise ValueError(
            f"acceleration={acceleration} leaves none of {full:.1f} {what}, at least 1 must be left"
        )
    return count


def _neighbours(angles: Tensor, period: float) -> Tensor:
    """Half the distance between the neighbours of each angle on a circle: what belongs to it."""
    ordered, order = angles.sort()
    after = torch.cat([ordered[1:], ordered[:1] + period]) - ordered
    share = torch.empty_like(angles)
    share[order] = (after + after.roll(1)) / 2
    return share

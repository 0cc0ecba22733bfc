"""Sensitivity of receive coils: the field of wire loops around the object."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from mrrecon.simulate.fields import Number

__all__ = ["coil_maps", "loop_field"]


def coil_maps(
    shape: Sequence[int],
    n_coils: int = 8,
    *,
    n_rings: int = 1,
    distance: Number = 1.5,
    loop_radius: Number = 0.6,
    dtype: torch.dtype = torch.complex64,
) -> Complex[Tensor, "coils ..."]:
    r"""Maps of coils that stand in rings around the object, each one a circular loop of wire.

    The static field points along the first axis of a volume, or out of the image; a coil is sensitive to

    $$ s_c = B_x - i B_y $$

    where $B$ is the field that a current in the loop would make (Biot and Savart, in closed form), and y and
    x are the last two axes. The maps are divided by the root of their sum of squares, so that
    $\sum_c |s_c|^2 = 1$ everywhere.

    Args:
        shape: shape of the image, two axes, or of the volume, three. The field of view reaches from -1 to 1
            along every axis.
        n_coils: number of coils, at least 1.
        n_rings: number of rings, one above the other, among which they are shared out; 1 for an image. It
            must divide ``n_coils``. Every other ring is turned by half a coil.
        distance: distance of the loops' middles from the axis of the rings, in halves of the field of view,
            above 1.
        loop_radius: radius of the loops, in the same unit, above 0.
        dtype: complex64 or complex128.

    Raises:
        ValueError: the image has neither two nor three axes, a number is out of range, or the rings do not
            divide the coils.

    Reference:
        Roemer et al., The NMR phased array, Magnetic Resonance in Medicine 1990,
        DOI 10.1002/mrm.1910160203

    Example:
        >>> maps = coil_maps([32, 32], 4)
        >>> maps.shape, maps.abs().square().sum(0).sub(1).abs().max() < 1e-6
        (torch.Size([4, 32, 32]), tensor(True))
    """
    if len(shape) not in (2, 3) or min(shape) < 1:
        raise ValueError(f"shape={tuple(shape)} must have two or three axes, each of at least one voxel")
    if n_coils < 1 or n_rings < 1 or n_coils % n_rings or (len(shape) == 2 and n_rings > 1):
        raise ValueError(
            f"n_coils={n_coils} must be at least 1 and a multiple of n_rings={n_rings}, which is 1 for "
            "an image"
        )
    if not 1 < distance < math.inf or not 0 < loop_radius < math.inf:
        raise ValueError(
            f"distance={distance} must be above 1 and loop_radius={loop_radius} above 0, in halves of the "
            "field of view"
        )
    axes = [(2 * torch.arange(n, dtype=torch.float64) + 1) / n - 1 for n in shape]
    z, y, x = axes if len(axes) == 3 else [torch.zeros(1, dtype=torch.float64), *axes]
    per_ring = n_coils // n_rings
    maps = torch.empty(n_coils, len(z), len(y), len(x), dtype=dtype)
    for coil in range(n_coils):
        ring, place = divmod(coil, per_ring)
        angle = 2 * math.pi * (place + 0.5 * (ring % 2)) / per_ring
        cosine, sine = math.cos(angle), math.sin(angle)
        height = (2 * ring + 1) / n_rings - 1
        # Coordinates along the axis of the loop, which points to the middle, and across it.
        depth = distance - (cosine * x + sine * y[:, None])
        across = cosine * y[:, None] - sine * x
        radial, axial = loop_field(
            torch.hypot(across, z[:, None, None] - height), depth[None], radius=loop_radius
        )
        # What is radial divides among the horizontal and the vertical direction.
        tangential = radial * across / torch.hypot(across, z[:, None, None] - height).clamp(min=1e-12)
        field_x = -cosine * axial - sine * tangential
        field_y = -sine * axial + cosine * tangential
        maps[coil] = torch.complex(field_x, -field_y)
    maps /= maps.abs().square().sum(0).sqrt()
    return maps.reshape(n_coils, *shape)


def loop_field(
    rho: Float[Tensor, "..."], z: Float[Tensor, "..."], *, radius: Number
) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."]]:
    r"""Magnetic field of a current in a circular loop of wire, in units of $\mu_0 I / \pi$.

    Args:
        rho: distance from the axis of the loop.
        z: distance from the plane of the loop.
        radius: radius a of the loop, in the same unit.

    Returns:
        The field's components away from the axis and along it.

    Reference:
        Simpson et al., Simple analytic expressions for the magnetic field of a circular current loop, NASA
        technical report 2001, document 20010038494

    Example:
        >>> loop_field(torch.zeros(1).double(), torch.zeros(1).double(), radius=0.5)[1] / math.pi
        tensor([1.], dtype=torch.float64)
    """
    rho, z = torch.broadcast_tensors(rho, z)
    squares = radius**2 + rho**2 + z**2
    # On the wire itself the field is infinite.
    near, far = (rho - radius) ** 2 + z**2, (rho + radius) ** 2 + z**2
    near = near.clamp(min=1e-9 * radius**2)
    first, second = _elliptic_integrals((near / far).sqrt())
    scale = 1 / (2 * near * far.sqrt())
    axial = scale * ((2 * radius**2 - squares) * second + near * first)
    # On the axis both terms are equal: there is no radial field.
    radial = scale * z * (squares * second - near * first) / rho.clamp(min=1e-6 * radius)
    return torch.where(rho > 1e-6 * radius, radial, 0), axial


def _elliptic_integrals(complement: Tensor) -> tuple[Tensor, Tensor]:
    """Complete elliptic integrals K and E by the arithmetic-geometric mean, from k' in (0, 1]."""
    a, g = torch.ones_like(complement), complement
    weight, total = 0.5, 0.5 * (1 - complement**2)
    # Each step doubles the digits: six suffice for any loop that is not on the voxel itself.
    for _ in range(6):
        half_difference = (a - g) / 2
        a, g = (a + g) / 2, (a * g).sqrt()
        weight *= 2
        total = total + weight * half_difference**2
    first = math.pi / 2 / a
    return first, first * (1 - total)

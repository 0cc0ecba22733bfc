"""Line integrals and Fourier transforms of ellipses and ellipsoids, exact: what a scanner would measure."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Complex128, Float, Float64
from torch import Tensor

from mrrecon.operators import FanBeam, Radon
from mrrecon.simulate.phantoms import Ellipsoid
from mrrecon.simulate.shepp_logan import shepp_logan_ellipsoids

__all__ = ["exact_fourier", "exact_line_integrals", "exact_sinogram"]

Number = int | float


def exact_sinogram(
    A: Radon | FanBeam,
    *,
    ellipsoids: Sequence[Ellipsoid] | None = None,
    slices: int | None = None,
) -> Float64[Tensor, "*slices views detectors"]:
    """What ``A`` would measure of the head itself and not of its pixels.

    Args:
        A: parallel or fan beam. The field of view is the image that it takes, as in ``shepp_logan``.
        ellipsoids: the bodies; None: the modified Shepp-Logan head, of 2-D, or of 3-D where there are slices.
        slices: number of slices of a volume; each is measured in its middle plane. None: an image.

    Raises:
        ValueError: ``slices`` is below 1.

    Example:
        >>> A = Radon((64, 64), [0.0], n_detectors=1)
        >>> exact_sinogram(A, ellipsoids=[Ellipsoid(1.0, (0.5, 0.5, 1.0))])
        tensor([[32.]], dtype=torch.float64)
    """
    if slices is not None and slices < 1:
        raise ValueError(f"slices={slices} must be at least 1")
    bodies = shepp_logan_ellipsoids(2 if slices is None else 3) if ellipsoids is None else ellipsoids
    theta, s = A.rays()
    view = (A.shape[1] * A.spacing[1], A.shape[0] * A.spacing[0])
    if slices is None:
        return exact_line_integrals(theta, s, ellipsoids=bodies, field_of_view=view)
    heights = [(2 * k + 1) / slices - 1 for k in range(slices)]
    return torch.stack(
        [exact_line_integrals(theta, s, ellipsoids=bodies, field_of_view=view, height=h) for h in heights]
    )


def exact_line_integrals(
    theta: Float[Tensor, "*rays"],
    s: Float[Tensor, "*rays"],
    *,
    ellipsoids: Sequence[Ellipsoid],
    field_of_view: Sequence[Number],
    height: Number = 0.0,
) -> Float64[Tensor, "*rays"]:
    r"""Integrals of a sum of ellipses along the lines ``x cos θ + y sin θ = s``.

    $$ y(\theta, s) = \sum_e v_e \, 2 |M_e| \sqrt{\rho_e^2 - t^2} / \rho_e^2, \quad
       \rho_e = \|M_e^T n\|, \; t = s - n \cdot c_e, \; n = (\cos\theta, \sin\theta) $$

    with the matrix M that makes the ellipse out of the unit disc; nothing where the line passes it by.

    Args:
        theta: θ, in radians.
        s: in mm.
        ellipsoids: bodies, in fractions of half the field of view.
        field_of_view: width and height of the image, in mm.
        height: plane of the third axis in which the lines lie, as a fraction of half its field of view.

    Reference:
        A. C. Kak and M. Slaney, "Principles of computerized tomographic imaging", SIAM 2001,
        doi:10.1137/1.9780898719277, section 3.1.

    Example:
        >>> line = torch.zeros(1)
        >>> exact_line_integrals(
        ...     line, line, ellipsoids=[Ellipsoid(1.0, (0.5, 0.3, 1.0))], field_of_view=(8, 20)
        ... )
        tensor([6.], dtype=torch.float64)
    """
    n = torch.stack([theta.double().cos(), theta.double().sin()], -1)
    total = torch.zeros(theta.shape, dtype=torch.float64)
    half = torch.tensor([float(side) / 2 for side in field_of_view[:2]], dtype=torch.float64)
    for body in ellipsoids:
        # The plane cuts an ellipse out of the ellipsoid, smaller than its waist.
        squared = 1 - ((height - body.centre[2]) / body.radii[2]) ** 2
        if squared <= 0:
            continue
        matrix = half[:, None] * _turned(body) * math.sqrt(squared)
        t = s.double() - n @ (half * torch.tensor(body.centre[:2], dtype=torch.float64))
        rho_squared = (n @ matrix).square().sum(-1)
        chord = 2 * matrix.det().abs() * (rho_squared - t**2).clamp(min=0).sqrt() / rho_squared
        total += body.value * chord
    return total


def exact_fourier(
    k: Float[Tensor, "*points ndim"],
    *,
    ellipsoids: Sequence[Ellipsoid] | None = None,
    field_of_view: Sequence[Number],
) -> Complex128[Tensor, "*points"]:
    r"""Fourier transform of a sum of ellipses or ellipsoids.

    $$ X(k) = \int x(r) e^{-2 \pi i k r} dr = \sum_e v_e |M_e| \, J(\|M_e^T k\|) e^{-2 \pi i k c_e} $$

    with $J(q) = J_1(2 \pi q) / q$ in the plane and $(\sin 2 \pi q - 2 \pi q \cos 2 \pi q) / (2 \pi^2 q^3)$ in
    space. The axes of k are those of the array that ``shepp_logan`` makes, 0 in its middle: k-space of the
    samples of an image at the voxels' centres is X / volume of a voxel, up to aliasing.

    Args:
        k: in cycles/mm, one number for each axis of the array: rows and columns, or slices, rows and columns.
        ellipsoids: bodies; None: the modified Shepp-Logan head.
        field_of_view: side lengths of the array, in mm, in the order of its axes.

    Raises:
        ValueError: k has not 2 or 3 components, or the field of view another number of sides.

    Reference:
        C. G. Koay, J. E. Sarlls and E. Özarslan, "Three-dimensional analytical magnetic resonance imaging
        phantom in the Fourier domain", Magnetic Resonance in Medicine 58 (2007), doi:10.1002/mrm.21292.

    Example:
        >>> disc = Ellipsoid(1.0, (0.5, 0.5, 1.0))
        >>> exact_fourier(torch.zeros(2), ellipsoids=[disc], field_of_view=(4, 4)).real  # its area
        tensor(3.1416, dtype=torch.float64)
    """
    ndim = k.shape[-1]
    if ndim not in (2, 3) or len(field_of_view) != ndim:
        raise ValueError(
            f"k of shape {tuple(k.shape)} and field_of_view={tuple(field_of_view)} mm must both have 2 or 3 "
            "components"
        )
    bodies = shepp_logan_ellipsoids(ndim) if ellipsoids is None else ellipsoids
    # From the array's axes to those of the bodies: right, to the front (against the rows), up.
    axes = k.double().flip(-1)
    axes = torch.cat([axes[..., :1], -axes[..., 1:2], axes[..., 2:]], -1)
    half = torch.tensor([float(side) / 2 for side in field_of_view[::-1]], dtype=torch.float64)
    total = torch.zeros(k.shape[:-1], dtype=torch.complex128)
    for body in bodies:
        matrix = torch.eye(ndim, dtype=torch.float64)
        matrix[:2, :2] = _turned(body)
        if ndim == 3:
            matrix[2, 2] = body.radii[2]
        matrix = half[:, None] * matrix
        centre = half * torch.tensor(body.centre[:ndim], dtype=torch.float64)
        q = (axes @ matrix).square().sum(-1).sqrt()
        phase = torch.polar(torch.ones_like(q), -2 * math.pi * (axes @ centre))
        total += body.value * matrix.det().abs() * (_disc(q) if ndim == 2 else _ball(q)) * phase
    return total


def _turned(body: Ellipsoid) -> Tensor:
    """Matrix that makes the ellipse out of the unit disc, in fractions of half the field of view."""
    angle = math.radians(body.turn)
    rotation = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    return torch.tensor(rotation, dtype=torch.float64) * torch.tensor(body.radii[:2], dtype=torch.float64)


def _disc(q: Tensor) -> Tensor:
    safe = q.clamp(min=1e-8)
    return torch.where(q > 1e-8, torch.special.bessel_j1(2 * math.pi * safe) / safe, math.pi)


def _ball(q: Tensor) -> Tensor:
    # Close to 0 the difference of two nearly equal numbers is replaced by its series.
    w = 2 * math.pi * q.clamp(min=1e-3)
    exact = 4 * math.pi * (w.sin() - w * w.cos()) / w**3
    squared = (2 * math.pi * q).square()
    series = 4 * math.pi / 3 * (1 - squared / 10 + squared.square() / 280)
    return torch.where(q > 1e-3, exact, series)

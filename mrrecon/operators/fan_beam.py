"""Line integrals along rays from a point: CT with a fan beam."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float64, Inexact
from torch import Tensor

from mrrecon.operators.ct_geometry import (
    Angles,
    Spacing,
    check_angles,
    check_detectors,
    check_distance,
    check_grid,
)
from mrrecon.operators.linear_operator import LinearOperator
from mrrecon.operators.ray_plan import Beam
from mrrecon.operators.ray_projector import RayProjector

__all__ = ["FanBeam"]


class FanBeam(LinearOperator):
    r"""Integrals of an image along rays from a source that turns about it.

    $$ y(\beta, \gamma) = \int x(s \cos\theta - t \sin\theta, \; s \sin\theta + t \cos\theta) \, dt, \quad
       \theta = \beta - \gamma, \; s = D \sin\gamma $$

    with the axes of ``Radon``: the first to the right, the second up, 0 in the middle of the image. At the
    angle 0 the source stands D mm below the middle, and the detectors follow each other from left to right;
    the scanner turns counter-clockwise. The farther the source, the more is ``FanBeam(shape, angles, ...)``
    like ``Radon(shape, angles, ...)``.

    Detector k of n stands at ``u = (k - (n - 1) / 2) * detector_spacing + detector_offset`` along it, and
    sees the ray with ``tan γ = u / R`` if the detector is flat, ``γ = u / R`` if it is curved about the
    source, at the distance R from it.

    Lengths are in mm: an image of attenuation in 1/mm gives the dimensionless integrals whose exponential
    attenuates the beam. A volume is projected slice by slice. Rays, weights and adjoint are as in ``Radon``.

    Args:
        shape: rows and columns of the image.
        angles: β, in radians, in any order, at least one.
        source_distance: D, from the axis to the source, in mm; more than to the image's corners.
        detector_distance: from the axis to the detector, in mm. 0 is a detector scaled to the axis.
        n_detectors: number of detectors.
        detector_spacing: their distance along the detector, in mm.
        detector_offset: where the middle of the detector stands, in mm.
        detector: "flat", or "curved" about the source.
        spacing: size of a pixel, in mm; or the distance of the rows and that of the columns.

    Raises:
        TypeError: the angles are no real numbers.
        ValueError: the shape is not that of an image, there is no angle or no detector, a length is not
            positive, something is not finite, the source is inside the image, no ray meets the image, a
            curved detector reaches half around the source, or ``detector`` is neither of the two.

    Example:
        >>> A = FanBeam((3, 3), [0.0], source_distance=100, detector_distance=0, n_detectors=1)
        >>> A(torch.ones(3, 3))
        tensor([[3.]])

    Reference:
        A. C. Kak and M. Slaney, "Principles of computerized tomographic imaging", SIAM 2001,
        doi:10.1137/1.9780898719277, section 3.4.
    """

    def __init__(
        self,
        shape: Sequence[int],
        angles: Angles,
        *,
        source_distance: int | float,
        detector_distance: int | float,
        n_detectors: int,
        detector_spacing: int | float = 1.0,
        detector_offset: int | float = 0.0,
        detector: Literal["flat", "curved"] = "flat",
        spacing: Spacing = 1.0,
    ) -> None:
        super().__init__()
        self.shape, self.spacing = check_grid(shape, spacing)
        views, tolerance = check_angles(angles)
        check_distance("source_distance", source_distance)
        check_distance("detector_distance", detector_distance, zero=True)
        check_detectors(n_detectors, detector_spacing, detector_offset)
        if detector not in ("flat", "curved"):
            raise ValueError(f'detector={detector!r} must be "flat" or "curved"')
        corner = math.hypot(self.shape[0] * self.spacing[0], self.shape[1] * self.spacing[1]) / 2
        if source_distance <= corner:
            raise ValueError(
                f"source_distance={source_distance} mm puts the source inside of the image as it turns: the "
                f"corners are {corner:.6g} mm from the axis, go farther"
            )
        self.angles = tuple(views.tolist())
        self.source_distance, self.detector_distance = float(source_distance), float(detector_distance)
        self.n_detectors, self.detector = int(n_detectors), detector
        self.detector_spacing, self.detector_offset = float(detector_spacing), float(detector_offset)
        fan = self.fan_angles
        if not np.abs(fan).max() < math.pi / 2:
            raise ValueError(
                f"n_detectors={n_detectors} of detector_spacing={detector_spacing} mm reach half around the "
                f"source, {source_distance + detector_distance} mm away: take fewer, or smaller ones"
            )
        distance = self.source_distance * np.sin(fan)
        if np.abs(distance).min() >= corner:
            raise ValueError(
                f"the image is outside of the fan: the nearest ray passes the axis at "
                f"{np.abs(distance).min():.6g} mm, and the image's corners are at {corner:.6g} mm; look at "
                f"detector_offset={detector_offset} mm and the spacing"
            )
        beam = Beam(
            views=views,
            rays=partial(_rays, fan, distance),
            n_detectors=self.n_detectors,
            parallel=False,
            centred=detector_offset == 0,
            tolerance=tolerance,
        )
        self._projector = RayProjector(beam, self.shape, self.spacing)

    @property
    def positions(self) -> np.ndarray:
        """Where the detectors stand along the detector, u in mm."""
        middle = (self.n_detectors - 1) / 2
        return (np.arange(self.n_detectors) - middle) * self.detector_spacing + self.detector_offset

    @property
    def fan_angles(self) -> np.ndarray:
        """Angle of each ray to the one through the axis, γ in radians, counter-clockwise negative."""
        ratio = self.positions / (self.source_distance + self.detector_distance)
        return ratio if self.detector == "curved" else np.arctan(ratio)

    def rays(
        self,
    ) -> tuple[Float64[Tensor, "views detectors"], Float64[Tensor, "views detectors"]]:
        """The line ``x cos θ + y sin θ = s`` of every ray: θ in radians and s in mm."""
        views = torch.tensor(self.angles, dtype=torch.float64)[:, None]
        fan = torch.from_numpy(self.fan_angles)
        return views - fan, (self.source_distance * fan.sin()).expand(len(views), -1)

    def forward(self, x: Inexact[Tensor, "*batch h w"]) -> Inexact[Tensor, "*batch views detectors"]:
        """Sinograms of images."""
        return self._projector.project(x)

    def adjoint(self, y: Inexact[Tensor, "*batch views detectors"]) -> Inexact[Tensor, "*batch h w"]:
        """Back-projection, unfiltered, of sinograms."""
        return self._projector.backproject(y)

    def formula(self) -> str:
        """``FanBeam(360 views, 512 detectors)``."""
        return f"FanBeam({len(self.angles)} views, {self.n_detectors} detectors)"


def _rays(fan: np.ndarray, distance: np.ndarray, angle: float) -> tuple[np.ndarray, np.ndarray]:
    return angle - fan, distance

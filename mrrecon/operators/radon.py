"""Line integrals along parallel rays: CT with a parallel beam."""

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from jaxtyping import Float64, Inexact
from torch import Tensor

from mrrecon.operators.ct_geometry import Angles, Spacing, check_angles, check_detectors, check_grid
from mrrecon.operators.linear_operator import LinearOperator
from mrrecon.operators.ray_plan import Beam
from mrrecon.operators.ray_projector import RayProjector

__all__ = ["Radon"]


class Radon(LinearOperator):
    r"""Integrals of an image along parallel rays, the Radon transform.

    $$ y(\theta, s) = \int x(s \cos\theta - t \sin\theta, \; s \sin\theta + t \cos\theta) \, dt $$

    with the first coordinate to the right, along the rows of the image, the second one up, against its
    columns, and 0 in the middle of the image. At 0 the rays run along the columns and the detectors in the
    order of the columns; the scanner then turns counter-clockwise as the image is usually shown. Detector k
    of n stands at ``s = (k - (n - 1) / 2) * detector_spacing + detector_offset``.

    Lengths are in mm: an image of attenuation in 1/mm gives the dimensionless integrals whose exponential
    attenuates the beam. A volume is projected slice by slice.

    For an odd number of pixels ``skimage.radon(image, degrees)`` is the transpose of this sinogram. With an
    even number it turns about the pixel right of and below the middle, which is ``detector_offset`` =
    ``-(cos θ - sin θ) / 2`` pixels here, another one at each angle.

    The rays have no width. The image between its pixels is interpolated linearly along rows or along columns
    (Joseph's method). The adjoint is the transpose of the same weights.

    Args:
        shape: rows and columns of the image.
        angles: θ, in radians, in any order, at least one. Angles whose mirror images are among them to within
            the rounding of their type are projected together, up to eight for the price of one.
        n_detectors: number of detectors; None: as many as see the whole image from every side.
        detector_spacing: their distance, in mm.
        detector_offset: where the middle of the detector stands, in mm.
        spacing: size of a pixel, in mm; or the distance of the rows and that of the columns.

    Raises:
        TypeError: the angles are no real numbers.
        ValueError: the shape is not that of an image, there is no angle or no detector, a spacing is not
            positive, or an angle or the offset is not finite.

    Example:
        >>> Radon((3, 3), [0.0, math.pi / 2], n_detectors=3)(torch.eye(3)).tolist()
        [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]

    Reference:
        P. M. Joseph, "An improved algorithm for reprojecting rays through pixel images", IEEE Transactions on
        Medical Imaging 1 (1982), doi:10.1109/TMI.1982.4307572.
    """

    def __init__(
        self,
        shape: Sequence[int],
        angles: Angles,
        *,
        n_detectors: int | None = None,
        detector_spacing: int | float = 1.0,
        detector_offset: int | float = 0.0,
        spacing: Spacing = 1.0,
    ) -> None:
        super().__init__()
        self.shape, self.spacing = check_grid(shape, spacing)
        views, tolerance = check_angles(angles)
        if n_detectors is None:
            check_detectors(1, detector_spacing, detector_offset)
            widest = math.hypot(self.shape[0] * self.spacing[0], self.shape[1] * self.spacing[1])
            n_detectors = math.ceil((widest + 2 * abs(detector_offset)) / detector_spacing)
        check_detectors(n_detectors, detector_spacing, detector_offset)
        self.angles = tuple(views.tolist())
        self.n_detectors = int(n_detectors)
        self.detector_spacing = float(detector_spacing)
        self.detector_offset = float(detector_offset)
        beam = Beam(
            views=views,
            rays=partial(_rays, self.positions),
            n_detectors=self.n_detectors,
            parallel=True,
            centred=detector_offset == 0,
            tolerance=tolerance,
        )
        self._projector = RayProjector(beam, self.shape, self.spacing)

    @property
    def positions(self) -> np.ndarray:
        """Where the detectors stand, s in mm."""
        middle = (self.n_detectors - 1) / 2
        return (np.arange(self.n_detectors) - middle) * self.detector_spacing + self.detector_offset

    def rays(
        self,
    ) -> tuple[Float64[Tensor, "views detectors"], Float64[Tensor, "views detectors"]]:
        """The line ``x cos θ + y sin θ = s`` of every ray: θ in radians and s in mm."""
        views = torch.tensor(self.angles, dtype=torch.float64)[:, None]
        s = torch.from_numpy(self.positions)
        return torch.broadcast_tensors(views, s)[0], s.expand(len(views), -1)

    def forward(self, x: Inexact[Tensor, "*batch h w"]) -> Inexact[Tensor, "*batch views detectors"]:
        """Sinograms of images."""
        return self._projector.project(x)

    def adjoint(self, y: Inexact[Tensor, "*batch views detectors"]) -> Inexact[Tensor, "*batch h w"]:
        """Back-projection, unfiltered, of sinograms."""
        return self._projector.backproject(y)

    def formula(self) -> str:
        """``Radon(180 views, 363 detectors)``."""
        return f"Radon({len(self.angles)} views, {self.n_detectors} detectors)"


def _rays(positions: np.ndarray, angle: float) -> tuple[np.ndarray, np.ndarray]:
    return np.full(len(positions), angle), positions

"""The geometry of a CT scan, as far as a sinogram leaves it open."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mrrecon.operators import FanBeam, Radon

__all__ = ["CtScan"]


@dataclass(frozen=True)
class CtScan:
    """How the rays run. What a sinogram's own metadata say goes before.

    Args:
        arc: degrees over which the views are spread evenly, the last one a step before its end. None: 180
            for parallel rays, 360 for a fan.
        angles: angle of each view in degrees; None: by ``arc``.
        detector_spacing: distance of the detectors, mm.
        detector_offset: where their middle stands, mm.
        source_distance: from the axis to the source, mm; None: the rays are parallel.
        detector_distance: from the axis to the detector, mm; for a fan.
        image_size: rows and columns of the image; None: as many as detectors.
        pixel_spacing: size of a pixel, mm; None: what the detectors see of the axis.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> CtScan().operator(180, 64, {})
        Radon(180 views, 64 detectors)
    """

    arc: int | float | None = None
    angles: Sequence[int | float] | None = None
    detector_spacing: int | float = 1.0
    detector_offset: int | float = 0.0
    source_distance: int | float | None = None
    detector_distance: int | float = 0.0
    image_size: Sequence[int] | None = None
    pixel_spacing: int | float | None = None

    def __post_init__(self) -> None:
        if self.arc is not None and not 0 < abs(self.arc) < math.inf:
            raise ValueError(f"arc={self.arc} degrees must not be 0")
        for name in ("detector_spacing", "source_distance", "pixel_spacing"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{name}={value} mm must be positive")
        if self.image_size is not None and (len(self.image_size) != 2 or min(self.image_size) < 1):
            raise ValueError(f"image_size={self.image_size} must be the rows and columns of the image")

    @property
    def magnification(self) -> float:
        """Size of a shadow on the detector / size of the thing at the axis."""
        if self.source_distance is None:
            return 1.0
        return (self.source_distance + self.detector_distance) / self.source_distance

    @property
    def whole_arc(self) -> float:
        """Degrees over which the views are spread."""
        if self.arc is not None:
            return float(self.arc)
        return 180.0 if self.source_distance is None else 360.0

    def width(self, diameter: int | float) -> float:
        """Width in mm of a flat detector that sees all of a disc around the axis.

        Args:
            diameter: of the disc, mm.

        Raises:
            ValueError: the source would turn inside of the disc.
        """
        if self.source_distance is None:
            return diameter
        if diameter >= 2 * self.source_distance:
            raise ValueError(
                f"source_distance={self.source_distance} mm puts the source into {diameter:.4g} mm of image"
            )
        fan = math.asin(diameter / 2 / self.source_distance)
        return 2 * (self.source_distance + self.detector_distance) * math.tan(fan)

    def operator(self, n_views: int, n_detectors: int, meta: Mapping[str, Any]) -> Radon | FanBeam:
        """The scan as an operator.

        Args:
            n_views: views of the sinogram.
            n_detectors: its detectors.
            meta: metadata of the sinogram: ``angles`` (radians), ``detector_spacing``, ``image_size``,
                ``pixel_spacing`` (mm, of rows and columns).

        Raises:
            ValueError: there is one view only, or angles for another number of views.
        """
        if n_views < 2:
            raise ValueError(f"a sinogram of {n_views} view has no image in it: give at least 2")
        if "angles" in meta:
            angles = [float(angle) for angle in meta["angles"]]
        elif self.angles is not None:
            angles = [math.radians(angle) for angle in self.angles]
        else:
            angles = [math.radians(self.whole_arc) * view / n_views for view in range(n_views)]
        if len(angles) != n_views:
            raise ValueError(
                f"angles has {len(angles)} entries and the sinogram {n_views} views: give one each"
            )
        detectors = float(meta.get("detector_spacing", self.detector_spacing))
        shape = [int(n) for n in meta.get("image_size", self.image_size or (n_detectors, n_detectors))]
        size = self.pixel_spacing or detectors / self.magnification
        spacing = [float(length) for length in meta.get("pixel_spacing", (size, size))]
        if self.source_distance is None:
            return Radon(
                shape,
                angles,
                n_detectors=n_detectors,
                detector_spacing=detectors,
                detector_offset=self.detector_offset,
                spacing=spacing,
            )
        return FanBeam(
            shape,
            angles,
            source_distance=self.source_distance,
            detector_distance=self.detector_distance,
            n_detectors=n_detectors,
            detector_spacing=detectors,
            detector_offset=self.detector_offset,
            spacing=spacing,
        )

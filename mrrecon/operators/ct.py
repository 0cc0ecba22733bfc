"""Computed tomography: what a scanner with a parallel or a fan beam measures."""

import math
from collections.abc import Sequence
from typing import Literal

from jaxtyping import Bool
from torch import Tensor

from mrrecon.operators.ct_geometry import Angles, Spacing, check_grid
from mrrecon.operators.fan_beam import FanBeam
from mrrecon.operators.linear_operator import LinearOperator
from mrrecon.operators.mask import Mask
from mrrecon.operators.radon import Radon

__all__ = ["ct"]


def ct(
    shape: Sequence[int],
    angles: Angles,
    *,
    spacing: Spacing = 1.0,
    n_detectors: int | None = None,
    detector_spacing: int | float | None = None,
    detector_offset: int | float = 0.0,
    source_distance: int | float | None = None,
    detector_distance: int | float = 0.0,
    detector: Literal["flat", "curved"] = "flat",
    measured: Bool[Tensor, "*views detectors"] | None = None,
) -> LinearOperator:
    r"""``Radon``, or ``FanBeam`` where a source stands, or either of them behind a ``Mask``.

    An image of attenuation μ, in 1/mm, gives the integrals $y = \int \mu$, of which the detector counts
    $I = I_0 e^{-y}$ photons. The detector sees the whole image and is as fine as the pixels unless told
    otherwise.

    Args:
        shape: rows and columns of the image.
        angles: of the views, in radians; see ``Radon`` and ``FanBeam``.
        spacing: size of a pixel, in mm; or the distance of the rows and that of the columns.
        n_detectors: number of detectors; None: enough for the corners of the image.
        detector_spacing: their distance, in mm; None: the smaller side of a pixel, as the fan magnifies it.
        detector_offset: where the middle of the detector stands, in mm.
        source_distance: from the axis to the source, in mm; None: infinitely far, a parallel beam.
        detector_distance: from the axis to the detector, in mm; of no effect on a parallel beam.
        detector: "flat" or "curved", of a fan.
        measured: False for rays that were not measured, such as those of a dead detector or a missing view;
            None: all were.

    Raises:
        TypeError: as for ``Radon``.
        ValueError: as for ``Radon``, ``FanBeam`` and ``Mask``.

    Example:
        >>> ct((64, 64), [0.0, 1.0])
        Radon(2 views, 91 detectors)
        >>> ct((64, 64), [0.0, 1.0], source_distance=200, detector_distance=100)
        FanBeam(2 views, 93 detectors)
    """
    sides, distances = check_grid(shape, spacing)
    magnified = 1.0 if source_distance is None else 1 + detector_distance / source_distance
    if detector_spacing is None:
        detector_spacing = min(distances) * magnified
    if source_distance is None:
        A: LinearOperator = Radon(
            shape,
            angles,
            n_detectors=n_detectors,
            detector_spacing=detector_spacing,
            detector_offset=detector_offset,
            spacing=spacing,
        )
    else:
        if n_detectors is None:
            corner = math.hypot(sides[0] * distances[0], sides[1] * distances[1]) / 2
            # A source inside of the image is FanBeam's to refuse.
            sine = min(corner / source_distance, 0.999) if source_distance > 0 else 0.0
            reach = math.asin(sine) if detector == "curved" else math.tan(math.asin(sine))
            half = reach * (source_distance + detector_distance) + abs(detector_offset)
            n_detectors = max(1, math.ceil(2 * half / detector_spacing)) if detector_spacing > 0 else 1
        A = FanBeam(
            shape,
            angles,
            source_distance=source_distance,
            detector_distance=detector_distance,
            n_detectors=n_detectors,
            detector_spacing=detector_spacing,
            detector_offset=detector_offset,
            detector=detector,
            spacing=spacing,
        )
    return A if measured is None else Mask(measured) @ A

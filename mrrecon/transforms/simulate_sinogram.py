"""A scan measured once more, by a simulated CT."""

import math
from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms.transform import MapTransform
from torch import Tensor

from mrrecon.simulate import add_poisson_noise
from mrrecon.simulate.fields import Number
from mrrecon.transforms.placed import placed

__all__ = ["SimulateSinogramd"]

WATER = 0.02
"""Attenuation of water, 1/mm, about that at 70 keV."""

AIR_BELOW = -100
"""An image with lower numbers is in Hounsfield units."""


class SimulateSinogramd(MapTransform):
    """Sinogram (1, slices, views, detectors) of the slices of an image (1, slices, h, w), which is the label.

    Hounsfield units become attenuation; an image that has none (nothing below -100) is scaled so that its
    brightest voxel attenuates as twice as much water. The detectors count photons (Poisson). Geometry and
    scale go into the metadata, for the solver (``CtScan``) and for ``SinogramImaged``. What is a sinogram
    already (its metadata have ``sinogram``) is passed on as it is. The same seed gives the same noise.

    Args:
        keys: key of the image.
        label_key: key under which the image itself is kept.
        scan: the geometry: a ``CtScan``.
        n_views: views.
        n_detectors: detectors; None: as many, a pixel apart, as see the whole image.
        photons: that reach each detector where nothing stands in their way; None: no noise.
        seed: of the noise.
        allow_missing_keys: pass over keys that are not there.

    Raises:
        ValueError: an image holds nothing, or an argument is out of its range.
    """

    def __init__(
        self,
        keys: KeysCollection = "image",
        label_key: str = "label",
        *,
        scan: Any,
        n_views: int = 90,
        n_detectors: int | None = None,
        photons: Number | None = 1e5,
        seed: int = 0,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if n_views < 2:
            raise ValueError(f"n_views={n_views} must be at least 2: one view has no image in it")
        if photons is not None and not photons >= 1:
            raise ValueError(f"photons={photons} must be at least 1")
        self.label_key = label_key
        self.scan = scan
        self.n_views = n_views
        self.n_detectors = n_detectors
        self.photons = photons
        self.seed = seed

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Measure the image."""
        d = dict(data)
        for key in self.key_iterator(d):
            image = d[key]
            if "sinogram" in image.meta:
                continue
            values = image.as_tensor().float()
            name = str(image.meta.get("filename_or_obj") or key)
            slope, offset = _scale(values, name)
            lengths = torch.linalg.vector_norm(
                torch.as_tensor(image.affine, dtype=torch.float64)[:3, :3], dim=0
            )
            rows, columns = float(lengths[1]), float(lengths[2])
            shape = list(values.shape[2:])
            diameter = math.hypot(shape[0] * rows, shape[1] * columns)
            n = self.n_detectors or math.ceil(diameter / min(rows, columns))
            geometry: dict[str, Any] = {
                "image_size": shape,
                "pixel_spacing": [rows, columns],
                "detector_spacing": self.scan.width(diameter) / n,
            }
            A = self.scan.operator(self.n_views, n, geometry)
            y = self._noisy(A((values - offset) / slope))
            scale = {"sinogram": True, "slope": slope, "offset": offset}
            d[self.label_key] = placed(values, image)
            d[key] = placed(y, image, meta={**geometry, **scale})
        return d

    def _noisy(self, y: Tensor) -> Tensor:
        if self.photons is None:
            return y
        generator = torch.Generator().manual_seed(self.seed)
        return add_poisson_noise(y, photons=self.photons, generator=generator)


def _scale(values: Tensor, name: str) -> tuple[float, float]:
    """Slope and offset from attenuation in 1/mm to the units of the image."""
    if not bool(values.isfinite().all()):
        raise ValueError(f"{name} holds NaN or Inf: replace them by numbers")
    if float(values.min()) < AIR_BELOW:
        return 1000 / WATER, -1000.0
    brightest = float(values.max())
    if not brightest > 0:
        raise ValueError(f"{name} is zero everywhere in these slices")
    return brightest / (2 * WATER), 0.0

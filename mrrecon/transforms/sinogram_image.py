"""The image that is written, of the one that a solver found in a sinogram."""

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms.transform import MapTransform

from mrrecon.transforms.placed import placed

__all__ = ["SinogramImaged"]


class SinogramImaged(MapTransform):
    """Attenuation (1, slices, h, w) in the units and the geometry of the file that was measured.

    An image simulated from gets its units back. Of a sinogram that came in a file, slices run upwards, rows
    to the back and columns to the patient's left, as CT is shown; the middle of the image is the origin. The
    size of a pixel is in the metadata (``pixel_spacing``, mm).

    Args:
        keys: keys of the images.
        slice_spacing: mm, for sinograms from files.
        water: attenuation of water in 1/mm, to give Hounsfield units; None: attenuation is given as it is.
        allow_missing_keys: pass over keys that are not there.
    """

    def __init__(
        self,
        keys: KeysCollection = "pred",
        *,
        slice_spacing: int | float = 1.0,
        water: int | float | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if not slice_spacing > 0:
            raise ValueError(f"slice_spacing={slice_spacing} mm must be positive")
        if water is not None and not water > 0:
            raise ValueError(f"water={water} must be positive, 1/mm")
        self.slice_spacing = slice_spacing
        self.water = water

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Give the images their units and their place."""
        d = dict(data)
        for key in self.key_iterator(d):
            image = d[key]
            values, meta = image.as_tensor(), dict(image.meta)
            if "slope" in meta:
                affine = image.affine
                values = values * float(meta["slope"]) + float(meta["offset"])
            else:
                h, w = (float(length) for length in meta["pixel_spacing"])
                affine = torch.eye(4, dtype=torch.float64)
                affine[:3, :3] = torch.tensor([[0, 0, -w], [0, -h, 0], [float(self.slice_spacing), 0, 0]])
                middle = (torch.tensor(values.shape[1:], dtype=torch.float64) - 1) / 2
                affine[:3, 3] = -affine[:3, :3] @ middle
                values = values if self.water is None else (values / self.water - 1) * 1000
            d[key] = placed(values, image, affine=affine)
        return d

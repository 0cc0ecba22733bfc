"""A scan measured once more, by a simulated scanner of several coils."""

import math
from collections.abc import Hashable, Mapping
from typing import Any, Literal

import torch
from monai.config import KeysCollection
from monai.transforms.transform import MapTransform
from torch import Tensor

from mrrecon.operators import CartesianSense
from mrrecon.simulate import add_complex_noise, coil_maps, poisson_disc, variable_density_lines
from mrrecon.simulate.fields import Number
from mrrecon.transforms.placed import placed

__all__ = ["SimulateKspaced"]


class SimulateKspaced(MapTransform):
    """K-space (coils, slices, h, w) of the slices of an image (1, slices, h, w), which becomes the label.

    Each slice is seen by coils in a ring, measured in part, with complex Gaussian noise. What is k-space
    already (its metadata have ``n_fourier``) is passed on as it is. The same seed gives the same measurement
    of the same image.

    Args:
        keys: key of the image.
        label_key: key under which the image itself is kept.
        n_coils: coils of the scanner.
        sampling: ``"poisson"``, a Poisson disc of variable density over both axes, or ``"lines"``, lines of
            variable density.
        acceleration: all samples / measured ones.
        centre: width of the block, or number of lines, in the middle of k-space that is measured in any case.
        noise: standard deviation of the noise in the real and in the imaginary part of each sample, as a part
            of the image's brightest voxel.
        seed: of the mask and of the noise.
        allow_missing_keys: pass over keys that are not there.

    Raises:
        ValueError: an image holds nothing, or an argument is out of its range.
    """

    def __init__(
        self,
        keys: KeysCollection = "image",
        label_key: str = "label",
        *,
        n_coils: int = 8,
        sampling: Literal["poisson", "lines"] = "poisson",
        acceleration: Number = 6.0,
        centre: int = 24,
        noise: Number = 0.01,
        seed: int = 0,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if sampling not in ("poisson", "lines"):
            raise ValueError(f"sampling={sampling!r} must be 'poisson' or 'lines'")
        if not noise >= 0:
            raise ValueError(f"noise={noise} must not be negative")
        self.label_key = label_key
        self.n_coils = n_coils
        self.sampling = sampling
        self.acceleration = acceleration
        self.centre = centre
        self.noise = noise
        self.seed = seed

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Measure the image."""
        d = dict(data)
        for key in self.key_iterator(d):
            image = d[key]
            if "n_fourier" in image.meta:
                continue
            values = image.as_tensor().abs()
            brightest = float(values.max())
            if not brightest > 0:
                raise ValueError(
                    f"{image.meta.get('filename_or_obj', key)} is zero everywhere in these slices"
                )
            measured = torch.stack([self._measured(x, brightest) for x in values[0]], dim=1)
            meta = {"n_fourier": 2, "field_of_view": list(values.shape[1:])}
            d[self.label_key] = placed(values, image)
            d[key] = placed(measured, image, meta=meta)
        return d

    def _measured(self, x: Tensor, brightest: float) -> Tensor:
        """K-space of a slice (h, w), coils first."""
        generator = torch.Generator().manual_seed(self.seed)
        shape = list(x.shape)
        if self.sampling == "poisson":
            mask = poisson_disc(
                shape,
                acceleration=self.acceleration,
                centre=[min(self.centre, n) for n in shape],
                generator=generator,
            )
        else:
            mask = variable_density_lines(
                shape, acceleration=self.acceleration, centre=self.centre, generator=generator
            )
        A = CartesianSense(mask, coil_maps(shape, self.n_coils))
        y = A(x.to(torch.complex64))
        # Real and imaginary part have the standard deviation asked for, each.
        sigma = math.sqrt(2) * self.noise * brightest
        return add_complex_noise(y, sigma=sigma, generator=generator) * mask

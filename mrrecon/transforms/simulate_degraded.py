"""A scan made worse: blurred, coarse, noisy, full of holes."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms.transform import MapTransform

from mrrecon.operators import Blur, Downsample, gaussian_psf, super_resolution
from mrrecon.simulate import add_gaussian_noise
from mrrecon.simulate.fields import Number
from mrrecon.transforms.placed import placed

__all__ = ["SimulateDegradedd"]


class SimulateDegradedd(MapTransform):
    """An image (1, x, y, z) as it would be seen worse; itself, cut to multiples of ``factor``, is the label.

    Blurred, averaged over blocks of voxels, with Gaussian noise, and with holes of NaN in place of voxels
    drawn at random. The same seed gives the same noise and holes.

    Args:
        keys: key of the image.
        label_key: key under which the image itself is kept.
        psf: full width at half maximum of the blur in mm, for all axes or for each.
        factor: fine voxels of a block along each axis.
        noise: standard deviation, as a part of the brightest voxel.
        holes: part of the voxels that is lost, from 0 to below 1.
        seed: of noise and holes.
        enabled: whether anything is done; false: images are passed on as they are.
        allow_missing_keys: pass over keys that are not there.

    Raises:
        TypeError: a factor is not a whole number.
        ValueError: an argument is out of its range.
    """

    def __init__(
        self,
        keys: KeysCollection = "image",
        label_key: str = "label",
        *,
        psf: int | float | Sequence[int | float] = 0.0,
        factor: Sequence[int | float] = (1, 1, 1),
        noise: Number = 0.05,
        holes: Number = 0.0,
        seed: int = 0,
        enabled: bool = True,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if not noise >= 0:
            raise ValueError(f"noise={noise} must not be negative")
        if not 0 <= holes < 1:
            raise ValueError(f"holes={holes} must be a part of the voxels, from 0 to below 1")
        self.label_key = label_key
        self.psf = [psf] * len(factor) if isinstance(psf, int | float) else list(psf)
        self.factor = Downsample(factor).factor  # type: ignore[arg-type]  # it refuses other than whole numbers
        self.noise = noise
        self.holes = holes
        self.seed = seed
        self.enabled = enabled

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Make the image worse."""
        d = dict(data)
        for key in self.key_iterator(d) if self.enabled else ():
            image = d[key]
            x = image.as_tensor().float()
            sizes = [n - n % f for n, f in zip(x.shape[1:], self.factor, strict=True)]
            if min(sizes) < 1:
                name = image.meta.get("filename_or_obj", key)
                raise ValueError(
                    f"{name} of {tuple(x.shape[1:])} voxels is smaller than factor={self.factor}"
                )
            x = x[:, : sizes[0], : sizes[1], : sizes[2]].contiguous()
            affine = torch.as_tensor(image.affine, dtype=torch.float64)
            y = x
            if max(self.psf) > 0:
                lengths = [float(length) for length in torch.linalg.vector_norm(affine[:3, :3], dim=0)]
                y = Blur(gaussian_psf(self.psf, spacing=lengths), "reflect")(y)
            if max(self.factor) > 1:
                y = super_resolution(self.factor)(y)
            generator = torch.Generator().manual_seed(self.seed)
            y = add_gaussian_noise(y, sigma=self.noise * float(x.abs().max()), generator=generator)
            if self.holes:
                y[torch.rand(y.shape, generator=generator) < self.holes] = torch.nan
            coarse = affine.clone()
            for axis, f in enumerate(self.factor):
                coarse[:3, 3] += coarse[:3, axis] * (f - 1) / 2
                coarse[:3, axis] *= f
            d[self.label_key] = placed(x, image)
            d[key] = placed(y, image, affine=coarse)
        return d

"""Brain extraction with a given mask, as Tudosiu et al. do it."""

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data.meta_tensor import MetaTensor
from monai.data.utils import affine_to_spacing
from monai.transforms.transform import MapTransform

from mrrecon.simulate.acquisition import gaussian_blur
from mrrecon.simulate.fields import Number

__all__ = ["SuperimposeBrainMaskd"]


class SuperimposeBrainMaskd(MapTransform):
    r"""Brain cut out with a soft rim: $x \cdot \max(m, G_\sigma * m)$ for a binary mask m.

    The scan inside the mask stays as it is. What the mask takes away does not come back: there is no inverse.

    Args:
        keys: keys of the images.
        mask_key: key of the mask, on the grid of the images; above 0 is brain.
        sigma: standard deviation of the rim, in mm; 0 for none.
        allow_missing_keys: pass over keys that are not there.

    Raises:
        ValueError: ``sigma`` is negative, the mask has another shape than the image, or holds no brain.

    Reference:
        Tudosiu et al., Neuromorphologicaly-preserving volumetric data encoding using VQ-VAE, arXiv 2020,
        DOI 10.48550/arXiv.2002.05692

    Example:
        >>> head = {"image": torch.ones(1, 3, 3, 3), "mask": torch.zeros(1, 3, 3, 3)}
        >>> head["mask"][0, 1, 1, 1] = 1
        >>> SuperimposeBrainMaskd("image", sigma=0.0)(head)["image"].sum()
        tensor(1.)
    """

    def __init__(
        self,
        keys: KeysCollection,
        mask_key: str = "mask",
        sigma: Number = 1.5,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if sigma < 0:
            raise ValueError(f"sigma={sigma} mm must not be negative")
        self.mask_key = mask_key
        self.sigma = sigma

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Cut the brain out of the images of the dictionary."""
        d = dict(data)
        for key in self.key_iterator(d):
            image, mask = d[key], d[self.mask_key]
            if mask.shape != image.shape:
                raise ValueError(
                    f"{self.mask_key} has the shape {tuple(mask.shape)}, {key} {tuple(image.shape)}: give a "
                    "mask on the grid of the image"
                )
            mask = mask.as_tensor() if isinstance(mask, MetaTensor) else mask
            binary = (mask > 0).to(image.dtype)
            if not binary.any():
                raise ValueError(f"{self.mask_key} is 0 everywhere: give a mask that is above 0 in the brain")
            spacing = affine_to_spacing(image.affine).tolist() if isinstance(image, MetaTensor) else [1.0] * 3
            blurred = gaussian_blur(binary, sigma=[self.sigma / size for size in spacing])
            d[key] = image * torch.maximum(binary, blurred)
        return d

"""A box around what a scan shows, of as many voxels as a network takes."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data.meta_tensor import MetaTensor
from monai.transforms.inverse import InvertibleTransform
from monai.transforms.spatial.array import SpatialResample
from monai.transforms.transform import MapTransform
from scipy.ndimage import gaussian_filter
from torch import Tensor

__all__ = ["FieldOfViewd", "resample_onto"]

FWHM = 2.3548
"""Full width at half maximum of a Gaussian, in standard deviations."""

SEEN = 0.01
"""Part of the fullest slice that a slice must hold to count: a lone bright voxel moves nothing."""


class FieldOfViewd(MapTransform, InvertibleTransform):
    r"""Images resampled to a box of ``size`` cubic voxels along the axes of the world, around their content.

    The content lies between the first and the last slice, along each axis, in which enough voxels are above
    ``threshold``. Before it is made coarser, an image is smoothed by a Gaussian that turns the width s of its
    voxels into that of the new ones, $\sigma = \sqrt{\mathrm{spacing}^2 - s^2} / 2.355$. Interpolation is
    trilinear, outside of the image is 0.

    The inverse brings an image of the box back to the grid that came in, by trilinear interpolation; outside
    of the box it is 0. What smoothing took away does not come back.

    Args:
        keys: keys of the images, channel first, of intensities between about 0 and 1.
        size: voxels of the box along each axis, or of all its sides.
        spacing: side of a voxel, mm.
        threshold: intensity above which a voxel is content.
        keep_background: whether a voxel of which more than half was exactly 0 becomes 0: the edge of a brain
            whose surroundings were removed stays an edge.
        allow_missing_keys: pass over keys that are not there.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> scan = MetaTensor(torch.rand(1, 20, 20, 10), affine=torch.diag(torch.tensor([1.0, 1, 2, 1])))
        >>> view = FieldOfViewd("image", size=8, spacing=3.0)
        >>> cube = view({"image": scan})
        >>> cube["image"].shape, view.inverse(cube)["image"].shape
        (torch.Size([1, 8, 8, 8]), torch.Size([1, 20, 20, 10]))
    """

    def __init__(
        self,
        keys: KeysCollection,
        size: int | Sequence[int] = 64,
        spacing: int | float = 3.0,
        threshold: int | float = 0.1,
        keep_background: bool = False,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        sides = tuple(size) if isinstance(size, Sequence) else (size,) * 3
        if len(sides) != 3 or min(sides) < 1 or not spacing > 0:
            raise ValueError(
                f"size={size} must be at least 1, or three such numbers, and spacing={spacing} above 0"
            )
        self.size = sides
        self.spacing = float(spacing)
        self.threshold = float(threshold)
        self.keep_background = keep_background
        self.resample = SpatialResample(mode="bilinear", padding_mode="zeros", dtype=np.float32)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Resample the images of the dictionary."""
        d = dict(data)
        for key in self.key_iterator(d):
            image = d[key] if isinstance(d[key], MetaTensor) else MetaTensor(d[key])
            affine = torch.as_tensor(image.affine, dtype=torch.float64)
            middle = affine @ torch.tensor([*self._middle(image), 1.0], dtype=torch.float64)
            half = (torch.tensor(self.size, dtype=torch.float64) - 1) / 2
            box = torch.eye(4, dtype=torch.float64) * self.spacing
            box[:3, 3] = middle[:3] - self.spacing * half
            box[3, 3] = 1
            found: Any = self.resample(smoothed(image, box), dst_affine=box, spatial_size=self.size)
            if self.keep_background:
                shown = MetaTensor((image.as_tensor() != 0).float(), affine=affine)
                part: Any = SpatialResample(mode="bilinear", padding_mode="zeros", dtype=np.float32)(
                    smoothed(shown, box), dst_affine=box, spatial_size=self.size
                )
                found.set_array(found.as_tensor() * (part.as_tensor() > 0.5))
            d[key] = found
        return d

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Bring the images of the dictionary back to the grid that came in."""
        d = dict(data)
        for key in self.key_iterator(d):
            d[key] = self.resample.inverse(d[key])
        return d

    def _middle(self, image: Tensor) -> list[float]:
        """Middle of the content in voxels; that of the image where there is no content."""
        content = torch.as_tensor(image)[0] > self.threshold
        middle = []
        for axis, n in enumerate(content.shape):
            counts = content.sum([other for other in range(3) if other != axis])
            full = (counts > SEEN * counts.max()).nonzero().flatten()
            first, last = (int(full[0]), int(full[-1])) if len(full) else (0, n - 1)
            middle.append((first + last) / 2)
        return middle


def resample_onto(image: MetaTensor, like: MetaTensor) -> MetaTensor:
    """An image on the grid of another, resampled as ``FieldOfViewd`` does.

    Args:
        image: (channels, x, y, z).
        like: whose affine and shape the result has, (channels, x, y, z).

    Example:
        >>> fine = MetaTensor(torch.ones(1, 8, 8, 8), affine=torch.eye(4))
        >>> coarse = MetaTensor(torch.zeros(1, 2, 2, 2), affine=torch.diag(torch.tensor([4.0, 4, 4, 1])))
        >>> resample_onto(fine, coarse).shape
        torch.Size([1, 2, 2, 2])
    """
    affine = torch.as_tensor(like.affine, dtype=torch.float64)
    resample = SpatialResample(mode="bilinear", padding_mode="zeros", dtype=np.float32)
    found: Any = resample(smoothed(image, affine), dst_affine=affine, spatial_size=like.shape[1:])
    return MetaTensor(found)


def smoothed(image: MetaTensor, affine: Tensor) -> MetaTensor:
    """The image, blurred along its axes as far as the widest side of another grid's voxels is wider."""
    sides, wider = (
        torch.as_tensor(a, dtype=torch.float64)[:3, :3].square().sum(0).sqrt().numpy()
        for a in (image.affine, affine)
    )
    sigma = np.sqrt(np.maximum(wider.max() ** 2 - sides**2, 0)) / FWHM / sides
    channels = [
        gaussian_filter(channel.float().cpu().numpy(), sigma, mode="constant", truncate=3.0)
        for channel in torch.as_tensor(image)
    ]
    smooth: Any = image.clone()
    smooth.set_array(torch.from_numpy(np.stack(channels)))
    return smooth

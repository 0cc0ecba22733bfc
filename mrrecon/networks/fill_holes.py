"""Smooth first guess of what stands in the holes of an image."""

import torch
import torch.nn.functional as F
from torch import Tensor

from mrrecon.tensors import crop_to_shape


def fill_holes(y: Tensor, mask: Tensor, n_levels: int = 8) -> Tensor:
    """Smooth first guess: each hole gets the mean of what was observed around it, near things first.

    The image and its mask are halved again and again; a voxel of which nothing was observed takes its value
    from the next coarser level, linearly interpolated. Observed voxels keep theirs.

    Args:
        y: image, (batch, channels, *spatial) with two or three axes. What stands in holes has no influence.
        mask: 1 where observed, 0 where missing, (batch, 1, *spatial).
        n_levels: the most halvings. Holes that are larger get the mean of the coarsest level.

    Returns:
        As ``y``. Zero where nothing was observed at all.

    Example:
        >>> fill_holes(torch.tensor([[[[3.0, 9.0]]]]), torch.tensor([[[[1.0, 0.0]]]]))
        tensor([[[[3., 3.]]]])
    """
    volume = y.dim() == 5
    ys = [torch.where(mask > 0, y, torch.zeros_like(y))]
    masks = [mask]
    while len(ys) <= n_levels and max(ys[-1].shape[2:]) > 1:
        total, share = ys[-1], masks[-1]
        frame = [0, total.shape[-1] % 2, 0, total.shape[-2] % 2]
        if volume:
            frame += [0, total.shape[-3] % 2]
            total, share = F.avg_pool3d(F.pad(total, frame), 2), F.avg_pool3d(F.pad(share, frame), 2)
        else:
            total, share = F.avg_pool2d(F.pad(total, frame), 2), F.avg_pool2d(F.pad(share, frame), 2)
        # A quarter of the voxels is enough to believe their mean; less is mixed with the coarser level.
        weight = (4 * share).clamp(max=1.0)
        ys.append(total / share.clamp(min=1e-6) * weight)
        masks.append(weight)
    guess = ys[-1] / masks[-1].clamp(min=1e-6)
    mode = "trilinear" if volume else "bilinear"
    for level in range(len(ys) - 2, -1, -1):
        guess = F.interpolate(guess, scale_factor=2.0, mode=mode, align_corners=False)
        guess = ys[level] + (1 - masks[level]) * crop_to_shape(guess, list(ys[level].shape[2:]))
    return guess

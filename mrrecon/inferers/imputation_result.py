"""A scan whose holes were filled, and how sure its voxels are."""

from dataclasses import dataclass

import torch
from torch import Tensor

from mrrecon.inferers.solution import Solution

__all__ = ["Imputation", "mean_and_std"]


@dataclass(frozen=True)
class Imputation(Solution):
    """A scan without holes, and how sure its voxels are.

    Args:
        seen: True where a voxel was observed, of the shape of the image.
        std: standard deviation of the completions, voxel by voxel, 0 where a voxel was observed and kept;
            None where there are fewer than two.
        completions: (batch, n, *space), of which ``image`` is the mean; None where there are none.

    Example:
        >>> Imputation(torch.ones(1, 1, 2), torch.ones(1, 1, 2), (), 0.0, "Mask").std is None
        True
    """

    seen: Tensor | None = None
    std: Tensor | None = None
    completions: Tensor | None = None


def mean_and_std(
    images: Tensor, n: int, *, temperature: float
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Mean, standard deviation and completions of an image; the completions are those given, changed.

    Args:
        images: ``n`` completions (n, *space), or one that stands for all where nothing is uncertain.
        n: how many completions are wanted; 0: an image without them.
        temperature: what the differences from the mean are multiplied by.

    Returns:
        The mean, (*space); the standard deviation, None of fewer than two; the completions, None of none.

    Example:
        >>> mean, std, completions = mean_and_std(torch.tensor([[1.0], [3.0]]), 2, temperature=0.5)
        >>> mean.item(), round(std.item(), 3), completions.flatten().tolist()
        (2.0, 0.707, [1.5, 2.5])
    """
    if n == 0 or len(images) < n:
        image = images[0]
        std = torch.zeros_like(image) if n > 1 else None
        return image, std, images.expand(n, *image.shape) if n else None
    if n == 1:
        return images[0], None, images
    variance, mean = torch.var_mean(images, 0)
    completions = images.sub_(mean).mul_(temperature).add_(mean)
    return mean, variance.sqrt_().mul_(temperature), completions

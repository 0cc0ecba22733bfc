"""What every comparison of an image with its reference asks of the two."""

import math
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["check_data_range", "check_finite", "check_pair", "squared_distance"]

# Voxels compared at once: fresh memory for whole images costs more than the arithmetic.
_PART = 2**19


def check_pair(pred: Tensor, target: Tensor) -> None:
    """Pass in silence if the two images can be compared voxel by voxel.

    Args:
        pred: image, (batch, channels, *spatial).
        target: reference.

    Raises:
        TypeError: one of the two is not of a floating-point type.
        ValueError: their shapes or devices differ, or there is no spatial axis, or no voxel.
    """
    for name, image in (("pred", pred), ("target", target)):
        if not image.is_floating_point():
            raise TypeError(
                f"{name} must be of a floating-point type, got {image.dtype}: give {name}.float()"
            )
    if pred.shape != target.shape:
        raise ValueError(
            f"pred and target must have one shape, got {list(pred.shape)} and {list(target.shape)}"
        )
    if pred.device != target.device:
        raise ValueError(f"pred and target must be on one device, got {pred.device} and {target.device}")
    if pred.dim() < 3:
        raise ValueError(
            f"pred must have the axes batch, channels and space, got the shape {list(pred.shape)}"
        )
    if pred.numel() == 0:
        raise ValueError(f"pred must have at least one voxel, got the shape {list(pred.shape)}")


def check_data_range(data_range: float) -> None:
    """Pass in silence if ``data_range`` is a positive finite number.

    Args:
        data_range: the greatest possible intensity minus the least.

    Raises:
        ValueError: it is not.
    """
    if not (math.isfinite(data_range) and data_range > 0):
        raise ValueError(
            f"data_range={data_range} must be positive and finite: the greatest intensity minus the least"
        )


def check_finite(summary: Tensor, images: Mapping[str, Tensor]) -> None:
    """Pass in silence if ``summary``, to which every voxel of the images contributes, is finite.

    Looking at the summary costs nothing; the images are searched only for the error message.

    Args:
        summary: sums or means over the voxels, any shape.
        images: the images, by the names to use in the message.

    Raises:
        ValueError: ``summary`` is not finite: an image holds NaN or infinity, or squares left the range.
    """
    if summary.isfinite().all():
        return
    for name, image in images.items():
        n_bad = int((~image.isfinite()).sum())
        if n_bad:
            found = f"NaN or infinity in {n_bad} of {image.numel()} voxels"
            raise ValueError(f"{name} must be finite, got {found}")
    raise ValueError(
        f"the squares of {' and '.join(images)} leave the range of {summary.dtype}: "
        "scale both, and data_range, by one number"
    )


def squared_distance(
    x: Float[Tensor, "batch channels *spatial"],
    y: Float[Tensor, "batch channels *spatial"],
    *,
    unit: float = 1.0,
    dtype: torch.dtype | None = None,
) -> Float[Tensor, " batch"]:
    r"""Sum of squared differences of each image, $\sum ((x - y) / u)^2$.

    Args:
        x: images.
        y: as many others.
        unit: u.
        dtype: to compute in; None: that of the images.

    Example:
        >>> squared_distance(torch.tensor([[[0.0, 3.0]]]), torch.tensor([[[4.0, 0.0]]]))
        tensor([25.])
    """
    parts = zip(x.flatten(1).split(_PART, 1), y.flatten(1).split(_PART, 1), strict=True)
    sums = [((a.to(dtype or a.dtype) - b.to(dtype or b.dtype)) / unit).square().sum(1) for a, b in parts]
    return torch.stack(sums).sum(0)

"""How much is measured: the count of samples behind an acceleration."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool
from torch import Tensor

from mrrecon.simulate.fields import Number

__all__ = ["acceleration_of", "centred_block", "count_samples", "mask_along"]


def acceleration_of(mask: Bool[Tensor, "*space"]) -> float:
    """All elements of a mask divided by those that are measured.

    Raises:
        ValueError: nothing is measured.

    Example:
        >>> acceleration_of(torch.tensor([True, False, False, False]))
        4.0
    """
    measured = int(mask.sum())
    if not measured:
        raise ValueError(f"mask of shape {tuple(mask.shape)} is empty: it has no acceleration")
    return mask.numel() / measured


def count_samples(total: int, *, acceleration: Number, centre: int = 0, what: str = "samples") -> int:
    """Number of samples that an acceleration leaves, rounded to the nearest.

    Args:
        total: number of samples of a full measurement.
        acceleration: full / measured, at least 1.
        centre: how many of them are measured in any case.
        what: plural of a sample, for the message.

    Raises:
        ValueError: ``acceleration`` is below 1, or leaves nothing, or less than the centre.

    Example:
        >>> count_samples(256, acceleration=3)
        85
    """
    if not 1 <= acceleration < float("inf"):
        raise ValueError(f"acceleration={acceleration} must be a number from 1 up")
    count = round(total / acceleration)
    if not 0 <= centre <= count or not count:
        raise ValueError(
            f"acceleration={acceleration} leaves {count} of {total} {what}, which must be at least 1 and not "
            f"fewer than the {centre} in the centre"
        )
    return count


def centred_block(shape: Sequence[int], size: Sequence[int]) -> Bool[Tensor, "*space"]:
    """True in a block around the zero frequency, which lies at index n // 2 of every axis.

    Args:
        shape: shape of the k-space.
        size: side lengths of the block.

    Raises:
        ValueError: the block has another number of axes, is negative or larger than the k-space.

    Example:
        >>> centred_block([5], [3])
        tensor([False,  True,  True,  True, False])
    """
    if len(size) != len(shape) or not all(0 <= side <= n for side, n in zip(size, shape, strict=False)):
        raise ValueError(f"centre={tuple(size)} must be a block within a k-space of shape {tuple(shape)}")
    block = torch.zeros(tuple(shape), dtype=torch.bool)
    starts = [n // 2 - side // 2 for side, n in zip(size, shape, strict=True)]
    block[tuple(slice(start, start + side) for start, side in zip(starts, size, strict=True))] = True
    return block


def mask_along(axis: int, chosen: Bool[Tensor, " n"], shape: Sequence[int]) -> Bool[Tensor, "*space"]:
    """Mask of a shape that varies along one axis only.

    Example:
        >>> mask_along(-1, torch.tensor([True, False]), [2, 2])
        tensor([[ True, False],
                [ True, False]])
    """
    along = [1] * len(shape)
    along[axis] = -1
    return chosen.reshape(along).expand(tuple(shape)).clone()

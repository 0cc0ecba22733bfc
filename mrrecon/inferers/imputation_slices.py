"""Completions of a volume whose slices are completed one by one."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mrrecon.inferers.imputation_baselines import check_slices
from mrrecon.inferers.imputation_samplers import Sampler, one_by_one
from mrrecon.tensors import crop_to_shape

__all__ = ["completions_of_slices", "framed_in", "generator_of", "sides"]


def completions_of_slices(
    sampler: Sampler,
    x: Tensor,
    *,
    n: int,
    axis: int,
    spatial_size: Sequence[int] | None,
    batch_size: int,
    seed: int,
    whole_too: bool,
    on_draw: Callable[[int, int], None],
) -> Tensor:
    """Completions of a volume, of which no slice knows of its neighbours.

    The random numbers of a slice follow from its number and the seed, whatever it is in a batch with.

    Args:
        sampler: of the network, for slices.
        x: image and mask, (2, x, y, z).
        n: how many, at least 1.
        axis: across which the slices lie.
        spatial_size: as for ``framed_in``.
        batch_size: slices that the network gets at once.
        seed: another seed, other completions.
        whole_too: whether slices without holes go through the network as well.
        on_draw: called after each draw of a batch with the number of draws that are done, and of all.

    Returns:
        (n, x, y, z).

    Raises:
        ValueError: a slice has no observed voxel, or is larger than ``spatial_size``.
    """
    slices = x.movedim(axis + 1, 0)
    check_slices(slices[:, 1])
    whole = slices[:, 1].flatten(1).all(1)
    chosen = [index for index in range(len(slices)) if whole_too or not bool(whole[index])]
    images = x.new_empty(n, len(slices), *slices.shape[2:])
    images[:] = slices[:, 0]
    batches = [chosen[first : first + batch_size] for first in range(0, len(chosen), batch_size)]
    for number, batch in enumerate(batches):
        generators = [generator_of(x, seed, index) for index in batch]
        framed = framed_in(slices[batch].contiguous(), spatial_size)
        for index, drawn in enumerate(one_by_one(sampler, framed, generators, n)):
            images[index, batch] = crop_to_shape(drawn, list(slices.shape[2:]))[:, 0].float()
            on_draw(number * n + index + 1, len(batches) * n)
    return images.movedim(1, axis + 1)


def framed_in(x: Tensor, spatial_size: Sequence[int] | None) -> Tensor:
    """Images and masks in the middle of the one size that a network takes, nothing observed around them.

    Args:
        x: images and masks, (batch, 2, *spatial).
        spatial_size: the size; None: the network takes any.

    Raises:
        ValueError: they are larger.

    Example:
        >>> framed_in(torch.ones(1, 2, 1, 3), [3, 4]).sum((0, 1, 3))
        tensor([0., 6., 0.])
    """
    if spatial_size is None:
        return x
    shape = list(x.shape[2:])
    if len(spatial_size) != len(shape) or any(n > most for n, most in zip(shape, spatial_size, strict=True)):
        raise ValueError(
            f"the network works at {sides(spatial_size)} voxels, and got {sides(shape)}: crop the scan, or "
            "train one for this size"
        )
    framed = x.new_zeros(*x.shape[:2], *spatial_size)
    crop_to_shape(framed, shape).copy_(x)
    return framed


def generator_of(x: Tensor, seed: int, number: int = 0) -> torch.Generator:
    """A source of random numbers on the device of ``x``, of its own for each number."""
    return torch.Generator(x.device).manual_seed(seed * 1_000_003 + number)


def sides(shape: Sequence[int]) -> str:
    """A shape in words: ``"2 x 3"``."""
    return " x ".join(str(n) for n in shape)

"""Completions of a volume, in one tile or in several that overlap and agree."""

import itertools
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from mrrecon.inferers.imputation_samplers import CodeSampler, Sampler, in_pairs, window_of
from mrrecon.tensors import crop_to_shape

__all__ = ["completions_in_tiles", "tile_starts"]


def tile_starts(size: int, tile: int, *, step: int, overlap: float) -> list[int]:
    """Where tiles begin that cover an axis.

    Args:
        size: voxels of the axis, a multiple of ``step``.
        tile: voxels of a tile, another one, at most ``size``.
        step: where tiles may begin.
        overlap: least part that a tile shares with the next, 0 to below 1.

    Example:
        >>> tile_starts(80, 32, step=16, overlap=0.5)
        [0, 16, 32, 48]
    """
    move = max(int(tile * (1 - overlap)) // step, 1) * step
    return [*range(0, size - tile, move), size - tile]


def completions_in_tiles(
    sampler: Sampler,
    x: Tensor,
    *,
    n: int,
    roi_size: Sequence[int] | None,
    fixed: bool = False,
    overlap: float,
    generator: torch.Generator,
    on_draw: Callable[[int, int], None],
) -> Tensor:
    """Completions of a volume, blended by Gaussian weights from tiles.

    The random numbers of a completion are drawn once, for the whole volume, and a tile gets those of its
    place. With numbers of their own, two tiles would be independent where they overlap, and what is
    blended would vary too little there.

    Args:
        sampler: of the network.
        x: image and mask, (1, 2, x, y, z).
        n: how many, at least 1.
        roi_size: voxels of a tile along each axis, multiples of what the network divides by; None: one tile.
        fixed: whether the network takes tiles of ``roi_size`` alone. If not, a shorter axis is not divided.
        overlap: least part of a tile that it shares with the next, 0 to below 1.
        generator: source of the random numbers.
        on_draw: called after each draw of a tile with the number of draws that are done, and of all.

    Returns:
        (n, x, y, z).

    Raises:
        ValueError: a size does not fit, or nothing was observed in a tile.
    """
    shape = list(x.shape[2:])
    whole = [n_voxels + (-n_voxels) % sampler.multiple for n_voxels in shape]
    tile = list(roi_size) if fixed and roi_size is not None else _least(roi_size or whole, whole)
    if any(side < 1 or side % sampler.multiple for side in tile):
        raise ValueError(
            f"roi_size={tuple(tile)} must be multiples of {sampler.multiple}, by which the network divides "
            "the volume"
        )
    step = [sampler.multiple] * 3
    # A code may have fewer places than the network divides by, also where one tile is the whole volume.
    if tile != whole or isinstance(sampler, CodeSampler):
        step = sampler.step(sampler.read(x.new_zeros(1, 2, *tile)), tile)
    size = [
        max(side, n_voxels + (-n_voxels) % one) for side, n_voxels, one in zip(tile, shape, step, strict=True)
    ]
    padded = x.new_zeros(1, 2, *size)
    crop_to_shape(padded, shape).copy_(x)
    starts = [
        tile_starts(n_voxels, side, step=one, overlap=overlap)
        for n_voxels, side, one in zip(size, tile, step, strict=True)
    ]
    weight = _weight(tile).to(x.device)
    total, weights = x.new_zeros(n, *size), x.new_zeros(size)
    fields: list[Any] | None = None
    done, draws = 0, n * math.prod(len(of_axis) for of_axis in starts)
    for start in itertools.product(*starts):
        part = tuple(slice(first, first + side) for first, side in zip(start, tile, strict=True))
        window = window_of(padded, start, tile)
        if not bool(window[:, 1].any()):
            raise ValueError(
                f"roi_size={tuple(tile)}: nothing was observed in the tile at {start}: give larger tiles"
            )
        state = sampler.read(window)
        if fields is None:
            fields = list(in_pairs(partial(sampler.fields, state, size, step, generator), n))
        weights[part] += weight
        for index in range(n):
            noise: Any = sampler.window(fields[index], start, tile, step)
            drawn = sampler.draw(state, noise)
            total[index][part] += weight * drawn[0, 0].float()
            done += 1
            on_draw(done, draws)
    total /= weights
    return crop_to_shape(total[:, None], shape)[:, 0]


def _least(first: Sequence[int], second: Sequence[int]) -> list[int]:
    return [min(pair) for pair in zip(first, second, strict=True)]


def _weight(tile: Sequence[int]) -> Tensor:
    """Gaussian of an eighth of the tile, nowhere so small that a division by it loses precision."""
    weight = torch.ones(())
    for side in tile:
        place = (torch.arange(side) - (side - 1) / 2) / (side / 8)
        weight = weight[..., None] * torch.exp(-0.5 * place.square()).clamp(min=1e-3)
    return weight

"""Holes of a volume filled by a network for slices, in planes of two directions."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from mrrecon.inferers.imputation_samplers import in_pairs

__all__ = ["completions_in_planes", "plane_axes"]

COHERENCE = 8
"""Planes from one set of random numbers to the next."""

N_PROBES = 9
"""Planes of each direction that are looked at before it is chosen."""


def plane_axes(seen: Tensor) -> list[int]:
    """The two axes across which planes have the smallest holes, best first.

    Where whole slices are missing, those are the axes within the slices: every plane across them shows a
    line of each slice that is there.

    Args:
        seen: True where a voxel was observed, (x, y, z).

    Example:
        >>> seen = torch.zeros(12, 12, 12, dtype=torch.bool)
        >>> seen[:, :, ::6] = True
        >>> plane_axes(seen)
        [0, 1]
    """
    holes = [_mean_distance(seen.movedim(axis, 0)) for axis in range(3)]
    return sorted(range(3), key=lambda axis: (round(holes[axis], 3), axis))[:2]


def _mean_distance(planes: Tensor) -> float:
    """Mean distance of missing voxels to the next observed one in their plane, in voxels."""
    probes = planes[torch.linspace(0, len(planes) - 1, min(N_PROBES, len(planes))).round().long()]
    far = float(sum(probes.shape[1:]))
    distances = []
    for plane in probes.cpu():
        missing = ~plane
        if not bool(plane.any()):
            distances.append(far)
        elif bool(missing.any()):
            distances.append(float(distance_transform_edt(missing.numpy())[missing.numpy()].mean()))
    return sum(distances) / len(distances) if distances else 0.0


def completions_in_planes(
    sampler: Any,
    x: Tensor,
    *,
    n: int,
    axes: Sequence[int],
    batch_size: int,
    seed: int,
    on_draw: Callable[[int, int], None],
) -> Tensor:
    """Completions of a volume, each the mean of those of its planes across each of some axes.

    The random numbers of a completion change slowly from plane to plane, so that neighbours go together. A
    plane in which nothing was observed has no say; what lies in such planes alone stays 0.

    Args:
        sampler: of a network for slices.
        x: image and mask, (2, x, y, z).
        n: number of completions.
        axes: axes across which the planes lie.
        batch_size: planes that the network gets at once.
        seed: another seed, other completions.
        on_draw: called after each draw with their number and how many there will be.

    Returns:
        (n, x, y, z).
    """
    images, weights = x.new_zeros(n, *x.shape[1:]), x.new_zeros(x.shape[1:])
    total = n * sum(-(-x.shape[axis + 1] // batch_size) for axis in axes)
    done = 0
    for axis in axes:
        planes, results = x.movedim(axis + 1, 0), images.movedim(axis + 1, 1)
        heard = planes[:, 1].flatten(1).any(1).to(x.dtype)[:, None, None]
        weights.movedim(axis, 0).add_(heard)
        for first in range(0, len(planes), batch_size):
            batch = planes[first : first + batch_size].contiguous()
            numbers = range(first, first + len(batch))
            state, part = sampler.read(batch), heard[first : first + batch_size]
            before, after = (_generators(x, seed, axis, numbers, step) for step in (0, 1))
            draw = partial(_noise, sampler, state, before, after, numbers)
            for index, noise in enumerate(in_pairs(draw, n)):
                results[index, numbers.start : numbers.stop] += sampler.draw(state, noise)[:, 0] * part
                done += 1
                on_draw(done, total)
    return images.div_(weights.clamp(min=1))


def _generators(x: Tensor, seed: int, axis: int, numbers: range, step: int) -> list[torch.Generator]:
    """A source for each plane; those between the same two sets of random numbers have equal ones."""
    seeds = [(seed * 3 + axis) * 1_000_003 + number // COHERENCE + step for number in numbers]
    return [torch.Generator(x.device).manual_seed(one) for one in seeds]


def _noise(sampler: Any, state: Any, before: Any, after: Any, numbers: range) -> Any:
    """Random numbers for a completion of the planes of a batch."""
    return _between(sampler.noise(state, before), sampler.noise(state, after), numbers)


def _between(before: Any, after: Any, numbers: range) -> Any:
    """Normal numbers that pass from one set to the next, with variance 1 on the way."""
    if isinstance(before, list) and before and isinstance(before[0], Tensor):
        return [_between(a, b, numbers) for a, b in zip(before, after, strict=True)]
    if not isinstance(before, Tensor):
        return before  # sources of a network that draws by itself, or no random numbers at all
    angles = torch.tensor([0.5 * math.pi * (number % COHERENCE) / COHERENCE for number in numbers])
    weights = angles.to(before.device, before.dtype).reshape(-1, *[1] * (before.ndim - 1))
    return weights.cos() * before + weights.sin() * after

"""Which parallel lines or slices of an image are there, at any angle."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool
from torch import Tensor

from mrrecon.simulate.fields import Number, draw_uniform
from mrrecon.simulate.sampling import count_samples

__all__ = ["random_pixels", "rotated_lines", "rotated_slices"]


def random_pixels(
    shape: Sequence[int], *, acceleration: Number, generator: torch.Generator
) -> Bool[Tensor, "*space"]:
    """Mask of pixels drawn with equal chances.

    Args:
        shape: shape of the image.
        acceleration: all pixels / pixels that are there, at least 1. The number is exact, to rounding.
        generator: source of the random numbers.

    Raises:
        ValueError: ``acceleration`` is below 1 or leaves nothing.

    Example:
        >>> random_pixels([4, 5], acceleration=10, generator=torch.Generator()).sum()
        tensor(2)
    """
    total = math.prod(shape)
    count = count_samples(total, acceleration=acceleration, what="pixels")
    order = torch.randperm(total, generator=generator, device=generator.device)
    return (order.cpu() < count).reshape(tuple(shape))


def rotated_lines(
    shape: Sequence[int],
    *,
    acceleration: Number = 6,
    max_angle: Number = 90,
    generator: torch.Generator,
) -> Bool[Tensor, "height width"]:
    """Mask of an image of which parallel lines, a pixel thick, are there.

    The lines are ``acceleration`` pixels apart, their angle and offset are random, and of the pixels those
    nearest to a line are there, as many as were asked for.

    Args:
        shape: height and width.
        acceleration: all pixels / pixels that are there, at least 1. Six leaves one line of six. The number
            of pixels is exact, to rounding.
        max_angle: largest angle between the lines and the rows, in degrees, from 0 to 90.
        generator: source of the random numbers.

    Raises:
        ValueError: the image has not two axes, ``acceleration`` is below 1 or leaves nothing, or the angle is
            out of range.

    Reference:
        Dalca et al., Unsupervised data imputation via variational inference of deep subspaces, 2019,
        arXiv:1903.03503

    Example:
        >>> rotated_lines([6, 3], acceleration=3, max_angle=0, generator=torch.Generator()).sum()
        tensor(6)
    """
    _check(shape, 2, max_angle)
    angle = math.radians(draw_uniform(-max_angle, max_angle, generator=generator))
    return _nearest(shape, (math.cos(angle), math.sin(angle)), acceleration=acceleration, generator=generator)


def rotated_slices(
    shape: Sequence[int],
    *,
    acceleration: Number = 6,
    max_angle: Number = 15,
    generator: torch.Generator,
) -> Bool[Tensor, "depth height width"]:
    """Mask of a volume of which parallel slices, a voxel thick, are there.

    They begin as slices of the first axis, and are tilted towards the second and the third by random angles.

    Args:
        shape: depth, height and width.
        acceleration: all voxels / voxels that are there, at least 1. Six leaves one slice of six. The
            number of voxels is exact, to rounding.
        max_angle: largest angle of either tilt, in degrees, from 0 to 90.
        generator: source of the random numbers.

    Raises:
        ValueError: the volume has not three axes, ``acceleration`` is below 1 or leaves nothing, or the angle
            is out of range.

    Reference:
        Dalca et al., Unsupervised data imputation via variational inference of deep subspaces, 2019,
        arXiv:1903.03503

    Example:
        >>> rotated_slices([12, 4, 4], generator=torch.Generator()).sum()
        tensor(32)
    """
    _check(shape, 3, max_angle)
    a, b = (math.radians(draw_uniform(-max_angle, max_angle, generator=generator)) for _ in range(2))
    normal = (math.cos(a) * math.cos(b), math.sin(a) * math.cos(b), math.sin(b))
    return _nearest(shape, normal, acceleration=acceleration, generator=generator)


def _check(shape: Sequence[int], n_axes: int, max_angle: Number) -> None:
    if len(shape) != n_axes:
        raise ValueError(f"shape={tuple(shape)} must have {n_axes} axes")
    if not 0 <= max_angle <= 90:
        raise ValueError(f"max_angle={max_angle} must lie between 0 and 90 degrees")


def _nearest(
    shape: Sequence[int], normal: Sequence[float], *, acceleration: Number, generator: torch.Generator
) -> Tensor:
    """The voxels nearest to planes with that normal."""
    count = count_samples(math.prod(shape), acceleration=acceleration, what="voxels")
    position = torch.tensor(draw_uniform(0, acceleration, generator=generator), dtype=torch.float64)
    for axis, (size, slope) in enumerate(zip(shape, normal, strict=True)):
        along = [1] * len(shape)
        along[axis] = -1
        position = position + slope * (torch.arange(size, dtype=torch.float64) - size // 2).reshape(along)
    position = position / acceleration
    distance = (position - position.round()).abs().flatten()
    # Of voxels that lie equally near, whole lines are taken before the next one is begun: rounding makes them
    # equal, a stable order keeps them together.
    nearest = (distance * 2**30).round().argsort(stable=True)[:count]
    mask = torch.zeros(len(distance), dtype=torch.bool)
    mask[nearest] = True
    return mask.reshape(tuple(shape))

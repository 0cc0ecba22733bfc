"""Which lines of k-space, or which slices, are measured."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool
from torch import Tensor

from mrrecon.simulate.fields import Number
from mrrecon.simulate.sampling import centred_block, count_samples, mask_along

__all__ = ["equispaced_lines", "missing_slices", "uniform_lines", "variable_density_lines"]


def uniform_lines(
    shape: Sequence[int],
    *,
    acceleration: Number,
    centre: int = 0,
    axis: int = -1,
    generator: torch.Generator,
) -> Bool[Tensor, "*space"]:
    """Mask of lines drawn with equal chances, and all lines around the zero frequency.

    Args:
        shape: shape of the k-space.
        acceleration: all lines / measured lines, at least 1. The number of lines is exact, to rounding.
        centre: number of lines around the zero frequency that are measured in any case.
        axis: axis along which one line follows the other.
        generator: source of the random numbers.

    Raises:
        ValueError: ``acceleration`` is below 1 or leaves fewer lines than the centre.

    Example:
        >>> uniform_lines([4, 8], acceleration=4, centre=2, generator=torch.Generator())[0].nonzero().T
        tensor([[3, 4]])
    """
    return variable_density_lines(
        shape, acceleration=acceleration, centre=centre, power=0, axis=axis, generator=generator
    )


def variable_density_lines(
    shape: Sequence[int],
    *,
    acceleration: Number,
    centre: int = 0,
    power: Number = 3,
    axis: int = -1,
    generator: torch.Generator,
) -> Bool[Tensor, "*space"]:
    r"""Mask of lines drawn the more often the lower their frequency, and all lines around the zero frequency.

    Lines are drawn one after the other without putting back, each with a chance proportional to

    $$ (1 - |k| / k_{\max})^p $$

    Args:
        shape: shape of the k-space.
        acceleration: all lines / measured lines, at least 1. The number of lines is exact, to rounding.
        centre: number of lines around the zero frequency that are measured in any case.
        power: p, not negative; 0 gives every line the same chance.
        axis: axis along which one line follows the other.
        generator: source of the random numbers.

    Raises:
        ValueError: ``acceleration`` is below 1 or leaves fewer lines than the centre, or p is negative.

    Reference:
        Lustig et al., Sparse MRI: the application of compressed sensing for rapid MR imaging, Magnetic
        Resonance in Medicine 2007, DOI 10.1002/mrm.21391

    Example:
        >>> mask = variable_density_lines([4, 64], acceleration=4, centre=8, generator=torch.Generator())
        >>> mask[0].sum()
        tensor(16)
    """
    if not 0 <= power < math.inf:
        raise ValueError(f"power={power} must be a number from 0 up")
    n, chosen, left = _begin(shape, axis, acceleration, centre)
    if left:
        # The outermost line keeps a chance.
        distance = (torch.arange(n) - n // 2).abs().double() / (n // 2 + 1)
        chances = ((1 - distance) ** power).masked_fill(chosen, 0).to(generator.device)
        chosen[torch.multinomial(chances, left, generator=generator).cpu()] = True
    return mask_along(axis, chosen, shape)


def equispaced_lines(
    shape: Sequence[int],
    *,
    acceleration: Number,
    centre: int = 0,
    axis: int = -1,
    offset: int | None = None,
    generator: torch.Generator | None = None,
) -> Bool[Tensor, "*space"]:
    """Mask of lines at equal distances, and all lines around the zero frequency.

    The distances count the lines outside the centre; where they would be fractions, they alternate between
    the two whole numbers next to them.

    Args:
        shape: shape of the k-space.
        acceleration: all lines / measured lines, at least 1. The number of lines is exact, to rounding.
        centre: number of lines around the zero frequency that are measured in any case.
        axis: axis along which one line follows the other.
        offset: first line outside the centre that is measured; drawn from those that differ if None.
        generator: source of the random offset.

    Raises:
        ValueError: ``acceleration`` is below 1 or leaves fewer lines than the centre, or there is neither
            an offset nor a generator.

    Example:
        >>> equispaced_lines([2, 6], acceleration=3, offset=1)[0]
        tensor([False,  True, False, False,  True, False])
    """
    if (offset is None) == (generator is None):
        raise ValueError("one of offset and generator must be given: the first line, or what draws it")
    _, chosen, left = _begin(shape, axis, acceleration, centre)
    outside = (~chosen).nonzero()[:, 0]
    if left:
        if generator is not None:
            distance = math.ceil(len(outside) / left)
            offset = int(torch.randint(distance, (), generator=generator, device=generator.device))
        places = (torch.arange(left) * len(outside)) // left + (offset or 0)
        chosen[outside[places % len(outside)]] = True
    return mask_along(axis, chosen, shape)


def missing_slices(
    shape: Sequence[int],
    *,
    acceleration: Number = 6,
    axis: int = -3,
    offset: int | None = None,
    generator: torch.Generator | None = None,
) -> Bool[Tensor, "*space"]:
    """Mask of a volume of which slices at equal distances are there: a scan with gaps.

    Args:
        shape: shape of the volume.
        acceleration: all slices / slices that are there, at least 1. Six leaves one of six. The number of
            slices is exact, to rounding.
        axis: axis along which one slice follows the other.
        offset: first slice that is there; drawn if None.
        generator: source of the random offset.

    Raises:
        ValueError: ``acceleration`` is below 1 or leaves no slice, or there is neither an offset nor a
            generator.

    Reference:
        Dalca et al., Unsupervised data imputation via variational inference of deep subspaces, 2019,
        arXiv:1903.03503

    Example:
        >>> missing_slices([12, 2, 2], offset=2)[:, 0, 0].nonzero()[:, 0]
        tensor([2, 8])
    """
    return equispaced_lines(shape, acceleration=acceleration, axis=axis, offset=offset, generator=generator)


def _begin(shape: Sequence[int], axis: int, acceleration: Number, centre: int) -> tuple[int, Tensor, int]:
    """Number of lines, those in the centre, and how many more are to be chosen."""
    if not -len(shape) <= axis < len(shape):
        raise ValueError(f"axis={axis} must be one of the {len(shape)} axes of shape={tuple(shape)}")
    n = shape[axis]
    count = count_samples(n, acceleration=acceleration, centre=centre, what="lines")
    return n, centred_block([n], [centre]), count - centre

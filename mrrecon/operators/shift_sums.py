"""Convolution as a sum of shifted images, every few voxels if wanted, and its adjoint: for few taps."""

import math
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor

from mrrecon.operators.edges import Boundary, extend, fold

__all__ = ["ShiftSum", "count_taps", "plan_shift_sums", "separate", "shift_sum", "shift_sum_adjoint"]


class ShiftSum(NamedTuple):
    """One sum: y_i = sum over j of w_j x_{f i + o + c - j} along the last axes, with c half of ``shape``.

    Args:
        shape: number of taps along each axis.
        taps: places j and weights w_j of the taps that are not 0.
        factors: f of each axis, the distance of the results in voxels.
        offsets: o of each axis, the voxel of the first result.
    """

    shape: tuple[int, ...]
    taps: list[tuple[tuple[int, ...], float]]
    factors: tuple[int, ...]
    offsets: tuple[int, ...]

    @property
    def margins(self) -> list[tuple[int, int]]:
        """Numbers of voxels that are needed before and after the image along each axis."""
        return [(n - 1 - n // 2, n // 2) for n in self.shape]

    def sizes(self, shape: Sequence[int]) -> list[int]:
        """Number of results along the last axes of an image."""
        sizes = shape[-len(self.shape) :]
        return [
            -(-(n - offset) // factor)
            for n, factor, offset in zip(sizes, self.factors, self.offsets, strict=True)
        ]

    def window(self, tap: tuple[int, ...], sizes: Sequence[int]) -> tuple[slice, ...]:
        """Where in the image with its margins the voxels stand that a tap meets."""
        starts = [o + n - 1 - j for o, n, j in zip(self.offsets, self.shape, tap, strict=True)]
        return tuple(
            slice(start, start + f * (size - 1) + 1, f)
            for start, f, size in zip(starts, self.factors, sizes, strict=True)
        )


def plan_shift_sums(psf: Tensor, factors: Sequence[int], offsets: Sequence[int]) -> list[ShiftSum]:
    """Sums that blur with ``psf`` and keep every ``factors``-th voxel from ``offsets`` on.

    One sum an axis where ``psf`` is an outer product of lines, else one for all axes together.
    """
    lines = separate(psf)
    if lines is None:
        return [_sum_of(psf, factors, offsets)]
    sums = []
    for axis, line in enumerate(lines):
        one = [1] * psf.dim()
        one[axis] = len(line)
        own_factors, own_offsets = [1] * psf.dim(), [0] * psf.dim()
        own_factors[axis], own_offsets[axis] = factors[axis], offsets[axis]
        sums.append(_sum_of(line.reshape(one), own_factors, own_offsets))
    idle = (1,) * psf.dim()
    return [s for s in sums if s.factors != idle or s.taps != [((0,) * psf.dim(), 1.0)]]


def count_taps(sums: Sequence[ShiftSum]) -> int:
    """Number of images that are added."""
    return sum(len(one.taps) for one in sums)


def separate(psf: Tensor) -> list[Tensor] | None:
    """Lines, one an axis, whose outer product is ``psf`` to rounding, or None."""
    index = int(psf.abs().argmax())
    peak = [index // math.prod(psf.shape[axis + 1 :]) % n for axis, n in enumerate(psf.shape)]
    height = psf[tuple(peak)]
    lines = []
    for axis in range(psf.dim()):
        line = psf[tuple(slice(None) if other == axis else place for other, place in enumerate(peak))]
        lines.append(line / height if axis else line)
    whole = lines[0]
    for line in lines[1:]:
        whole = whole[..., None] * line
    rounding = 8 * torch.finfo(psf.dtype).eps * height.abs()
    return lines if (whole - psf).abs().max() <= rounding else None


def shift_sum(x: Tensor, one: ShiftSum, boundary: Boundary) -> Tensor:
    """The sum for an image ``x``."""
    sizes = one.sizes(x.shape)
    wide = extend(x, one.margins, boundary)
    y = x.new_zeros((*x.shape[: x.dim() - len(sizes)], *sizes))
    for tap, weight in one.taps:
        y.add_(_part(wide, one.window(tap, sizes)), alpha=weight)
    return y


def shift_sum_adjoint(y: Tensor, one: ShiftSum, boundary: Boundary, *, shape: Sequence[int]) -> Tensor:
    """Adjoint of ``shift_sum`` for images whose last axes have the sizes ``shape``."""
    sizes = y.shape[y.dim() - len(one.shape) :]
    widths = [n + before + after for n, (before, after) in zip(shape, one.margins, strict=True)]
    wide = y.new_zeros((*y.shape[: y.dim() - len(sizes)], *widths))
    for tap, weight in one.taps:
        _part(wide, one.window(tap, sizes)).add_(y, alpha=weight)
    return fold(wide, one.margins, boundary)


def _part(x: Tensor, window: tuple[slice, ...]) -> Tensor:
    for axis, part in enumerate(window, start=-len(window)):
        x = x.narrow(axis, part.start, part.stop - part.start)
        if part.step != 1:
            x = x[(..., slice(None, None, part.step)) + (slice(None),) * (-axis - 1)]
    return x


def _sum_of(psf: Tensor, factors: Sequence[int], offsets: Sequence[int]) -> ShiftSum:
    weights = psf.double().cpu()
    taps = [(tap, float(weights[tap])) for tap in product(*(range(n) for n in psf.shape)) if weights[tap]]
    return ShiftSum(tuple(psf.shape), taps, tuple(factors), tuple(offsets))

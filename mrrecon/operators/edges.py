"""What stands past the edge of an image, and the adjoint of putting it there."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

__all__ = ["Boundary", "check_boundary", "extend", "fold"]

Boundary = Literal["periodic", "reflect"]
"""The image goes round, or it is mirrored, the outermost voxel twice (c b a | a b c)."""


def check_boundary(boundary: str) -> None:
    """Raises ValueError where ``boundary`` is neither ``"periodic"`` nor ``"reflect"``."""
    if boundary not in ("periodic", "reflect"):
        raise ValueError(f'boundary={boundary!r} must be "periodic" or "reflect"')


def extend(x: Tensor, margins: Sequence[tuple[int, int]], boundary: Boundary) -> Tensor:
    """``x`` with margins around its last axes, none wider than the axis.

    Args:
        x: image.
        margins: for each of the last axes, the number of voxels before and after it.
        boundary: what stands there.

    Example:
        >>> extend(torch.tensor([1, 2, 3]), [(1, 2)], "reflect")
        tensor([1, 1, 2, 3, 3, 2])
    """
    for axis, (before, after) in enumerate(margins, start=-len(margins)):
        n = x.shape[axis]
        if boundary == "periodic":
            parts = [x.narrow(axis, n - before, before), x, x.narrow(axis, 0, after)]
        else:
            parts = [x.narrow(axis, 0, before).flip(axis), x, x.narrow(axis, n - after, after).flip(axis)]
        x = torch.cat([part for part in parts if part.shape[axis]], axis) if before or after else x
    return x


def fold(x: Tensor, margins: Sequence[tuple[int, int]], boundary: Boundary) -> Tensor:
    """Adjoint of ``extend``: each margin is added to where it came from.

    Args:
        x: image with margins. It is overwritten.
        margins: as for ``extend``.
        boundary: as for ``extend``.

    Returns:
        A view into ``x``.

    Example:
        >>> fold(torch.tensor([1, 10, 20, 30, 3, 2]), [(1, 2)], "reflect")
        tensor([11, 22, 33])
    """
    for axis, (before, after) in enumerate(margins, start=-len(margins)):
        n = x.shape[axis] - before - after
        middle = x.narrow(axis, before, n)
        first, last = x.narrow(axis, 0, before), x.narrow(axis, before + n, after)
        if boundary == "periodic":
            middle.narrow(axis, n - before, before).add_(first)
            middle.narrow(axis, 0, after).add_(last)
        else:
            middle.narrow(axis, 0, before).add_(first.flip(axis))
            middle.narrow(axis, n - after, after).add_(last.flip(axis))
        x = middle
    return x

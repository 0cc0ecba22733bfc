"""Slices of a volume as frames, one by one or all in one montage."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Arrangement", "Frames"]

Frames = np.ndarray
"""(frames, height, width)."""


@dataclass(frozen=True)
class Arrangement:
    """How the slices of a volume become frames.

    Args:
        axis: axis of the volume that the slices are taken along.
        montage: whether all slices form one picture, near to square, black where slices are missing.

    Example:
        >>> volume = np.arange(24).reshape(2, 3, 4)
        >>> frames = Arrangement(2, montage=True).frames(volume)
        >>> frames.shape, bool((Arrangement(2, montage=True).volume(frames, (2, 3, 4)) == volume).all())
        ((1, 4, 6), True)
    """

    axis: int
    montage: bool = False

    def __str__(self) -> str:
        kind = "montage" if self.montage else "slices"
        return f"{kind} along {'xyz'[self.axis]}"

    def _grid(self, n: int, height: int, width: int) -> tuple[int, int]:
        columns = math.ceil(math.sqrt(n * height / width))
        return math.ceil(n / columns), columns

    def frames(self, volume: np.ndarray) -> Frames:
        """Frames of a volume."""
        slices = np.moveaxis(volume, self.axis, 0)
        if not self.montage:
            return np.ascontiguousarray(slices)
        n, height, width = slices.shape
        rows, columns = self._grid(n, height, width)
        tiles = np.zeros((rows * columns, height, width), volume.dtype)
        tiles[:n] = slices
        tiles = tiles.reshape(rows, columns, height, width).transpose(0, 2, 1, 3)
        return np.ascontiguousarray(tiles.reshape(1, rows * height, columns * width))

    def volume(self, frames: Frames, shape: Sequence[int]) -> np.ndarray:
        """The volume of a shape, back from its frames."""
        if self.montage:
            n = shape[self.axis]
            height, width = (side for axis, side in enumerate(shape) if axis != self.axis)
            rows, columns = self._grid(n, height, width)
            tiles = frames.reshape(rows, height, columns, width).transpose(0, 2, 1, 3)
            frames = tiles.reshape(-1, height, width)[:n]
        return np.moveaxis(frames, 0, self.axis)

"""Neighbours that are known before a voxel, and the order in which many voxels can be coded at once."""

import itertools

import numpy as np

__all__ = ["Wavefront", "causal_offsets", "within"]

Offset = tuple[int, int, int]


def causal_offsets(squared_radius: int) -> list[Offset]:
    """Offsets to the voxels before one in raster order and within a radius, nearest first.

    Example:
        >>> causal_offsets(1)
        [(-1, 0, 0), (0, -1, 0), (0, 0, -1)]
    """
    return [offset for offset in within(squared_radius) if offset < (0, 0, 0)]


def within(squared_radius: int) -> list[Offset]:
    """Offsets to all voxels within a radius but the voxel itself, nearest first."""
    reach = range(-int(squared_radius**0.5), int(squared_radius**0.5) + 1)
    cube = ((z, y, x) for z in reach for y in reach for x in reach)
    ball = [o for o in cube if 0 < sum(i * i for i in o) <= squared_radius]
    return sorted(ball, key=lambda o: (sum(i * i for i in o), o))


class Wavefront:
    """Order in which voxels can be coded many at a time, and a memory in which those are neighbours.

    Voxel $(z, y, x)$ belongs to the step $a z + b y + x$ with the least $a$, $b$ that put all its neighbours
    into earlier steps. In memory, a row holds the voxels of a plane with one $(x + b y)$ modulo the width, so
    that a step reads and writes along rows. Rows near the ends are there twice (`place` and `twin`): then
    each neighbour lies a constant number of cells away.

    Args:
        mask: (depth, height, width), the voxels to take.
        offsets: causal neighbours.

    Example:
        >>> wavefront = Wavefront(np.ones((1, 2, 2), bool), [(0, -1, 1), (0, 0, -1)])
        >>> wavefront.flat.tolist(), wavefront.ends.tolist()
        ([0, 1, 2, 3], [1, 2, 3, 4])
    """

    def __init__(self, mask: np.ndarray, offsets: list[Offset]) -> None:
        b = max([1] + [x // -y + 1 for z, y, x in offsets if z == 0 and y < 0])
        a = max([1] + [(b * y + x) // -z + 1 for z, y, x in offsets if z < 0])
        depth, height, width = mask.shape
        margin = max(abs(i) for offset in offsets for i in offset)
        # Few bits: 16 are sorted by radix.
        last = a * depth + b * height + width
        kind = np.uint16 if last < 65536 else np.int64
        z, y, x = (np.arange(n, dtype=kind) for n in mask.shape)
        time = (a * z[:, None, None] + b * y[:, None] + x)[mask]
        counts = np.bincount(time, minlength=1)
        self.flat = np.flatnonzero(mask)[np.argsort(time, kind="stable")]
        """Flat indices into the mask, step by step."""
        self.ends = np.cumsum(counts[counts > 0])
        """Where each step ends in `flat`."""
        drift = [b * y + x for _, y, x in offsets]
        before, after = max(0, -min(drift)), max(0, max(drift))
        # With fewer rows some would have to be there a third time.
        rows, columns = max(width + margin, before + after), height + margin
        # One row more at each end for what steps over the end of a row.
        stride = np.array([(before + rows + after + 2) * columns, columns * b + 1, columns])
        column = np.arange(height)[:, None]
        row = ((np.arange(width) + b * column) % rows).reshape(-1)
        cell = ((row + before + 1).reshape(height, width) * columns + column).reshape(-1)
        plane, within_plane = np.divmod(self.flat, height * width)
        row = row[within_plane]
        self.place = (plane + margin) * stride[0] + cell[within_plane]
        """Cell of each voxel."""
        self.twin = self.place + rows * columns * ((row < after).astype(np.int64) - (row >= rows - before))
        """Its second cell, or the first once more."""
        self.size = int((depth + margin) * stride[0])
        """Cells."""
        self._stride = stride

    def shifts(self, offsets: list[Offset]) -> np.ndarray:
        """Offsets as differences of cells."""
        return np.array(offsets) @ self._stride

    def steps(self) -> list[slice]:
        """The steps, as parts of `flat` and `place`."""
        return [slice(*pair) for pair in itertools.pairwise([0, *self.ends.tolist()])]

"""A slice of a volume that shows what is typical of it."""

import numpy as np
from jaxtyping import Bool, Float

from mrrecon.report.orientation import axis_order, to_ras

__all__ = ["MiddleSlice"]


class MiddleSlice:
    """The slice in the middle across the axis of the thickest or fewest slices, as a doctor looks at it.

    Args:
        shape: of the volume.
        spacing: mm along each axis of the array.
        axis_codes: where each index grows, three letters.

    Attributes:
        aspect: height of a voxel of the slice / its width.
    """

    def __init__(self, shape: tuple[int, ...], spacing: tuple[float, ...], axis_codes: str) -> None:
        order = [axis for axis, _ in axis_order(axis_codes)]
        sizes = [0] * 3
        lengths = [0.0] * 3
        for axis, n, length in zip(order, shape, spacing, strict=True):
            sizes[axis], lengths[axis] = n, length
        self.axis_codes = axis_codes
        # Axial unless another axis is much shorter: slices of sagittal or coronal scans.
        self.through = min(
            (2, 1, 0), key=lambda axis: sizes[axis] if sizes[axis] < max(sizes) / 2 else max(sizes)
        )
        across, up = [axis for axis in range(3) if axis != self.through]
        self.aspect = lengths[up] / lengths[across]
        self.at = sizes[self.through] // 2

    def show_holes(self, seen: Bool[np.ndarray, "_ _ _"]) -> None:
        """Of the slices with about the most holes, take that next to the middle."""
        holes = np.moveaxis(to_ras(1.0 - seen, self.axis_codes), self.through, 0).mean((1, 2))
        many = np.flatnonzero(holes >= 0.9 * holes.max())
        self.at = int(many[np.argmin(np.abs(many - self.at))])

    def cut(self, volume: Float[np.ndarray, "_ _ _"]) -> Float[np.ndarray, "height width"]:
        """The slice, its first row the highest, its first column the patient's right or front."""
        ras = to_ras(volume, self.axis_codes)
        plane = np.take(ras, self.at, axis=self.through)
        return np.ascontiguousarray(plane.T[::-1, ::-1])

"""Random smooth deformations: an affine map and cubic B-spline displacements."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Integer
from torch import Tensor
from torch.nn import functional as F

from mrrecon.simulate.fields import Number, draw_control, spline_field

__all__ = [
    "DEFAULT_WARP",
    "Deformation",
    "Warp",
    "box_around",
    "draw_deformation",
    "sample_linear",
    "sample_nearest",
]

FOLD_FREE = 1 / 2.479772335
"""Largest control displacement, as a fraction of the knot distance, that cannot fold a 3-D cubic B-spline."""


@dataclass(frozen=True)
class Warp:
    """Ranges from which a deformation is drawn, each symmetric about no change.

    Args:
        displacement: largest control displacement along each axis, in mm; at most 0.403 of ``knot``, which
            excludes folds.
        knot: distance of the control points, in mm.
        rotation: largest rotation about each axis, in degrees.
        scaling: largest change of size along each axis, as a fraction, in [0, 1).
        shear: largest shear, as a fraction.
        flip_axis: axis mirrored with probability 1/2 (left-right), or None.

    Raises:
        ValueError: the displacement could fold space, or ``scaling`` is outside [0, 1).

    Reference:
        Choi and Lee, Injectivity conditions of 2D and 3D uniform cubic B-spline functions,
        Graphical Models 2000, DOI 10.1006/gmod.2000.0531

    Example:
        >>> Warp(displacement=2.0).knot
        25.0
    """

    displacement: Number = 5.0
    knot: Number = 25.0
    rotation: Number = 8.0
    scaling: Number = 0.08
    shear: Number = 0.03
    flip_axis: int | None = 0

    def __post_init__(self) -> None:
        largest = FOLD_FREE * self.knot
        if not 0 <= self.displacement <= largest:
            raise ValueError(
                f"displacement={self.displacement} mm must lie in [0, {largest:.2f}], which is "
                f"0.403 of knot={self.knot} mm, or space could fold"
            )
        if not 0 <= self.scaling < 1:
            raise ValueError(f"scaling={self.scaling} must lie in [0, 1)")


DEFAULT_WARP = Warp()
"""Differences between adults, and between the ways in which they lie in the scanner."""


@dataclass(frozen=True)
class Deformation:
    r"""Map from target to source coordinates, $s(t) = M (t - c) + c + u(t)$, in mm.

    Args:
        matrix: linear part M.
        extents: side lengths of the volume, in mm; c is its centre.
        control: control displacements of u, in mm.
        knot: distance of the control points, in mm.
    """

    matrix: Float[Tensor, "3 3"]
    extents: tuple[Number, ...]
    control: Float[Tensor, "3 _ _ _"]
    knot: Number

    def source(self, axes: Sequence[Float[Tensor, " _"]]) -> Float[Tensor, "3 depth height width"]:
        """Source coordinates, in mm, of the grid spanned by ``axes`` (mm)."""
        points = spline_field(self.control, axes, knot=self.knot)
        for row, coordinate in enumerate(points):
            coordinate += self.extents[row] / 2
            for column, positions in enumerate(axes):
                view = [-1 if axis == column else 1 for axis in range(3)]
                centred = positions - self.extents[column] / 2
                coordinate += (self.matrix[row, column].item() * centred).view(view)
        return points


def draw_deformation(extents: Sequence[Number], *, warp: Warp, generator: torch.Generator) -> Deformation:
    """Random deformation of a box.

    Args:
        extents: side lengths of the box, in mm.
        warp: ranges of the deformation.
        generator: source of the random numbers.

    Example:
        >>> deformation = draw_deformation(
        ...     [64.0] * 3, warp=Warp(), generator=torch.Generator().manual_seed(0)
        ... )
        >>> deformation.source([torch.arange(8.0)] * 3).shape
        torch.Size([3, 8, 8, 8])
    """
    draw = torch.rand(10, generator=generator, device=generator.device).cpu() * 2 - 1
    matrix = torch.eye(3)
    for axis, angle in enumerate((draw[:3] * math.radians(warp.rotation)).tolist()):
        first, second = (other for other in range(3) if other != axis)
        turn = torch.eye(3)
        turn[first, first] = turn[second, second] = math.cos(angle)
        turn[first, second], turn[second, first] = -math.sin(angle), math.sin(angle)
        matrix = matrix @ turn
    sheared = torch.eye(3)
    sheared[[0, 0, 1], [1, 2, 2]] = draw[3:6] * warp.shear
    matrix = matrix @ sheared @ torch.diag(1 + draw[6:9] * warp.scaling)
    if warp.flip_axis is not None and draw[9] > 0:
        matrix[:, warp.flip_axis] *= -1
    control = warp.displacement * draw_control(extents, knot=warp.knot, n_channels=3, generator=generator)
    return Deformation(matrix, tuple(extents), control, warp.knot)


def box_around(
    voxels: Float[Tensor, "3 depth height width"], shape: Sequence[int]
) -> tuple[slice, slice, slice]:
    """Smallest box of a volume that holds all neighbours of the given points inside it; never empty.

    Args:
        voxels: points, in voxels.
        shape: shape of the volume.

    Example:
        >>> box_around(torch.full((3, 1, 1, 1), 2.5), (9, 9, 3))
        (slice(2, 4, None), slice(2, 4, None), slice(2, 3, None))
    """
    first, second, third = (
        slice(
            min(max(math.floor(coordinate.min().item()), 0), n - 1),
            max(min(math.floor(coordinate.max().item()) + 2, n), 1),
        )
        for coordinate, n in zip(voxels, shape, strict=True)
    )
    return first, second, third


def sample_linear(
    volumes: Float[Tensor, "channels _ _ _"], voxels: Float[Tensor, "3 depth height width"]
) -> Float[Tensor, "channels depth height width"]:
    """Volumes between their voxels, trilinear, 0 outside.

    Args:
        volumes: volumes on one grid.
        voxels: points, in voxels.

    Example:
        >>> sample_linear(
        ...     torch.arange(4.0).view(1, 4, 1, 1), torch.tensor([1.5, 0, 0]).view(3, 1, 1, 1)
        ... ).item()
        1.5
    """
    scale = [2 / max(n - 1, 1) for n in volumes.shape[1:]]
    grid = torch.stack([voxels[axis] * scale[axis] - 1 for axis in (2, 1, 0)], dim=-1)
    return F.grid_sample(volumes[None], grid[None], mode="bilinear", align_corners=True)[0]


def sample_nearest(
    labels: Integer[Tensor, "_ _ _"], voxels: Float[Tensor, "3 depth height width"]
) -> Integer[Tensor, "depth height width"]:
    """Label of the voxel nearest to each point, 0 outside.

    Args:
        labels: label map.
        voxels: points, in voxels.

    Example:
        >>> sample_nearest(torch.arange(4).view(4, 1, 1), torch.tensor([1.6, 0, 0]).view(3, 1, 1, 1)).item()
        2
    """
    index = torch.zeros_like(voxels[0], dtype=torch.long)
    inside = torch.ones_like(voxels[0], dtype=torch.bool)
    for coordinate, n in zip(voxels, labels.shape, strict=True):
        nearest = coordinate.round().long()
        inside &= (nearest >= 0) & (nearest < n)
        index = index * n + nearest.clamp(0, n - 1)
    return labels.flatten()[index] * inside

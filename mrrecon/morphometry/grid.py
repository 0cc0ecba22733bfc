"""Grids of voxels in space, and reading a volume between its voxels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Num
from torch import Tensor
from torch.nn import functional as F

__all__ = ["TEMPLATE_GRID", "Grid", "apply_affine", "grid_points", "sample_linear"]


@dataclass(frozen=True)
class Grid:
    """Voxels of a volume and where they lie.

    Args:
        shape: number of voxels along each of the three axes.
        affine: 4 x 4, voxel index to mm (right, anterior, superior), with a determinant other than 0.

    Raises:
        ValueError: the shape or the affine is not as said.

    Example:
        >>> round(Grid((2, 2, 2), np.diag([2.0, 2.0, 2.0, 1.0])).voxel_volume, 6)
        8.0
    """

    shape: tuple[int, int, int]
    affine: np.ndarray

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ValueError(f"shape={tuple(self.shape)} must have three sizes of at least 1")
        affine = np.asarray(self.affine, dtype=np.float64)
        if (
            affine.shape != (4, 4)
            or not np.isfinite(affine).all()
            or abs(np.linalg.det(affine[:3, :3])) < 1e-9
        ):
            raise ValueError(f"affine={affine.tolist()} must be a finite 4 x 4 matrix that can be inverted")
        object.__setattr__(self, "affine", affine)
        object.__setattr__(self, "shape", tuple(int(size) for size in self.shape))

    @property
    def voxel_volume(self) -> float:
        """Volume of a voxel, in mm³."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    @property
    def spacing(self) -> tuple[float, ...]:
        """Distance of neighbouring voxels along each axis, in mm."""
        return tuple(float(size) for size in np.linalg.norm(self.affine[:3, :3], axis=0))


TEMPLATE_GRID = Grid(
    (99, 117, 95), np.array([[2.0, 0, 0, -98], [0, 2, 0, -134], [0, 0, 2, -72], [0, 0, 0, 1]])
)
"""The 2 mm grid of MNI space on which a study compares subjects: every second voxel of the template."""


def grid_points(shape: Sequence[int], *, device: torch.device | None = None) -> Float[Tensor, "3 x y z"]:
    """Index of every voxel.

    Example:
        >>> grid_points((1, 2, 1))[1].flatten()
        tensor([0., 1.])
    """
    axes = [torch.arange(size, dtype=torch.float32, device=device) for size in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))


def apply_affine(affine: np.ndarray, points: Num[Tensor, "3 ..."]) -> Float[Tensor, "3 ..."]:
    """Points moved by a 4 x 4 matrix.

    Example:
        >>> apply_affine(np.diag([2.0, 1.0, 1.0, 1.0]), torch.ones(3, 1)).flatten()
        tensor([2., 1., 1.])
    """
    matrix = torch.as_tensor(np.asarray(affine), dtype=torch.float32).to(points.device)
    moved = matrix[:3, :3] @ points.reshape(3, -1).float() + matrix[:3, 3:]
    return moved.reshape(points.shape)


def sample_linear(
    volumes: Float[Tensor, "c x y z"], voxels: Float[Tensor, "3 ..."], *, outside: str = "zeros"
) -> Float[Tensor, "c ..."]:
    """Volumes read at any point, linearly between the eight voxels around it.

    On a processor, where no slopes are asked for, the loops are compiled.

    Args:
        volumes: values at whole indices.
        voxels: where to read, in voxels.
        outside: ``"zeros"`` or ``"border"``, what lies beyond the last voxel.

    Example:
        >>> sample_linear(torch.arange(2.0).view(1, 2, 1, 1), torch.tensor([[0.5], [0.0], [0.0]]))
        tensor([[0.5000]])
    """
    slopes = torch.is_grad_enabled() and (volumes.requires_grad or voxels.requires_grad)
    if volumes.device.type == "cpu" and volumes.dtype == torch.float32 and not slopes:
        # numba takes a second to import.
        from mrrecon.morphometry import sampling_kernels

        found = sampling_kernels.read(volumes, voxels.reshape(3, -1).float(), border=outside == "border")
        return found.reshape(volumes.shape[0], *voxels.shape[1:])
    sizes = torch.tensor(volumes.shape[-3:], device=voxels.device).view(3, 1)
    # grid_sample counts from -1 to 1 between the outer edges of the outer voxels, the last axis first.
    places = (2 * voxels.reshape(3, -1) + 1) / sizes - 1
    places = places.flip(0).T.reshape(1, 1, 1, -1, 3)
    read = F.grid_sample(
        volumes[None], places.to(volumes.dtype), mode="bilinear", padding_mode=outside, align_corners=False
    )
    return read.reshape(volumes.shape[0], *voxels.shape[1:])

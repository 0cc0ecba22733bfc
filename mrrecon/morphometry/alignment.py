"""Where each voxel of a scan lies in the template: an affine map and a smooth displacement."""

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mrrecon.morphometry.grid import TEMPLATE_GRID, Grid, apply_affine, grid_points, sample_linear

__all__ = ["Alignment"]


@dataclass(frozen=True)
class Alignment:
    """Map between template and scan.

    A point t of the template lies at A (t + f(t)) in the scan; a point s of the scan at u + b(u) in the
    template, with u = A⁻¹ s. f and b are the inverse of each other.

    Args:
        affine: A, 4 x 4, template to scan, both in mm.
        forward: f on ``field``, in mm.
        backward: b on ``field``, in mm.
        field: grid of f and b, in the template.
        scan: grid of the scan.
        correlation: of brightness with the white matter that the template expects there, within grey and
            white matter; 0.55 and above in scans that are aligned well, 0 where it was not looked at.
    """

    affine: np.ndarray
    forward: Float[Tensor, "3 i j k"]
    backward: Float[Tensor, "3 i j k"]
    field: Grid
    scan: Grid
    correlation: float = 0.0

    def template_points(self, scan_points: Float[Tensor, "3 ..."]) -> Float[Tensor, "3 ..."]:
        """Points of the template, in mm, of points of the scan, in mm."""
        straight = apply_affine(np.linalg.inv(self.affine), scan_points)
        return straight + self._displacement(self.backward, straight)

    def scan_points(self, template_points: Float[Tensor, "3 ..."]) -> Float[Tensor, "3 ..."]:
        """Points of the scan, in mm, of points of the template, in mm."""
        bent = template_points + self._displacement(self.forward, template_points)
        return apply_affine(self.affine, bent)

    def to_scan(
        self, template_map: Float[Tensor, "*c i j k"], *, grid: Grid = TEMPLATE_GRID
    ) -> Float[Tensor, "*c x y z"]:
        """Maps of the template on the grid of the scan, linearly interpolated, 0 outside of them.

        Args:
            template_map: one map, or several along a first axis.
            grid: where its voxels lie.

        Raises:
            ValueError: the map is not of the grid's shape.
        """
        maps = _stacked(template_map, grid.shape, name="template_map")
        device = self.forward.device
        mm = apply_affine(self.scan.affine, grid_points(self.scan.shape, device=device))
        voxels = apply_affine(np.linalg.inv(grid.affine), self.template_points(mm))
        read = sample_linear(maps.to(device), voxels)
        return read.reshape(*template_map.shape[:-3], *self.scan.shape)

    def to_template(
        self, maps: Float[Tensor, "*c x y z"], *, grid: Grid = TEMPLATE_GRID, modulated: bool
    ) -> Float[Tensor, "*c i j k"]:
        r"""Maps of the scan on a grid of the template.

        Every voxel of the scan is handed out to the eight voxels of the grid around it. What arrives,
        divided by the volume of a voxel of the grid, is the map times the local volume change, with the sum
        over space kept exactly (modulated); divided by what a map of ones would give, it is the average of
        the map there (not modulated).

        Args:
            maps: one map of the scan, or several along a first axis.
            grid: where to.
            modulated: keep volumes instead of values.

        Returns:
            Maps on the grid; 0 where the scan has no voxels.

        Raises:
            ValueError: the map is not of the scan's shape.
        """
        stacked = _stacked(maps, self.scan.shape, name="maps").to(self.forward.device)
        if not modulated:
            stacked = torch.cat([stacked, torch.ones_like(stacked[:1])])
            kept = torch.ones(self.scan.shape, dtype=torch.bool, device=stacked.device)
        else:
            kept = (stacked != 0).any(dim=0)
        index = kept.nonzero().T
        values = stacked[:, index[0], index[1], index[2]]
        # Voxels as large as those of the grid would leave gaps: they are cut into smaller ones.
        parts = [max(1, math.ceil(1.5 * own / min(grid.spacing) - 0.75)) for own in self.scan.spacing]
        to_grid = np.linalg.inv(grid.affine)
        received = torch.zeros(len(stacked), math.prod(grid.shape), device=stacked.device)
        for part in product(*(range(n) for n in parts)):
            offset = torch.tensor([(i + 0.5) / n - 0.5 for i, n in zip(part, parts, strict=True)])
            mm = apply_affine(self.scan.affine, index + offset.to(stacked.device)[:, None])
            _hand_out(values, apply_affine(to_grid, self.template_points(mm)), received, grid.shape)
        received = received.reshape(-1, *grid.shape)
        if modulated:
            received *= self.scan.voxel_volume / grid.voxel_volume / math.prod(parts)
        else:
            received = received[:-1] / received[-1].clamp(min=1e-3)
        return received.reshape(*maps.shape[:-3], *grid.shape)

    def _displacement(self, field: Tensor, points: Tensor) -> Tensor:
        voxels = apply_affine(np.linalg.inv(self.field.affine), points)
        return sample_linear(field, voxels, outside="border")


def _stacked(maps: Tensor, shape: tuple[int, ...], *, name: str) -> Tensor:
    if maps.dim() not in (3, 4) or tuple(maps.shape[-3:]) != tuple(shape):
        raise ValueError(f"{name} has the shape {tuple(maps.shape)}, which must end with {tuple(shape)}")
    return maps.reshape(-1, *shape).float()


def _hand_out(values: Tensor, voxels: Tensor, received: Tensor, shape: tuple[int, ...]) -> None:
    """Add values to the voxels around them, with the weights of linear interpolation."""
    low = voxels.floor()
    part = voxels - low
    low = low.long()
    for corner in product((0, 1), repeat=3):
        inside = torch.ones_like(low[0], dtype=torch.bool)
        weight = torch.ones_like(part[0])
        flat = torch.zeros_like(low[0])
        for axis, step in enumerate(corner):
            place = low[axis] + step
            inside &= (place >= 0) & (place < shape[axis])
            weight = weight * (part[axis] if step else 1 - part[axis])
            flat = flat * shape[axis] + place.clamp(0, shape[axis] - 1)
        weight = weight * inside
        for channel, value in zip(received, values, strict=True):
            channel.index_add_(0, flat, value * weight)

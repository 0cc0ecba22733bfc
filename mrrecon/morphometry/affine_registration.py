"""Affine alignment of the template's tissues with a scan, by mutual information from many starts."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from mrrecon.morphometry.grid import apply_affine, grid_points, sample_linear
from mrrecon.morphometry.template import TissueTemplate

__all__ = ["mutual_information", "register_affine"]

N_BINS = 32
"""Levels of brightness that the mutual information tells apart."""

RIM = 16.0
"""Width, in mm, of the surroundings of the brain that count as a class: enough to reach the scalp."""

UNITS = (20.0, 20.0, 20.0, 0.2, 0.2, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1)
"""A step of the search: mm of translation, radians of rotation, logarithm of the zoom, shear."""

USUAL_ZOOM, ZOOM_SPREAD, SHEAR_SPREAD = -0.08, 0.1, 0.05
"""Size of a brain relative to the template, as logarithms: mean and standard deviation; the same of shear."""


USUAL_VOLUME, VOLUME_SPREAD = -0.22, 0.13
"""The same of the volume: a skull as dark as fluid would else draw the brain out to the scalp."""

CAUTION = 0.01
"""Weight, in nats, of half a squared standard deviation from the usual against the mutual information."""


def mutual_information(
    classes: Float[Tensor, "k n"], values: Float[Tensor, "b n"]
) -> tuple[Float[Tensor, " b"], Float[Tensor, "b n"]]:
    """Information, in nats, that brightness gives about the class, and its slope along each brightness.

    Between two levels of brightness a point counts for both in part.

    Args:
        classes: probability of each class at each point; sums to 1 at each.
        values: brightness at each point in [0, 1], one row for each of several readings.

    Example:
        >>> classes = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> mutual_information(classes, torch.tensor([[0.0, 1.0], [0.0, 0.0]]))[0]
        tensor([0.6931, 0.0000])
    """
    level = values.clamp(0, 1) * (N_BINS - 1)
    low = level.floor().clamp(max=N_BINS - 2)
    part = (level - low)[:, None]
    rows = torch.arange(len(values), device=values.device)[:, None, None]
    kinds = torch.arange(len(classes), device=values.device)[:, None]
    place = (rows * len(classes) + kinds) * N_BINS + low.long()[:, None]
    joint = classes.new_zeros(len(values) * len(classes) * N_BINS)
    joint.index_add_(0, place.flatten(), (classes * (1 - part)).flatten())
    joint.index_add_(0, (place + 1).flatten(), (classes * part).flatten())
    joint = joint.reshape(len(values), len(classes), N_BINS) / classes.shape[1]
    apart = joint.sum(1, keepdim=True) * joint.sum(2, keepdim=True)
    gain = ((joint + 1e-12) / (apart + 1e-12)).log()
    slope = (gain.flatten()[place + 1] - gain.flatten()[place]) * classes
    return (joint * gain).sum((1, 2)), slope.sum(1) * (N_BINS - 1) / classes.shape[1]


def register_affine(
    scan: Float[Tensor, "x y z"],
    affine: np.ndarray,
    template: TissueTemplate,
    *,
    starts: Sequence[Sequence[float]],
) -> np.ndarray:
    """Affine map from the template's mm to the scan's at which the tissues explain the brightness best.

    Args:
        scan: brightness in [0, 1].
        affine: its voxels to mm.
        template: tissues and their grid.
        starts: places to begin from, each a position of the template's centre in the scan (mm) and a
            rotation about the left-right axis (radians).

    Reference:
        Ashburner, Friston, Unified segmentation, NeuroImage 2005, DOI 10.1016/j.neuroimage.2005.02.018
    """
    centre = _centre(template)
    found = torch.zeros(len(starts), 12, device=scan.device)
    units = torch.tensor(UNITS, device=scan.device)
    for row, (right, front, up, pitch) in zip(found, starts, strict=True):
        row[:4] = torch.tensor([right, front, up, pitch]).to(row) / units[:4]
        row[6:9] = USUAL_ZOOM / units[6:9]
    for step, n_iterations, kept in ((8.0, 30, 2), (5.0, 30, 1)):
        points, classes = _classes(template, step=step)
        points, classes = points.to(scan.device), classes.to(scan.device)
        volume, to_voxel = _pooled(scan, affine, size=step / 2)
        cost = _Cost(volume, to_voxel, points - centre[:, None].to(scan.device), classes)
        found = _descend(cost, found, n_iterations=n_iterations)
        best = cost(found)[0].argsort()[:kept]
        found = found[best]
    matrix = _matrices(found * units)[0].double().cpu().numpy()
    back = np.eye(4)
    back[:3, 3] = -centre.numpy()
    return matrix @ back


class _Cost:
    def __init__(self, volume: Tensor, to_voxel: np.ndarray, points: Tensor, classes: Tensor) -> None:
        self.volume, self.points, self.classes = volume[None], points, classes
        self.to_voxel = torch.as_tensor(to_voxel, dtype=torch.float32, device=volume.device)
        self.units = torch.tensor(UNITS, device=volume.device)

    def __call__(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Cost of each row of parameters, and a sum whose slope is that of the costs."""
        real = parameters * self.units
        matrices = self.to_voxel @ _matrices(real)
        moved = matrices[:, :3, :3] @ self.points + matrices[:, :3, 3:]
        values = sample_linear(self.volume, moved.transpose(0, 1))[0]
        unusual = ((real[:, 6:9] - USUAL_ZOOM) / ZOOM_SPREAD).square().sum(1)
        unusual = unusual + (real[:, 9:] / SHEAR_SPREAD).square().sum(1)
        information, slope = mutual_information(self.classes, values.detach())
        volume = real[:, 6:9].sum(1)
        unusual = unusual + ((volume - USUAL_VOLUME) / VOLUME_SPREAD).square()
        penalty = CAUTION / 2 * unusual
        return (penalty - information).detach(), penalty.sum() - (slope * values).sum()


def _descend(cost: _Cost, found: Tensor, *, n_iterations: int) -> Tensor:
    """Steps of Adam, each row of parameters by itself, ever shorter."""
    parameters, mean, square = found, torch.zeros_like(found), torch.zeros_like(found)
    for i in range(n_iterations):
        with torch.enable_grad():
            parameters = parameters.detach().requires_grad_(True)
            (slope,) = torch.autograd.grad(cost(parameters)[1], parameters)
        mean = torch.lerp(slope, mean, 0.8)
        square = torch.lerp(slope.square(), square, 0.95)
        length = 0.005 + 0.115 * 0.5 * (1 + math.cos(math.pi * i / n_iterations))
        # Both averages begin at 0: their first values are too small by these factors.
        step = mean / (1 - 0.8 ** (i + 1)) / ((square / (1 - 0.95 ** (i + 1))).sqrt() + 1e-8)
        parameters = parameters.detach() - length * step
    return parameters


def _matrices(real: Float[Tensor, "b 12"]) -> Float[Tensor, "b 4 4"]:
    """Zoom and shear, then rotation, then translation."""
    move, turn, zoom, shear = real.split(3, dim=1)
    zero = torch.zeros_like(turn[:, 0])
    x, y, z = turn.unbind(1)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1).reshape(-1, 3, 3)
    a, b, c = shear.unbind(1)
    symmetric = torch.stack([zoom[:, 0], a, b, a, zoom[:, 1], c, b, c, zoom[:, 2]], dim=1).reshape(-1, 3, 3)
    linear = torch.linalg.matrix_exp(cross) @ torch.linalg.matrix_exp(symmetric)
    top = torch.cat([linear, move[:, :, None]], dim=2)
    bottom = torch.tensor([0.0, 0, 0, 1], device=real.device).expand(len(real), 1, 4)
    return torch.cat([top, bottom], dim=1)


def _centre(template: TissueTemplate) -> Float[Tensor, "3"]:
    """Centre of the brain, in mm."""
    coarse = template.tissues.sum(0)[::4, ::4, ::4]
    points = apply_affine(template.grid.affine, 4 * grid_points(coarse.shape))
    return ((points * coarse).sum((1, 2, 3)) / coarse.sum()).cpu()


def _classes(template: TissueTemplate, *, step: float) -> tuple[Tensor, Tensor]:
    """Points ``step`` mm apart in and around the brain, and the probability of each tissue there."""
    factors = [max(1, round(step / size)) for size in template.grid.spacing]
    reach = [
        math.ceil(RIM / size / factor) for size, factor in zip(template.grid.spacing, factors, strict=True)
    ]
    # Sums of the voxels that there are, over the number that there could be.
    tissues = F.avg_pool3d(
        template.tissues[None], factors, ceil_mode=True, divisor_override=math.prod(factors)
    )[0]
    tissues = F.pad(tissues, [n for blocks in reversed(reach) for n in (blocks, blocks)])
    near = (
        F.max_pool3d(tissues.sum(0)[None, None], [2 * n + 1 for n in reach], stride=1, padding=reach)[0, 0]
        > 0.1
    )
    index = near.nonzero().T
    chosen = tissues[:, index[0], index[1], index[2]]
    first = torch.tensor([(f - 1) / 2 - f * n for f, n in zip(factors, reach, strict=True)])[:, None]
    voxels = index.cpu() * torch.tensor(factors)[:, None] + first
    classes = torch.cat([chosen, (1 - chosen.sum(0, keepdim=True)).clamp(min=0)])
    return apply_affine(template.grid.affine, voxels.float()), classes / classes.sum(0)


def _pooled(scan: Tensor, affine: np.ndarray, *, size: float) -> tuple[Tensor, np.ndarray]:
    """Scan averaged over blocks of about ``size`` mm, and the matrix from mm to its voxels."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    factors = [max(1, min(round(size / own), n)) for own, n in zip(spacing, scan.shape, strict=True)]
    block = np.diag([*factors, 1.0])
    block[:3, 3] = [(f - 1) / 2 for f in factors]
    return F.avg_pool3d(scan[None, None], factors)[0, 0], np.linalg.inv(affine @ block)

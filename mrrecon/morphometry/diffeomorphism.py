"""Smooth non-linear alignment of tissue maps: a diffeomorphism that a stationary velocity field generates."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from mrrecon.morphometry.grid import grid_points, sample_linear

__all__ = ["exponential", "gaussian_smooth", "register_tissues"]


def gaussian_smooth(maps: Float[Tensor, "c x y z"], *, sigma: float) -> Float[Tensor, "c x y z"]:
    """Convolution with a Gaussian cut at three standard deviations, the border repeated.

    Args:
        maps: volumes.
        sigma: standard deviation in voxels, above 0.

    Example:
        >>> gaussian_smooth(torch.ones(1, 4, 4, 4), sigma=1.0).sub(1).abs().max() < 1e-6
        tensor(True)
    """
    radius = max(1, math.ceil(3 * sigma))
    taps = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
    taps = (taps / taps.sum()).to(maps)
    if maps.device.type == "cpu" and maps.dtype == torch.float32 and not maps.requires_grad:
        # numba takes a second to import.
        from mrrecon.morphometry import smoothing_kernels

        return smoothing_kernels.smooth(maps, taps)
    for axis in (1, 2, 3):
        padding = [0] * 6
        padding[6 - 2 * axis] = padding[7 - 2 * axis] = radius
        padded = F.pad(maps[None], padding, mode="replicate")[0]
        size = maps.shape[axis]
        maps = torch.zeros_like(maps)
        for shift, tap in enumerate(taps.tolist()):
            maps.add_(padded.narrow(axis, shift, size), alpha=tap)
    return maps


def exponential(velocity: Float[Tensor, "3 x y z"]) -> Float[Tensor, "3 x y z"]:
    """Displacement after unit time in a steady flow, by scaling and squaring; all in voxels.

    Reference:
        Arsigny et al., A log-Euclidean framework for statistics on diffeomorphisms, MICCAI 2006,
        DOI 10.1007/11866565_113

    Example:
        >>> exponential(torch.ones(3, 4, 4, 4)).unique()
        tensor([1.])
    """
    fastest = float(velocity.abs().max())
    n_squarings = max(0, math.ceil(math.log2(max(fastest, 1e-6) / 0.5)))
    displacement = velocity / 2**n_squarings
    points = grid_points(velocity.shape[1:], device=velocity.device)
    for _ in range(n_squarings):
        displacement = displacement + sample_linear(displacement, points + displacement, outside="border")
    return displacement


def register_tissues(
    fixed: Float[Tensor, "c x y z"],
    moving: Float[Tensor, "c x y z"],
    *,
    velocity: Float[Tensor, "3 x y z"] | None = None,
    levels: tuple[tuple[int, int], ...] = ((2, 30), (1, 15)),
    update_sigma: float = 1.0,
    velocity_sigma: float = 1.0,
) -> Float[Tensor, "3 x y z"]:
    r"""Velocity field whose flow brings ``moving`` onto ``fixed``: log-demons on several maps at once.

    $$ u = \frac{\sum_c (f_c - m_c) \nabla_c}{\sum_c |\nabla_c|^2 + \sum_c (f_c - m_c)^2}, \qquad
       v \leftarrow G * (v + G * u) $$

    with the mean $\nabla_c$ of the gradients of both maps.

    Args:
        fixed: tissue maps of the template.
        moving: tissue maps of the scan on the same grid.
        velocity: where to begin, in voxels.
        levels: (shrinking factor, number of steps), coarse to fine.
        update_sigma: smoothing of each step, in voxels: how viscous the flow is.
        velocity_sigma: smoothing of the velocity, in voxels: how elastic.

    Reference:
        Vercauteren et al., Symmetric log-domain diffeomorphic registration, MICCAI 2008,
        DOI 10.1007/978-3-540-85988-8_90
    """
    shape = fixed.shape[1:]
    velocity = fixed.new_zeros(3, *shape) if velocity is None else velocity
    for factor, n_steps in levels:
        pooled = [F.avg_pool3d(maps[None], factor, ceil_mode=True)[0] for maps in (fixed, moving)]
        flow = _resize(velocity, pooled[0].shape[1:]) / factor
        for _ in range(n_steps):
            update = _step(pooled[0], pooled[1], exponential(flow))
            flow = flow + gaussian_smooth(update, sigma=update_sigma)
            flow = gaussian_smooth(flow, sigma=velocity_sigma)
        velocity = _resize(flow, shape) * factor
    return velocity


def _resize(field: Tensor, shape: tuple[int, ...]) -> Tensor:
    return F.interpolate(field[None], size=tuple(shape), mode="trilinear", align_corners=False)[0]


def _step(fixed: Tensor, moving: Tensor, displacement: Tensor) -> Tensor:
    points = grid_points(fixed.shape[1:], device=fixed.device)
    warped = sample_linear(moving, points + displacement, outside="border")
    difference = fixed - warped
    strength = difference.square().sum(0)
    update = torch.zeros_like(displacement)
    for axis in range(3):
        slope = torch.gradient(fixed + warped, dim=axis + 1)[0] / 2
        update[axis] = (difference * slope).sum(0)
        strength = strength + slope.square().sum(0)
    return update / (strength + 1e-3)

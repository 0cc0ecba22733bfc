"""A linear model fitted at each voxel of a block: compiled on the processor, with torch elsewhere."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mrrecon.morphometry.partition import Partition
from mrrecon.morphometry.streaming import cached_blocks
from mrrecon.threads import in_threads

__all__ = ["fit_voxels", "is_compiled", "unit_residuals", "voxel_means"]

# Residual sums of squares below this part of the voxel's own are rounding of values kept in float32.
_NO_VARIANCE = 1e-14
_CACHE = 1 << 15  # numbers in float64 that a thread keeps near


def fit_voxels(
    values: Float[Tensor, "maps voxels"],
    part: Partition,
    names: Sequence[str],
    chosen: Bool[Tensor, " voxels"],
    *,
    into: tuple[Float[Tensor, " voxels"], Float[Tensor, " voxels"], Bool[Tensor, " voxels"]],
) -> None:
    """Student's t, effect, and whether there is no variance; 0, 0 and no where it is not tested.

    Args:
        values: of the maps.
        part: the design, split.
        names: of the maps, for the message.
        chosen: voxels that are tested; elsewhere values may be anything.
        into: where the three go.

    Raises:
        ValueError: a value of a chosen voxel is not finite.
    """
    if not is_compiled(values):
        for first, some in cached_blocks(values, 0):
            here = slice(first, first + some.shape[1])
            _fit(some, part, names, chosen[here], into=(into[0][here], into[1][here], into[2][here]))
        return
    from mrrecon.morphometry import t_kernels

    n_columns = part.basis.shape[1]
    piece = max(128, min(512, _CACHE // 8 // (n_columns + 1)))
    finite = torch.ones(-(-values.shape[1] // piece), dtype=torch.bool)
    in_threads(
        t_kernels.t_values,
        *_flat(values),
        part.basis.contiguous().numpy(),
        chosen.numpy(),
        (float(part.degrees_of_freedom), part.scale, _NO_VARIANCE),
        piece,
        *(each.numpy() for each in (*into, finite)),
        threads=torch.get_num_threads(),
    )
    if not finite.all():
        _refuse(values[:, chosen], names)


def unit_residuals(values: Float[Tensor, "maps voxels"], part: Partition) -> Float[Tensor, "maps voxels"]:
    """Values less what the columns not of interest explain, in float32, the sum of their squares 1.

    Args:
        values: of the maps, finite, and with variance at every voxel.
        part: the design, split.

    Example:
        >>> from mrrecon.morphometry import two_sample_design
        >>> from mrrecon.morphometry.partition import split_design
        >>> part = split_design(two_sample_design(["a", "a", "b"]), {"b": 1, "a": -1})
        >>> unit_residuals(torch.tensor([[3.0], [3.0], [6.0]]), part).T
        tensor([[-0.4082, -0.4082,  0.8165]])
    """
    if not is_compiled(values):
        residuals, _ = _adjusted(values, part)
        return (residuals / residuals.norm(dim=0)).float()
    from mrrecon.morphometry import t_kernels

    unit = torch.empty(values.shape)
    in_threads(
        t_kernels.unit_residuals,
        *_flat(values),
        part.nuisance.contiguous().numpy(),
        max(64, min(512, _CACHE // len(values))),
        unit.numpy(),
        threads=torch.get_num_threads(),
    )
    return unit


def voxel_means(values: Float[Tensor, "maps voxels"]) -> Float[Tensor, " voxels"]:
    """Mean of the maps at each voxel, in float64.

    Args:
        values: of the maps.

    Example:
        >>> voxel_means(torch.tensor([[1.0, 2.0], [2.0, 6.0]]))
        tensor([1.5000, 4.0000], dtype=torch.float64)
    """
    if not is_compiled(values):
        return torch.cat([some.mean(0, dtype=torch.float64) for _, some in cached_blocks(values, 0)])
    from mrrecon.morphometry import t_kernels

    n_maps, n_voxels = values.shape
    means = torch.empty(1, n_voxels, dtype=torch.float64)
    weights = np.full((n_maps, 1), 1 / n_maps)
    in_threads(
        t_kernels.voxel_sums, *_flat(values), weights, 512, means.numpy(), threads=torch.get_num_threads()
    )
    return means[0]


def is_compiled(values: Tensor) -> bool:
    """Whether the compiled kernels take these values: on the processor, rows of voxels that lie together.

    Args:
        values: rows.

    Example:
        >>> is_compiled(torch.zeros(2, 3)), is_compiled(torch.zeros(2, 3).half())
        (True, False)
    """
    known = values.dtype in (torch.float32, torch.float64)
    return known and values.device.type == "cpu" and values.stride(-1) == 1


def _flat(values: Tensor) -> tuple[np.ndarray, int]:
    """All numbers from the first map's first to the last one's last, and the step from map to map."""
    n, step = len(values), values.stride(0)
    return values.detach().as_strided(((n - 1) * step + values.shape[1],), (1,)).numpy(), step


def _adjusted(values: Tensor, part: Partition) -> tuple[Tensor, Tensor]:
    """Residuals of the columns not of interest, in float64, and the parts in all directions."""
    values = values.double()
    basis = part.basis.to(values.device)
    parts = basis.T @ values
    return torch.addmm(values, basis[:, 1:], parts[1:], alpha=-1), parts


def _fit(
    values: Tensor,
    part: Partition,
    names: Sequence[str],
    chosen: Tensor,
    *,
    into: tuple[Tensor, Tensor, Tensor],
) -> None:
    values = values.where(chosen, 0)
    residuals, parts = _adjusted(values, part)
    along, squares = parts[0], torch.linalg.vecdot(residuals, residuals, dim=0)
    own = parts[1:].square().sum(0).add_(squares)
    if not torch.isfinite(own.sum()):
        _refuse(values, names)
    left = squares - along.square()
    none = (squares <= _NO_VARIANCE * own) | (left <= _NO_VARIANCE * squares)
    into[1].copy_(along * part.scale)
    into[0].copy_(along.div_(left.div_(part.degrees_of_freedom).sqrt_()).masked_fill_(none, 0.0))
    into[2].copy_(none & chosen)


def _refuse(values: Tensor, names: Sequence[str]) -> None:
    bad = ~values.isfinite().all(1)
    if bad.any():
        name = names[int(bad.nonzero()[0])]
        raise ValueError(f"maps must be finite where they are tested, {name} holds NaN or infinity")
    raise ValueError("the squares of the maps leave the range of float64: scale the maps by one number")

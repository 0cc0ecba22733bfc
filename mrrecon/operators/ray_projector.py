"""Line integrals through an image and their transpose: what parallel and fan beam have in common."""

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from mrrecon.operators.linear_function import linear_function
from mrrecon.operators.ray_plan import Beam, RayGroup, plan_rays

__all__ = ["RayProjector"]

_CROSSINGS = 1 << 22
"""Crossings that torch's operations take at a time."""

_Step = Callable[[Tensor, Tensor, RayGroup], None]


class RayProjector:
    """Sums along rays, each crossing shared linearly between the two pixels beside it.

    A ray is followed from row to row, or from column to column where it crosses those at a greater angle.
    Compiled on the CPU, in torch's own operations elsewhere; the matrix is never stored.

    Args:
        beam: the rays.
        shape: rows and columns of the image.
        spacing: distance of the rows and of the columns, in mm.

    Reference:
        P. M. Joseph, "An improved algorithm for reprojecting rays through pixel images", IEEE Transactions on
        Medical Imaging 1 (1982), doi:10.1109/TMI.1982.4307572.
    """

    def __init__(self, beam: Beam, shape: tuple[int, int], spacing: tuple[float, float]) -> None:
        self.beam, self.shape, self.spacing = beam, shape, spacing
        self.measured = (len(beam.views), beam.n_detectors)
        self._shared = plan_rays(beam, shape, spacing)

    @cached_property
    def _plain(self) -> tuple[RayGroup, ...]:
        return plan_rays(self.beam, self.shape, self.spacing, share=False)

    def project(self, x: Tensor) -> Tensor:
        """``A x`` of images: rows and columns are their last axes."""
        return self._apply(x, "x", self.shape, self._forward, self._adjoint)

    def backproject(self, y: Tensor) -> Tensor:
        """``A^H y`` of sinograms: views and detectors are their last axes."""
        return self._apply(y, "y", self.measured, self._adjoint, self._forward)

    def _apply(
        self,
        data: Tensor,
        name: str,
        shape: tuple[int, int],
        forward: Callable[[Tensor], Tensor],
        adjoint: Callable[[Tensor], Tensor],
    ) -> Tensor:
        if tuple(data.shape[-2:]) != shape:
            raise ValueError(
                f"{name} of shape {tuple(data.shape)} must end in {shape}, which this operator was built for"
            )
        if not data.is_complex():
            return linear_function(forward, adjoint, data)
        parts = torch.view_as_real(data.resolve_conj()).movedim(-1, 0)
        parts = linear_function(forward, adjoint, parts)
        return torch.view_as_complex(parts.movedim(0, -1).contiguous())

    def _forward(self, x: Tensor) -> Tensor:
        return self._run(x, self.measured, (_project_compiled, _project_torch))

    def _adjoint(self, y: Tensor) -> Tensor:
        return self._run(y, self.shape, (_backproject_compiled, _backproject_torch))

    def _run(self, data: Tensor, shape: tuple[int, int], steps: tuple[_Step, _Step]) -> Tensor:
        compiled = data.device.type == "cpu"
        precision = torch.promote_types(data.dtype, torch.float32)
        stack = data.reshape(-1, *data.shape[-2:]).to(precision).contiguous()
        result = torch.zeros(len(stack), *shape, dtype=precision, device=data.device)
        if len(stack):
            for group in self._shared if compiled else self._plain:
                steps[0 if compiled else 1](stack, result, group)
        return result.to(data.dtype).reshape(*data.shape[:-2], *shape)


def _project_compiled(x: Tensor, y: Tensor, group: RayGroup) -> None:
    # numba takes a second to import, and not everyone who imports an operator projects.
    from mrrecon.operators.ray_kernels import project

    project(x.numpy(), y.numpy(), group)


def _backproject_compiled(y: Tensor, x: Tensor, group: RayGroup) -> None:
    from mrrecon.operators.ray_kernels import backproject

    backproject(y.numpy(), x.numpy(), group)


def _project_torch(x: Tensor, y: Tensor, group: RayGroup) -> None:
    turned = x.mT.flip(-2) if group.turns[0][0] else x
    pixels = torch.nn.functional.pad(turned, (1, 1)).flatten(1)
    sums = x.new_empty(len(x), group.offset.size)
    for rays, left, part, length in _crossings(group, x):
        sums[:, rays] = torch.lerp(pixels[:, left], pixels[:, left + 1], part).sum(-1) * length
    ray, place = _places(group, y)
    y.view(len(y), -1)[:, place] = sums[:, ray]


def _backproject_torch(y: Tensor, x: Tensor, group: RayGroup) -> None:
    rows, columns = group.shape
    ray, place = _places(group, y)
    values = y.new_zeros(len(y), group.offset.size).index_add_(1, ray, y.flatten(1)[:, place])
    pixels = y.new_zeros(len(y), rows * (columns + 2))
    for rays, left, part, length in _crossings(group, y):
        value = (values[:, rays] * length)[..., None]
        right = value * part
        pixels.index_add_(1, left.flatten(), (value - right).flatten(1))
        pixels.index_add_(1, left.flatten() + 1, right.flatten(1))
    turned = pixels.view(len(y), rows, columns + 2)[..., 1:-1]
    x += turned.flip(-2).mT if group.turns[0][0] else turned


def _crossings(group: RayGroup, like: Tensor) -> Iterator[tuple[slice, Tensor, Tensor, Tensor]]:
    """Rays, the pixel left of each crossing in the padded image, how far beyond it, and the path a row."""
    rows, columns = group.shape
    offset, slope, length = (
        torch.from_numpy(values).to(like.device) for values in (group.offset, group.slope, group.length)
    )
    row = torch.arange(rows, device=like.device)
    step = max(1, _CROSSINGS // (rows * len(like)))
    for start in range(0, len(offset), step):
        rays = slice(start, start + step)
        column = offset[rays, None] + slope[rays, None] * row + 1
        # Both pixels of a crossing outside are the zero beside the row.
        column = torch.where((column > 0) & (column < columns + 1), column, 0)
        left = column.long()
        part = (column - left).to(like.dtype)
        yield rays, torch.where(column > 0, left, 0) + row * (columns + 2), part, length[rays].to(like.dtype)


def _places(group: RayGroup, like: Tensor) -> tuple[Tensor, Tensor]:
    """Which ray belongs to which place of a sinogram."""
    ray, place = [], []
    for bundle, (begin, end) in enumerate(zip(group.users[:-1], group.users[1:], strict=True)):
        for _, view, first, detector, step, count in group.uses[begin:end]:
            k = np.arange(count)
            ray.append(group.bundles[bundle] + first + k)
            place.append(view * like.shape[-1] + detector + k * step)
    found = torch.from_numpy(np.stack([np.concatenate(ray), np.concatenate(place)])).to(like.device)
    return found[0], found[1]

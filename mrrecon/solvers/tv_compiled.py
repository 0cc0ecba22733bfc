"""State of total variation's primal-dual method in the layout of its compiled kernels."""

import itertools
import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mrrecon.threads import in_threads

__all__ = ["CompiledSteps"]

# Numbers a step has to work on before a second thread pays, and bytes of planes in flight that a cache holds.
_WORK = 1 << 14
_CACHE = 1 << 22


class CompiledSteps:
    """Image, dual variable and target of some problems, and the steps that change them in place.

    Args:
        y: target, a tensor (problem, part, plane, row, column) of float32 or float64 on the processor; one
            part for real images, two for complex ones; one row for images of two dimensions.
        isotropic: whether a voxel's differences are taken together.
        periodic: whether the image goes on at the opposite edge; otherwise it is reflected.
        together: how many problems are advanced at a time; they are then cut into slabs, one a thread.

    Example:
        >>> steps = CompiledSteps(torch.ones(1, 1, 4, 1, 5), isotropic=True, periodic=False)
        >>> steps.image().shape
        torch.Size([1, 1, 4, 1, 5])
    """

    def __init__(
        self,
        y: Float[Tensor, "problem part plane row column"],
        *,
        isotropic: bool,
        periodic: bool,
        together: int = 1,
    ) -> None:
        from mrrecon.solvers import tv_kernels

        n_problems, parts, planes, rows, columns = self._given = tuple(y.shape)
        self._threads = min(torch.get_num_threads(), -(-y[:together].numel() // _WORK))
        bytes_per_plane = parts * rows * (columns + 1) * y.element_size() * (7 if rows > 1 else 6)
        ghosts = max(1, min(16, planes // 16, _CACHE // bytes_per_plane - 2))
        slabs = max(1, min(-(-self._threads // together), planes // (4 * ghosts)))
        cuts = [slab * planes // slabs for slab in range(slabs + 1)]
        self._ghosts = ghosts
        tallest = max(after - before for before, after in itertools.pairwise(cuts))
        self._shape = (tallest + 2 * ghosts, rows, columns)
        self._slabs, self._cuts, self._periodic = slabs, cuts, periodic
        self._units = np.empty((n_problems * slabs, tv_kernels.COLUMNS), np.int64)
        for unit, row in enumerate(self._units):
            problem, slab = divmod(unit, slabs)
            before = problem * slabs + (slab - 1) % slabs if periodic or slab > 0 else -1
            after = problem * slabs + (slab + 1) % slabs if periodic or slab < slabs - 1 else -1
            row[:] = (unit, ghosts, ghosts + cuts[slab + 1] - cuts[slab], before, after, problem)
        self._stored = (n_problems, slabs, parts, *self._shape[:2], columns + 1)
        self._size = math.prod(self._stored)
        self._dtype = y.numpy().dtype
        self._flags = (
            (True,) if rows > 1 else (),
            (True,) if parts > 1 else (),
            (True,) if isotropic else (),
        )
        self._y, self._x, self._old, self._p0, self._p2 = (self._empty() for _ in range(5))
        self._p1 = self._empty() if rows > 1 else self._empty()[:1]
        self.aim(y)
        self.place(y)

    def aim(self, y: Float[Tensor, "problem part plane row column"]) -> None:
        """Another target."""
        self._fill(self._y, y)

    def place(self, x: Float[Tensor, "problem part plane row column"]) -> None:
        """Another image, at rest. The dual variable stays as it is."""
        self._fill(self._x, x)
        self._old[:] = self._x

    def advance(self, weights: Any, steps: Any, active: Any) -> None:
        """Steps of some problems.

        Args:
            weights: of total variation, an array with one for each problem.
            steps: array with a row (τ, σ, θ) for each step.
            active: numbers of the problems concerned, ascending.
        """
        from mrrecon.solvers import tv_kernels

        in_threads(
            tv_kernels.advance,
            *(self._x, self._old, self._p0, self._p1, self._p2, self._y),
            *(self._units, self._units_of(active), self._shape, self._ghosts),
            *(np.ascontiguousarray(steps, self._dtype), np.asarray(weights, self._dtype), self._periodic),
            *self._flags,
            threads=self._threads,
        )
        if len(steps) % 2:
            # Problems that rest keep their image where it is looked for.
            resting = np.setdiff1d(np.arange(self._given[0]), active)
            x, old = self._view(self._x), self._view(self._old)
            x[resting], old[resting] = old[resting], x[resting]
            self._x, self._old = self._old, self._x

    def measure(self, weights: Any, active: Any) -> Any:
        """Array with a row for each active problem.

        The sums of |Dx|, of w |Dx| - <p, Dx>, of (x - y + D^T p)² and of (x - y)².
        """
        from mrrecon.solvers import tv_measure

        sums = np.zeros((len(self._units), self._shape[0], 4))
        in_threads(
            tv_measure.measure,
            *(self._x, self._p0, self._p1, self._p2, self._y),
            *(self._units, self._units_of(active), self._shape),
            *(np.asarray(weights, self._dtype), self._periodic, sums),
            *self._flags,
            threads=self._threads,
        )
        # Plane after plane in one order, however many slabs there are.
        each = sums.reshape(self._given[0], self._slabs, self._shape[0], 4)[active]
        planes = [each[:, slab, : self._cuts[slab + 1] - self._cuts[slab]] for slab in range(self._slabs)]
        return np.ascontiguousarray(np.concatenate(planes, 1).transpose(0, 2, 1)).sum(-1)

    def image(self) -> Float[Tensor, "problem part plane row column"]:
        """The image, copied."""
        x, ghosts = self._view(self._x), self._ghosts
        image = np.empty(self._given, self._dtype)
        for slab in range(self._slabs):
            begin, end = self._cuts[slab : slab + 2]
            image[:, :, begin:end] = x[:, slab, :, ghosts : ghosts + end - begin, :, :-1]
        return torch.from_numpy(image)

    def _empty(self) -> Any:
        # One number before the first, and a row behind the last: kernels look there, to no effect.
        return np.zeros(1 + self._size + self._stored[-1], self._dtype)

    def _view(self, a: Any) -> Any:
        return a[1 : 1 + self._size].reshape(self._stored)

    def _fill(self, a: Any, tensor: Tensor) -> None:
        given, view, ghosts, columns = tensor.numpy(), self._view(a), self._ghosts, self._given[-1]
        for slab in range(self._slabs):
            begin, end = self._cuts[slab : slab + 2]
            if self._periodic:
                wanted = np.arange(begin - ghosts, end + ghosts) % self._given[2]
                view[:, slab, :, : len(wanted), :, :columns] = given[:, :, wanted]
            else:
                low, high = max(begin - ghosts, 0), min(end + ghosts, self._given[2])
                at = ghosts + low - begin
                view[:, slab, :, at : at + high - low, :, :columns] = given[:, :, low:high]
        view[..., columns] = view[..., 0] if self._periodic else view[..., columns - 1]

    def _units_of(self, problems: Any) -> Any:
        return (np.asarray(problems)[:, None] * self._slabs + np.arange(self._slabs)).reshape(-1)

"""State of total variation's primal-dual method as plain tensors, for any device and precision."""

from typing import Any

import torch
from jaxtyping import Float, Float64
from torch import Tensor

__all__ = ["PlainSteps"]


class PlainSteps:
    """What ``CompiledSteps`` is, a few times slower on the processor, and at home on any other device.

    Args:
        y: target (problem, part, plane, row, column), real; one part for real images, two for complex ones;
            one row for images of two dimensions.
        isotropic: whether a voxel's differences are taken together.
        periodic: whether the image goes on at the opposite edge; otherwise it is reflected.

    Example:
        >>> steps = PlainSteps(torch.ones(1, 1, 4, 1, 5), isotropic=True, periodic=False)
        >>> steps.image().shape
        torch.Size([1, 1, 4, 1, 5])
    """

    def __init__(
        self, y: Float[Tensor, "problem part plane row column"], *, isotropic: bool, periodic: bool
    ) -> None:
        self._axes = (2, 3, 4) if y.shape[3] > 1 else (2, 4)
        self._isotropic, self._periodic = isotropic, periodic
        self._p = torch.zeros(len(self._axes), *y.shape, dtype=y.dtype, device=y.device)
        self.aim(y)
        self.place(y)

    def aim(self, y: Float[Tensor, "problem part plane row column"]) -> None:
        """Another target."""
        self._y = y.clone()

    def place(self, x: Float[Tensor, "problem part plane row column"]) -> None:
        """Another image, at rest. The dual variable stays as it is."""
        self._x, self._old = x.clone(), x.clone()

    def advance(self, weights: Any, steps: Any, active: Any) -> None:
        """Steps of some problems.

        Args:
            weights: of total variation, an array with one for each problem.
            steps: array with a row (τ, σ, θ) for each step.
            active: numbers of the problems concerned, ascending.
        """
        chosen = self._chosen(active)
        x, old, y, p = self._x[chosen], self._old[chosen], self._y[chosen], self._p[:, chosen]
        weight = self._numbers(weights)[chosen]
        for tau, sigma, theta in steps.tolist():
            p = self._project(p + sigma * self._differences(x + theta * (x - old)), weight)
            x, old = (x + tau * (y - self._transposed(p))) / (1 + tau), x
        self._x[chosen], self._old[chosen], self._p[:, chosen] = x, old, p

    def measure(self, weights: Any, active: Any) -> Any:
        """Array with a row for each active problem.

        The sums of |Dx|, of w |Dx| - <p, Dx>, of (x - y + D^T p)² and of (x - y)².
        """
        chosen = self._chosen(active)
        x, y, p = self._x[chosen], self._y[chosen], self._p[:, chosen]
        weight = self._numbers(weights)[chosen]
        differences = self._differences(x)
        lengths, along = self._lengths(differences), p * differences
        sums: list[Float64[Tensor, " problem"]] = [
            _sum(lengths.transpose(0, 1)),
            _sum((weight * lengths).transpose(0, 1)) - _sum(along.transpose(0, 1)),
            _sum((x - y + self._transposed(p)).square()),
            _sum((x - y).square()),
        ]
        return torch.stack(sums, -1).cpu().numpy()

    def image(self) -> Float[Tensor, "problem part plane row column"]:
        """The image, copied."""
        return self._x.clone()

    def _chosen(self, active: Any) -> Any:
        everything = len(active) == len(self._y)
        return slice(None) if everything else torch.as_tensor(active, device=self._y.device)

    def _differences(self, x: Tensor) -> Tensor:
        if self._periodic:
            return torch.stack([x.roll(-1, axis) - x for axis in self._axes])
        return torch.stack([_padded(x.diff(dim=axis), axis, behind=True) for axis in self._axes])

    def _transposed(self, p: Tensor) -> Tensor:
        total = torch.zeros_like(p[0])
        for each, axis in zip(p, self._axes, strict=True):
            if self._periodic:
                total += each.roll(1, axis) - each
            else:
                inner = each.narrow(axis, 0, each.shape[axis] - 1)
                total += _padded(inner, axis, behind=False) - _padded(inner, axis, behind=True)
        return total

    def _lengths(self, differences: Tensor) -> Tensor:
        # The second axis but the batch: the parts. vector_norm over few elements is slow.
        squares = differences.square().sum(2, keepdim=True)
        return (squares.sum(0, keepdim=True) if self._isotropic else squares).sqrt()

    def _project(self, p: Tensor, weight: Tensor) -> Tensor:
        return p * (weight / self._lengths(p).maximum(weight))

    def _numbers(self, weights: Any) -> Tensor:
        numbers = torch.as_tensor(weights, dtype=self._y.dtype, device=self._y.device)
        return numbers.reshape(-1, 1, 1, 1, 1)


def _padded(x: Tensor, axis: int, *, behind: bool) -> Tensor:
    zeros = torch.zeros_like(x.narrow(axis, 0, 1) if x.shape[axis] else x.sum(axis, keepdim=True))
    return torch.cat([x, zeros] if behind else [zeros, x], axis)


def _sum(values: Tensor) -> Tensor:
    return values.double().flatten(1).sum(1)

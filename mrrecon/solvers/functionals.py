"""Convex functions of an image or a measurement: their values and their proximal maps."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float64, Inexact
from torch import Tensor

__all__ = ["L1", "Box", "Functional", "GroupL1", "Huber", "L2Squared", "NonNegative", "Poisson"]

Step = int | float | Tensor
"""A number, or a tensor that multiplies the argument, such as one step for each problem of a batch."""


@dataclass(frozen=True)
class Functional(ABC):
    r"""A convex function f of tensors, with a weight, about a target t.

    $$ \operatorname{prox}_{s f}(u) = \arg\min_v \; s f(v) + \tfrac12 \|v - u\|^2 $$

    Complex numbers count by their magnitude, but where a class says otherwise. A target None is zero.

    Args:
        weight: factor of the function, positive.
    """

    weight: int | float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.weight < math.inf:
            raise ValueError(f"weight={self.weight} must be a positive number, and finite")

    @abstractmethod
    def value(
        self, u: Inexact[Tensor, "*shape"], *, target: Tensor | None = None, n_batch: int = 0
    ) -> Float64[Tensor, "*batch"]:
        """``f(u)``, one number for each problem of a batch."""

    @abstractmethod
    def prox(
        self, u: Inexact[Tensor, "*shape"], step: Step, *, target: Tensor | None = None
    ) -> Inexact[Tensor, "*shape"]:
        """``prox_{step f}(u)``."""

    def prox_conjugate(
        self, u: Inexact[Tensor, "*shape"], step: Step, *, target: Tensor | None = None
    ) -> Inexact[Tensor, "*shape"]:
        r"""Proximal map of the convex conjugate, $u - s \operatorname{prox}_{f / s}(u / s)$ (Moreau)."""
        return u - step * self.prox(u / step, 1 / step, target=target)


@dataclass(frozen=True)
class L2Squared(Functional):
    """``w/2 ‖u - t‖²``.

    Example:
        >>> L2Squared(2.0).prox(torch.ones(1), 1.0)
        tensor([0.3333])
    """

    def value(self, u: Tensor, *, target: Tensor | None = None, n_batch: int = 0) -> Tensor:
        """Half the sum of squares, weighted."""
        return 0.5 * self.weight * _sum(_beyond(u, target).abs().square(), n_batch)

    def prox(self, u: Tensor, step: Step, *, target: Tensor | None = None) -> Tensor:
        """Average of ``u`` and the target."""
        pull = step * self.weight
        return (u if target is None else u + pull * target) / (1 + pull)

    def prox_conjugate(self, u: Tensor, step: Step, *, target: Tensor | None = None) -> Tensor:
        """``(u - s t) / (1 + s / w)``."""
        return (u if target is None else u - step * target) / (1 + step / self.weight)


@dataclass(frozen=True)
class L1(Functional):
    """``w Σ |u - t|``.

    Example:
        >>> L1(2.0).prox(torch.tensor([3.0, -1.0]), 1.0)
        tensor([1., 0.])
    """

    def value(self, u: Tensor, *, target: Tensor | None = None, n_batch: int = 0) -> Tensor:
        """Sum of the magnitudes, weighted."""
        return self.weight * _sum(_beyond(u, target).abs(), n_batch)

    def prox(self, u: Tensor, step: Step, *, target: Tensor | None = None) -> Tensor:
        """Soft thresholding."""
        rest = _beyond(u, target)
        shrunk = rest - _clip(rest, step * self.weight, rest.abs())
        return shrunk if target is None else shrunk + target

    def prox_conjugate(self, u: Tensor, step: Step, *, target: Tensor | None = None) -> Tensor:
        """Each number cut to the magnitude ``w``."""
        u = u if target is None else u - step * target
        return _clip(u, self.weight, u.abs())


@dataclass(frozen=True)
class GroupL1(Functional):
    """``w Σ ‖u‖`` over groups along an axis: isotropic total variation, if ``u`` is a gradient.

    Args:
        weight: factor, positive.
        axis: along which the numbers of a group stand. For ``FiniteDifference(ndim)`` it is ``-ndim - 1``.

    Example:
        >>> GroupL1(axis=0).value(torch.tensor([[3.0, 0.0], [4.0, 1.0]]))
        tensor(6., dtype=torch.float64)
    """

    axis: int = -3

    def value(self, u: Tensor, *, target: Tensor | None = None, n_batch: int = 0) -> Tensor:
        """Sum of the lengths of the groups, weighted."""
        return self.weight * _sum(self._length(_beyond(u, target)), n_batch)

    def prox(self, u: Tensor, step: Step, *, target: Tensor | None = None) -> Tensor:
        """Each group shortened by ``step * w``."""
        rest = _beyond(u, target)
        shrunk = rest - _clip(rest, step * self.weight, self._length(rest))
        return shrunk if target is None else shrunk + target

    def prox_conjugate(self, u: Tensor, step: Step, *, target: Tensor | None = None) -> Tensor:
        """Each group cut to the length ``w``."""
        u = u if target is None else u - step * target
        return _clip(u, self.weight, self._length(u))

    def _length(self, u: Tensor) -> Tensor:
        # linalg.vector_norm along a short axis takes twenty times as long.
        squares = u.real.square() + u.imag.square() if u.is_complex() else u.square()
        return squares.sum(self.axis, keepdim=True).sqrt()


@dataclass(frozen=True)
class Huber(Functional):
    r"""``w Σ h(|u - t|)``, squares near zero and magnitudes far away: few large errors count little.

    $$ h(a) = \tfrac12 a^2 \text{ up to } a = \delta, \quad \delta (a - \tfrac12 \delta) \text{ beyond} $$

    Args:
        weight: factor, positive.
        delta: δ, where the squares end; in the units of ``u``, positive.

    Raises:
        ValueError: a number is not positive.

    Example:
        >>> Huber(delta=1.0).value(torch.tensor([1.0, 3.0]))
        tensor(3., dtype=torch.float64)
    """

    delta: int | float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.delta < math.inf:
            raise ValueError(f"delta={self.delta} must be a positive number, and finite")

    def value(self, u: Tensor, *, target: Tensor | None = None, n_batch: int = 0) -> Tensor:
        """Sum of h, weighted."""
        size = _beyond(u, target).abs()
        near = size.clamp(max=self.delta)
        return self.weight * _sum(near * (size - 0.5 * near), n_batch)

    def prox(self, u: Tensor, step: Step, *, target: Tensor | None = None) -> Tensor:
        """Shrunk in proportion near the target, by a constant far from it."""
        rest = _beyond(u, target)
        pull = step * self.weight
        shrunk = rest - _clip(rest * (pull / (1 + pull)), pull * self.delta, None)
        return shrunk if target is None else shrunk + target

    def prox_conjugate(self, u: Tensor, step: Step, *, target: Tensor | None = None) -> Tensor:
        """That of the squares, cut to the magnitude ``w δ``."""
        u = (u if target is None else u - step * target) / (1 + step / self.weight)
        return _clip(u, self.weight * self.delta, None)


@dataclass(frozen=True)
class Poisson(Functional):
    r"""How unlikely counts t are where u + b is expected: the Kullback-Leibler divergence. Real numbers only.

    $$ w \sum \left( u + b - t + t \log \frac{t}{u + b} \right), \qquad u + b \ge 0 $$

    Args:
        weight: factor, positive.
        background: b, counts expected without an image, not negative.

    Raises:
        ValueError: the weight is not positive, or the background negative.

    Example:
        >>> Poisson().value(torch.ones(2), target=torch.ones(2))
        tensor(0., dtype=torch.float64)

    Reference:
        L. A. Shepp and Y. Vardi, "Maximum likelihood reconstruction for emission tomography", IEEE
        Transactions on Medical Imaging 1 (1982), doi:10.1109/TMI.1982.4307558.
    """

    background: int | float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.background < math.inf:
            raise ValueError(f"background={self.background} must be 0 or a positive number")

    def value(self, u: Tensor, *, target: Tensor | None = None, n_batch: int = 0) -> Tensor:
        """Divergence, weighted; infinite where counts were measured and none or fewer than none expected."""
        expected = u.double() + self.background
        counts = torch.zeros_like(expected) if target is None else target.double()
        ratio = torch.where(counts > 0, counts / expected.clamp(min=0), 1.0)
        loss = expected - counts + torch.special.xlogy(counts, ratio)
        return self.weight * _sum(torch.where(expected < 0, math.inf, loss), n_batch)

    def prox(self, u: Tensor, step: Step, *, target: Tensor | None = None) -> Tensor:
        """Positive root of ``z² - (u + b - s w) z - s w t``, less the background."""
        pull = step * self.weight
        return _root(u + self.background - pull, 0 if target is None else pull * target) - self.background

    def prox_conjugate(self, u: Tensor, step: Step, *, target: Tensor | None = None) -> Tensor:
        """The smaller root of ``(p - w) (p - u - s b) = s w t``: never above ``w``."""
        product = 0 if target is None else step * self.weight * target
        return self.weight - _root(self.weight - u - step * self.background, product)


@dataclass(frozen=True)
class Box(Functional):
    """0 where all numbers lie between two bounds, else infinite. Real numbers only; the weight has no effect.

    Args:
        weight: of no effect.
        lower: least number allowed, or None.
        upper: greatest number allowed, or None.

    Raises:
        ValueError: the lower bound is above the upper one.

    Example:
        >>> Box(lower=0.0, upper=1.0).prox(torch.tensor([-1.0, 2.0]), 1.0)
        tensor([0., 1.])
    """

    lower: int | float | None = None
    upper: int | float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lower is not None and self.upper is not None and not self.lower <= self.upper:
            raise ValueError(f"lower={self.lower} must not be above upper={self.upper}")

    def value(self, u: Tensor, *, target: Tensor | None = None, n_batch: int = 0) -> Tensor:
        """0 or infinity."""
        rest = _beyond(u, target)
        outside = (rest != self.prox(rest, 1.0)).flatten(n_batch).any(-1)
        return torch.where(outside, math.inf, 0.0).double()

    def prox(self, u: Tensor, step: Step, *, target: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Cut to the bounds."""
        if self.lower is None and self.upper is None:
            return u
        if target is None:
            return u.clamp(self.lower, self.upper)
        return (u - target).clamp(self.lower, self.upper) + target


class NonNegative(Box):
    """0 where no number is negative, else infinite.

    Example:
        >>> NonNegative().prox(torch.tensor([-1.0, 2.0]), 1.0)
        tensor([0., 2.])
    """

    def __init__(self) -> None:
        super().__init__(lower=0.0)


def _beyond(u: Tensor, target: Tensor | None) -> Tensor:
    return u if target is None else u - target


def _clip(u: Tensor, most: Step, size: Tensor | None) -> Tensor:
    """``u`` times what brings its size, or that of its groups, down to the most allowed."""
    size = u.abs() if size is None else size
    # Where the size is 0 the quotient is infinite, or 0 / 0 if nothing is allowed: both are cut to 1 or 0.
    return u * (most / size).nan_to_num(nan=0.0, posinf=1.0).clamp(max=1)


def _root(b: Tensor, c: Step) -> Tensor:
    """Positive root of ``z² - b z - c``, without cancellation."""
    root = (b.square() + 4 * c).sqrt()
    return torch.where(b > 0, 0.5 * (b + root), 2 * c / (root - b).clamp(min=torch.finfo(b.dtype).tiny))


def _sum(u: Tensor, n_batch: int) -> Tensor:
    return u.flatten(n_batch).sum(-1, dtype=torch.float64)

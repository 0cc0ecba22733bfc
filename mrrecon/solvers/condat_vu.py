"""The iteration of Condat and Vu, over-relaxed, with steps that balance themselves."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mrrecon.operators import Identity, LinearOperator
from mrrecon.solvers.functionals import Box, Functional, L2Squared
from mrrecon.solvers.history import Recorder
from mrrecon.solvers.inner_products import inner, over, squared_norm
from mrrecon.solvers.operator_norm import operator_norm
from mrrecon.solvers.step_balance import StepBalance

__all__ = ["CondatVu"]


@dataclass
class _Point:
    """An image and its duals, and what the operators make of them: all of it linear in the point."""

    x: Tensor
    gram: Tensor
    force: Tensor
    duals: list[Tensor]
    images: list[Tensor]

    def tensors(self) -> list[Tensor]:
        return [self.x, self.gram, self.force, *self.duals, *self.images]

    @classmethod
    def of(cls, tensors: Sequence[Tensor]) -> "_Point":
        n_terms = (len(tensors) - 3) // 2
        x, gram, force = tensors[:3]
        return cls(x, gram, force, list(tensors[3 : 3 + n_terms]), list(tensors[3 + n_terms :]))


class CondatVu:
    """A problem of ``primal_dual``, ready to be iterated.

    Args:
        A: operator.
        y: measurement.
        b: ``A^H y``, not zero.
        terms: functions and their operators.
        data: data term.
        lower: least value allowed, or None.
        upper: greatest value allowed, or None.
        n_batch: number of leading axes that count independent problems.
    """

    def __init__(
        self,
        A: LinearOperator,
        y: Tensor,
        b: Tensor,
        *,
        terms: Sequence[tuple[Functional, LinearOperator]],
        data: Functional,
        lower: int | float | None,
        upper: int | float | None,
        n_batch: int,
    ) -> None:
        self.A, self.data, self.b, self.n_batch = A, data, b, n_batch
        self.smooth = isinstance(data, L2Squared)
        self.box = Box(lower=lower, upper=upper)
        self.terms: list[tuple[Functional, LinearOperator, Tensor | None]] = [(f, K, None) for f, K in terms]
        if not self.smooth:
            self.terms.append((data, A, y))
        if not self.terms:
            self.terms.append((self.box, Identity(), None))
        self.right = data.weight * b if self.smooth else torch.zeros_like(b)
        self.constant = 0.5 * data.weight * squared_norm(y, n_batch=n_batch)
        norms = [operator_norm(K, b, n_batch=n_batch) for _, K, _ in self.terms]
        # An operator that is zero has any norm.
        self.norms = torch.stack([torch.where(norm > 0, norm, 1.0) for norm in norms])

    def solve(self, initial: Tensor | None, recorder: Recorder, max_iterations: int) -> Tensor:
        """Iterate until the recorder is content; the image of each problem when it first was."""
        n_batch = self.n_batch
        # The step of steepest descent from zero: an image of the right size.
        seen = squared_norm(self.b, n_batch=n_batch) / squared_norm(self.A(self.b), n_batch=n_batch)
        scaled = over(seen, self.b) * self.b
        size = self._norm(scaled)
        start = self.box.prox(scaled if initial is None else initial, 1.0)
        point, steps = self._start(start), self._steps(scaled, size)
        best, anchor, active = point.x, point, torch.ones_like(size, dtype=torch.bool)
        for iteration in range(max_iterations + 1):
            new, largest = self._step(point, steps)
            forces, images, length = self._residuals(point, new, steps, size=size, largest=largest)
            criterion = torch.maximum(forces, images)
            best = torch.where(_choose(active, new.x), new.x, best)
            if iteration == 0:
                worst = criterion
            worst = torch.where(active, criterion, worst)
            active = active & (criterion > recorder.tolerance)
            if recorder.add(best, criterion=float(worst.max()), objective=self._objective(new)):
                break
            relaxation = 1.49 if self.smooth else 1.98
            mixed = torch._foreach_lerp(point.tensors(), new.tensors(), relaxation)
            point = _Point.of(mixed)
            now = steps.look(length, iteration + 1)
            if bool(now.any()):
                moved, pull = self._norm(point.x - anchor.x), self._pulls(point, anchor)
                steps.update(now, moved=moved, pull=pull, forces=forces, images=images)
                chosen = zip(point.tensors(), anchor.tensors(), strict=True)
                anchor = _Point.of([torch.where(_choose(now, a), a, b) for a, b in chosen])
        return best

    def _start(self, x: Tensor) -> _Point:
        images = [K(x) for _, K, _ in self.terms]
        duals = [torch.zeros_like(image) for image in images]
        return _Point(x, self._gram(x), torch.zeros_like(x), duals, images)

    def _steps(self, x: Tensor, size: Tensor) -> StepBalance:
        """First guesses: the image is off by a third of its size, the duals by their functions' slopes."""
        slopes = []
        for f, K, target in self.terms:
            if isinstance(f, Box):
                # Infinitely steep or not at all: no guess.
                slopes.append(torch.zeros_like(size))
                continue
            image = K(0.5 * x)
            typical = self._norm(image) / math.sqrt(image[(0,) * self.n_batch].numel())
            # The slope at u is the limit, for large s, of the proximal map of the conjugate at s u.
            large = over(1e4 * f.weight / typical.clamp(min=torch.finfo(torch.float32).tiny), image)
            slopes.append(self._norm(f.prox_conjugate(large * image, large, target=target)))
        lipschitz = torch.zeros_like(size)
        if self.smooth:
            lipschitz = self.data.weight * operator_norm(self.A, x, n_batch=self.n_batch).square()
        return StepBalance(lipschitz, self.norms, self.norms * torch.stack(slopes), 0.3 * size)

    def _step(self, at: _Point, steps: StepBalance) -> tuple[_Point, Tensor]:
        """One step without relaxation, what the operators make of its result, and the largest force."""
        tau, sigma = over(steps.tau, at.x), steps.sigma
        x = self.box.prox(at.x - tau * (at.gram - self.right + at.force), 1.0)
        duals, images, force, largest = [], [], torch.zeros_like(x), self._norm(self.right)
        for i, (f, K, target) in enumerate(self.terms):
            image, step = K(x), over(sigma[i], at.images[i])
            dual = f.prox_conjugate(at.duals[i] + step * (2 * image - at.images[i]), step, target=target)
            images.append(image)
            duals.append(dual)
            pull = K.adjoint(dual)
            force = force + pull
            largest = torch.maximum(largest, self._norm(pull))
        return _Point(x, self._gram(x), force, duals, images), largest

    def _residuals(
        self, old: _Point, new: _Point, steps: StepBalance, *, size: Tensor, largest: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Residuals of the forces and of the images, and the step's length in the norm that contracts."""
        n_batch, sigma = self.n_batch, steps.sigma
        dx, force = old.x - new.x, new.force - old.force
        left = dx / over(steps.tau, dx) + (new.gram - old.gram) + force
        scale = torch.maximum(self._norm(new.x), 0.1 * size)
        length = squared_norm(dx, n_batch=n_batch) / steps.tau + 2 * inner(dx, force, n_batch=n_batch)
        worst = torch.zeros_like(size)
        for i in range(len(self.terms)):
            dp = old.duals[i] - new.duals[i]
            rest = dp / over(sigma[i], dp) + new.images[i] - old.images[i]
            worst = torch.maximum(worst, self._norm(rest) / (self.norms[i] * scale))
            length = length + squared_norm(dp, n_batch=n_batch) / sigma[i]
        forces = self._norm(left) / largest.clamp(min=torch.finfo(torch.float64).tiny)
        return forces, worst, length.clamp(min=0).sqrt()

    def _objective(self, at: _Point) -> float:
        value = torch.zeros_like(self.constant)
        if self.smooth:
            value = self.constant + 0.5 * inner(at.x, at.gram, n_batch=self.n_batch)
            value = value - inner(at.x, self.right, n_batch=self.n_batch)
        for (f, _, target), image in zip(self.terms, at.images, strict=True):
            value = value + f.value(image, target=target, n_batch=self.n_batch)
        return float(value.sum())

    def _gram(self, x: Tensor) -> Tensor:
        return self.data.weight * self.A.gram(x) if self.smooth else torch.zeros_like(x)

    def _norm(self, u: Tensor) -> Tensor:
        return squared_norm(u, n_batch=self.n_batch).sqrt()

    def _pulls(self, a: _Point, b: _Point) -> Tensor:
        moved = [self._norm(p - q) for p, q in zip(a.duals, b.duals, strict=True)]
        return self.norms * torch.stack(moved)


def _choose(mask: Tensor, x: Tensor) -> Tensor:
    """A truth value for each problem, with the axes that choose between images."""
    return mask.reshape(*mask.shape, *[1] * (x.ndim - mask.ndim))

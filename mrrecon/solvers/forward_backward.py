"""Accelerated proximal gradients with restart: the loop that total variation and wavelet sparsity share."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float64, Inexact
from torch import Tensor

from mrrecon.operators import LinearOperator
from mrrecon.solvers.forward_backward_vectors import compare, move
from mrrecon.solvers.history import Callback, History, Recorder
from mrrecon.solvers.inner_products import inner, over, squared_norm
from mrrecon.solvers.operator_norm import operator_norm

__all__ = ["Proximal", "Proximity", "forward_backward"]

_LONGER = 1.3
"""First step, in units of the one that is safe for any image."""


@dataclass(frozen=True)
class Proximity:
    r"""Image x found for $\arg\min_x \tfrac12 \|x - v\|^2 + s R(x)$, with how well it was found.

    Args:
        x: the image.
        value: R(x), for each problem.
        residual: $\|x - v + s g\|$ with g the (approximate) subgradient of R found; 0 where x is exact.
        slack: $1 - \langle g, x \rangle / R(x)$ where R is a norm, else the like; 0 where x is exact.
    """

    x: Tensor
    value: Float64[Tensor, "*batch"]
    residual: Float64[Tensor, "*batch"]
    slack: Float64[Tensor, "*batch"]


class Proximal(ABC):
    """A regulariser R that can be minimised together with a distance."""

    @abstractmethod
    def value(self, x: Tensor) -> Float64[Tensor, "*batch"]:
        """``R(x)``, or NaN where it is not known."""

    @abstractmethod
    def near(
        self,
        v: Tensor,
        step: Float64[Tensor, "*batch"],
        *,
        moved: Float64[Tensor, "*batch"],
        active: Bool[Tensor, "*batch"],
    ) -> Proximity:
        r"""The image for v and the step s; where R needs a method of its own, to a part of ``moved``.

        Args:
            v: image to stay near to.
            step: s.
            moved: the last square of the distance between x and the point extrapolated to.
            active: problems that still need it.
        """


def forward_backward(
    A: LinearOperator,
    y: Inexact[Tensor, "*measurement"],
    b: Inexact[Tensor, "*image"],
    proximal: Proximal,
    *,
    initial: Inexact[Tensor, "*image"] | None,
    tolerance: int | float,
    max_iterations: int,
    callback: Callback | None,
    n_batch: int,
) -> tuple[Inexact[Tensor, "*image"], History]:
    r"""Minimum of $\tfrac12 \|A x - y\|^2 + R(x)$ by one product with $A^H A$ an iteration.

    FISTA (Beck and Teboulle), started anew when its momentum points uphill (O'Donoghue and Candès). The step
    is longer than $1 / \|A\|^2$, and shortened when it turns out to have been too long for the move d made,
    $s \|A d\|^2 > \|d\|^2$: the reverse inequality is all that the proof of convergence asks of a step.

    The criterion is the larger one of two: the residual of the condition for a minimum,
    $\|A^H (A x - y) + g\| / \|A^H y\|$, and the slack with which g is a subgradient of R at x.

    Args:
        A: operator.
        y: measurement.
        b: ``A^H y``.
        proximal: R.
        initial: where to start; None: the best multiple of b.
        tolerance: of the criterion.
        max_iterations: the most iterations.
        callback: called after each iteration.
        n_batch: number of leading axes that count independent problems.
    """
    recorder = Recorder(tolerance=tolerance, callback=callback)
    b = b.contiguous()
    length = squared_norm(b, n_batch=n_batch).sqrt()
    constant = squared_norm(y, n_batch=n_batch) / 2
    x = (b if initial is None else initial).clone(memory_format=torch.contiguous_format)
    gram_x = A.gram(x).clone(memory_format=torch.contiguous_format)
    if initial is None:
        # As much of A^H y as explains the measurement best.
        best = over(inner(x, b, n_batch=n_batch) / inner(x, gram_x, n_batch=n_batch), x)
        x, gram_x = best * x, best * gram_x
    value = proximal.value(x)
    objective = inner(x, gram_x, n_batch=n_batch) / 2 - inner(x, b, n_batch=n_batch) + constant + value
    # With the subgradient 0, which has all the slack there is.
    criterion = squared_norm(gram_x - b, n_batch=n_batch).sqrt() / length
    criterion = criterion.maximum((value != 0).double())
    step = _LONGER / operator_norm(A, b, n_batch=n_batch).square()
    active = criterion > tolerance
    known = not bool(value.isnan().any())
    recorder.add(x, criterion=float(criterion.max()), objective=float(objective.sum()) if known else None)

    z, gram_z = x.clone(), gram_x.clone()
    v = z - over(step, z) * (gram_z - b)
    moved = squared_norm(v - z, n_batch=n_batch)
    momentum = torch.ones_like(length)
    for _ in range(max_iterations):
        if not bool(active.any()):
            break
        found = proximal.near(v, step, moved=moved, active=active)
        gram_new = A.gram(found.x)
        sums = compare(found.x, gram_new, x, z, gram_z, b, step, n_batch=n_batch)
        accepted = active & ~(step * sums.bent > sums.moved * (1 + 1e-3))
        moved = torch.where(active, sums.moved, moved)
        criterion = torch.where(
            accepted, found.slack.maximum((sums.residual.sqrt() + found.residual / step) / length), criterion
        )
        objective = torch.where(accepted, sums.energy / 2 - sums.data + constant + found.value, objective)
        momentum = torch.where(accepted & (sums.turned > 0), 1.0, momentum)
        after = (1 + (1 + 4 * momentum.square()).sqrt()) / 2
        beta = (momentum - 1) / after
        momentum = torch.where(accepted, after, momentum)
        shorter = torch.minimum(0.8 * step, 0.95 * sums.moved / sums.bent)
        step = torch.where(active & ~accepted, shorter, step)
        move(found.x, gram_new, x, gram_x, z, gram_z, b, v, beta, step, accepted)
        active = active & (criterion > tolerance)
        recorder.add(x, criterion=float(criterion.max()), objective=float(objective.sum()) if known else None)
    return x, recorder.history()

"""Conjugate gradients for equations with a Hermitian positive definite left-hand side."""

from collections.abc import Callable

import torch
from jaxtyping import Float64, Inexact
from torch import Tensor

from mrrecon.operators import LinearOperator
from mrrecon.solvers.history import Callback, History, Recorder
from mrrecon.solvers.inner_products import advance, inner, redirect, squared_norm

__all__ = ["Preconditioner", "solve_positive_definite"]

Preconditioner = LinearOperator | Callable[[Tensor], Tensor]
"""Approximate inverse of the left-hand side: Hermitian, positive definite, the same at every call."""


@torch.no_grad()
def solve_positive_definite(
    left: Callable[[Tensor], Tensor],
    right: Inexact[Tensor, "*batch_and_image"],
    *,
    initial: Inexact[Tensor, "*batch_and_image"] | None = None,
    preconditioner: Preconditioner | None = None,
    constant: Float64[Tensor, "*batch"] | None = None,
    tolerance: int | float = 1e-6,
    max_iterations: int = 100,
    callback: Callback | None = None,
    n_batch: int = 0,
) -> tuple[Inexact[Tensor, "*batch_and_image"], History]:
    r"""Solution of ``N x = b`` by preconditioned conjugate gradients.

    The criterion is $\|b - N x\| / \|b\|$, the residual as the iteration carries it on. Of a batch each
    problem stops when its own criterion is met, as it would alone. A problem also stops for good where
    $\langle p, N p \rangle$ is no longer positive: N is singular there, or rounding is all that is left.

    Args:
        left: N, a function of an image.
        right: b.
        initial: where to start; None: zero.
        preconditioner: approximate inverse of N, or None.
        constant: added to the objective ½<x, N x> - Re<b, x>, one number a problem; None: 0.
        tolerance: of the criterion.
        max_iterations: the most products with N, but for one of a warm start.
        callback: called after each iteration.
        n_batch: number of leading axes that count independent problems.

    Example:
        >>> x, history = solve_positive_definite(lambda x: 2 * x, torch.ones(3))
        >>> x, history.iterations
        (tensor([0.5000, 0.5000, 0.5000]), 1)
    """
    recorder = _Delayed(Recorder(tolerance=tolerance, callback=callback), right)
    b2 = squared_norm(right, n_batch=n_batch)
    if initial is None:
        x, r = torch.zeros_like(right), right.clone(memory_format=torch.contiguous_format)
        rr, objective = b2, torch.zeros_like(b2)
    else:
        x = initial.clone(memory_format=torch.contiguous_format)
        r = (right - left(x)).contiguous()
        rr = squared_norm(r, n_batch=n_batch)
        objective = -0.5 * (inner(x, right, n_batch=n_batch) + inner(x, r, n_batch=n_batch))
    # Without a right-hand side the residual is compared with itself at the start.
    scale2 = torch.where(b2 > 0, b2, torch.where(rr > 0, rr, 1.0))
    if constant is not None:
        objective = objective + constant

    def precondition(r: Tensor) -> tuple[Tensor, Tensor]:
        if preconditioner is None:
            return r, rr
        z = preconditioner(r)
        return z, inner(r, z, n_batch=n_batch)

    z, rz = precondition(r)
    p = z.clone(memory_format=torch.contiguous_format)
    active = rr > tolerance**2 * scale2
    done = recorder.add(x, objective, rr / scale2, active)
    for _ in range(max_iterations):
        if done:
            break
        q = left(p)
        curvature = inner(p, q, n_batch=n_batch)
        active = active & (curvature > 0) & (rz > 0)
        alpha = torch.where(active, rz / curvature, 0.0)
        rr = advance(x, r, p=p, q=q, alpha=alpha)
        objective = objective - 0.5 * alpha * rz
        z, rz_new = precondition(r)
        # A problem that has stopped keeps its direction, and with a step of 0 its image.
        redirect(p, z, torch.where(active, rz_new / rz, 1.0))
        rz = torch.where(active, rz_new, rz)
        active = active & (rr > tolerance**2 * scale2)
        done = recorder.add(x, objective, rr / scale2, active)
    recorder.flush(x)
    return x, recorder.recorder.history()


class _Delayed:
    """Asks the device for its numbers only now and then, so that it does not wait for the processor."""

    def __init__(self, recorder: Recorder, like: Tensor) -> None:
        self.recorder = recorder
        self.every = 8 if like.device.type != "cpu" and recorder.callback is None else 1
        self.waiting: list[Tensor] = []

    def add(self, x: Tensor, objective: Tensor, criterion2: Tensor, active: Tensor) -> bool:
        """Note an iteration; True when all problems have stopped, as far as is known."""
        numbers = (objective.sum(), criterion2.max(), active.any().double())
        self.waiting.append(torch.stack(numbers))
        return len(self.waiting) >= self.every and self.flush(x)

    def flush(self, x: Tensor) -> bool:
        """Fetch what waits, up to the iteration at which all had stopped: those after it changed nothing."""
        waiting, self.waiting = self.waiting, []
        for objective, criterion2, active in torch.stack(waiting).tolist() if waiting else []:
            self.recorder.add(x, criterion=criterion2**0.5, objective=objective)
            if not active:
                return True
        return False

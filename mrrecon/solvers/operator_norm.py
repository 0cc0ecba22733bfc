"""The spectral norm of an operator, from which solvers take their steps."""

import torch
from jaxtyping import Float64, Inexact
from torch import Tensor

from mrrecon.operators import LinearOperator
from mrrecon.solvers.inner_products import inner, over, squared_norm

__all__ = ["operator_norm"]


@torch.no_grad()
def operator_norm(
    A: LinearOperator,
    x: Inexact[Tensor, "*batch_and_image"],
    *,
    n_batch: int = 0,
    use_bound: bool = True,
    generator: torch.Generator | None = None,
    tolerance: float = 0.02,
    max_iterations: int = 30,
) -> Float64[Tensor, "*batch"]:
    r"""A number that the spectral norm of ``A`` does not exceed, and comes close to.

    $$ \|A\| = \max_{x \ne 0} \|A x\| / \|x\| $$

    A step longer than the norm allows makes a solver diverge, a bound twice too large makes it twice as slow.
    Where ``A`` knows a bound, that is the answer: it costs nothing, and for the operators of this package it
    is exact or close to it. With ``use_bound=False``, or where none is known, Lanczos's method finds the
    largest eigenvalue of ``A^H A`` from the same products that power iteration forms, in far fewer of them.
    Its value approaches from below; the answer adds the length of the residual, with which it has been found
    to lie above in practice (Zhou and Li), and a margin. The known bound, if there is one, caps it.

    Args:
        A: operator.
        x: an image of the size, type and device in question; its values do not matter.
        n_batch: number of leading axes of ``x`` that count independent problems, each with its norm.
        use_bound: take ``A.norm_bound`` where there is one. False pays where a bound is loose and hundreds
            of iterations will follow.
        generator: source of the first vector; None: one with the seed 0.
        tolerance: part of the norm by which the answer may be too large.
        max_iterations: the most products with ``A^H A``.

    Raises:
        ValueError: the tolerance is not positive, or no iteration is allowed.

    Example:
        >>> from mrrecon.operators import Identity
        >>> operator_norm(3 * Identity(), torch.zeros(8))
        tensor(3., dtype=torch.float64)

    Reference:
        Y. Zhou and R.-C. Li, "Bounding the spectrum of large Hermitian matrices", Linear Algebra and its
        Applications 435 (2011), doi:10.1016/j.laa.2010.06.034.
    """
    if not tolerance > 0:
        raise ValueError(f"tolerance={tolerance} must be positive")
    if max_iterations < 1:
        raise ValueError(f"max_iterations={max_iterations} must be at least 1")
    shape = x.shape[:n_batch]
    bound = A.norm_bound
    if bound is not None and use_bound:
        return torch.full(shape, bound, dtype=torch.float64, device=x.device)
    if generator is None:
        generator = torch.Generator(x.device).manual_seed(0)
    # The same start for each problem of a batch, so that a batch equals a loop.
    start = torch.randn(x.shape[n_batch:], dtype=x.dtype, device=generator.device, generator=generator)
    square = _largest_eigenvalue(
        A, start.to(x.device).expand(x.shape), n_batch=n_batch, tolerance=2 * tolerance, steps=max_iterations
    )
    # Where large eigenvalues lie close together the residual is small before the largest is found.
    norm = square.clamp(min=0).sqrt() * (1 + 0.5 * tolerance)
    return norm if bound is None else norm.clamp(max=bound)


def _largest_eigenvalue(
    A: LinearOperator, start: Tensor, *, n_batch: int, tolerance: float, steps: int
) -> Tensor:
    """Upper estimate of the largest eigenvalue of ``A^H A``, by Lanczos's three-term recurrence."""
    length = squared_norm(start, n_batch=n_batch).sqrt()
    v, before = start / over(length, start), torch.zeros_like(start)
    diagonal: list[Tensor] = []
    beside: list[Tensor] = [torch.zeros_like(length)]
    answer = torch.zeros_like(length)
    done = torch.zeros_like(length, dtype=torch.bool)
    for step in range(steps):
        w = A.gram(v)
        diagonal.append(inner(v, w, n_batch=n_batch))
        w = w - over(diagonal[-1], w) * v - over(beside[-1], w) * before
        beside.append(squared_norm(w, n_batch=n_batch).sqrt())
        tridiagonal = torch.diag_embed(torch.stack(diagonal, -1))
        if step:
            off = torch.diag_embed(torch.stack(beside[1:-1], -1), offset=1)
            tridiagonal = tridiagonal + off + off.mT
        values, vectors = torch.linalg.eigh(tridiagonal.cpu())
        value = values[..., -1].to(start.device)
        residual = beside[-1] * vectors[..., -1, -1].abs().to(start.device)
        # A problem of a batch keeps what it would have got alone.
        answer = torch.where(done, answer, value + residual)
        # Where there are few distinct eigenvalues the Krylov space ends early, and w is rounding only.
        done = done | (residual <= tolerance * value)
        if bool(done.all()):
            break
        v, before = w / over(beside[-1].clamp(min=torch.finfo(torch.float32).tiny), w), v
    return answer

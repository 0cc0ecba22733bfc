"""Inner products, and the updates of conjugate gradients, for each of the independent problems of a batch."""

import math

import numpy as np
import torch
from jaxtyping import Float64, Inexact
from torch import Tensor

from mrrecon.threads import in_threads

__all__ = ["advance", "inner", "over", "redirect", "squared_norm"]


def inner(
    a: Inexact[Tensor, "*batch_and_image"], b: Inexact[Tensor, "*batch_and_image"], *, n_batch: int = 0
) -> Float64[Tensor, "*batch"]:
    r"""Real part of the inner product, summed in float64.

    $$ \Re \sum_i \overline{a_i} \, b_i $$

    Args:
        a: real or complex.
        b: of the same type and shape.
        n_batch: number of leading axes that count independent problems.

    Example:
        >>> inner(torch.tensor([1j, 2]), torch.tensor([1j, 3]))
        tensor(7., dtype=torch.float64)
    """
    shape = a.shape[:n_batch]
    rows = _rows(n_batch, a, b)
    if _compiled(*rows):
        from mrrecon.solvers import vector_kernels

        left, right = (each.numpy() for each in rows)
        partial = np.zeros((left.shape[0], -(-left.shape[1] // vector_kernels.PIECE)))
        if _worth_threads(left.size):
            in_threads(vector_kernels.inner_parallel, left, right, partial, threads=torch.get_num_threads())
        else:
            vector_kernels.inner(left, right, partial)
        return torch.from_numpy(partial.sum(-1)).reshape(shape)
    return torch.linalg.vecdot(rows[0].double(), rows[1].double()).reshape(shape)


def squared_norm(a: Inexact[Tensor, "*batch_and_image"], *, n_batch: int = 0) -> Float64[Tensor, "*batch"]:
    """Sum of the squared magnitudes, in float64.

    Args:
        a: real or complex.
        n_batch: number of leading axes that count independent problems.

    Example:
        >>> squared_norm(torch.tensor([3 + 4j]))
        tensor(25., dtype=torch.float64)
    """
    return inner(a, a, n_batch=n_batch)


def advance(
    x: Inexact[Tensor, "*batch_and_image"],
    r: Inexact[Tensor, "*batch_and_image"],
    *,
    p: Inexact[Tensor, "*batch_and_image"],
    q: Inexact[Tensor, "*batch_and_image"],
    alpha: Float64[Tensor, "*batch"],
) -> Float64[Tensor, "*batch"]:
    r"""``x += α p`` and ``r -= α q`` in place, in one pass; the squared norm of the new ``r``.

    Args:
        x: contiguous, changed.
        r: contiguous, changed.
        p: direction in which x goes.
        q: direction from which r comes.
        alpha: a step for each problem; its axes are the first ones of the others.

    Example:
        >>> x, r, step = torch.zeros(2), torch.ones(2), torch.ones((), dtype=torch.float64)
        >>> advance(x, r, p=torch.ones(2), q=torch.ones(2), alpha=step), x
        (tensor(0., dtype=torch.float64), tensor([1., 1.]))
    """
    rows = _rows(alpha.ndim, x, r, p, q)
    if _compiled(*rows):
        from mrrecon.solvers import vector_kernels

        arrays = [each.numpy() for each in rows]
        partial = np.zeros((arrays[0].shape[0], -(-arrays[0].shape[1] // vector_kernels.PIECE)))
        # In the vectors' own precision, or the kernel would compute in double.
        arrays += [alpha.detach().to(rows[0].dtype).reshape(-1).numpy(), partial]
        if _worth_threads(arrays[0].size):
            in_threads(vector_kernels.advance_parallel, *arrays, threads=torch.get_num_threads())
        else:
            vector_kernels.advance(*arrays)
        return torch.from_numpy(partial.sum(-1)).reshape(alpha.shape)
    x.addcmul_(over(alpha, x), p)
    r.addcmul_(over(alpha, r), q, value=-1)
    return squared_norm(r, n_batch=alpha.ndim)


def redirect(
    p: Inexact[Tensor, "*batch_and_image"],
    z: Inexact[Tensor, "*batch_and_image"],
    beta: Float64[Tensor, "*batch"],
) -> None:
    """``p = z + β p`` in place.

    Args:
        p: contiguous, changed.
        z: what is added.
        beta: a factor for each problem; its axes are the first ones of the others.

    Example:
        >>> p = torch.ones(2)
        >>> redirect(p, torch.ones(2), torch.tensor(2.0, dtype=torch.float64))
        >>> p
        tensor([3., 3.])
    """
    rows = _rows(beta.ndim, p, z)
    if _compiled(*rows):
        from mrrecon.solvers import vector_kernels

        old, new = (each.numpy() for each in rows)
        factor = beta.detach().to(rows[0].dtype).reshape(-1).numpy()
        pieces = -(-old.shape[1] // vector_kernels.PIECE)
        if _worth_threads(old.size):
            in_threads(
                vector_kernels.redirect_parallel, old, new, factor, pieces, threads=torch.get_num_threads()
            )
        else:
            vector_kernels.redirect(old, new, factor, pieces)
        return
    p.mul_(over(beta, p)).add_(z)


def over(
    scale: Float64[Tensor, "*batch"], x: Inexact[Tensor, "*batch_and_image"]
) -> Inexact[Tensor, "*batch_and_ones"]:
    """A number for each problem, with the axes and the precision that multiply an image.

    Args:
        scale: one number a problem.
        x: image with the problems' axes in front.

    Example:
        >>> over(torch.ones(2, dtype=torch.float64), torch.ones(2, 3, 4)).shape
        torch.Size([2, 1, 1])
    """
    real = x.real.dtype if x.is_complex() else x.dtype
    return scale.to(real).reshape(*scale.shape, *[1] * (x.ndim - scale.ndim))


def _rows(n_batch: int, *tensors: Tensor) -> list[Tensor]:
    """One row of real numbers for each problem; views where the tensors are contiguous."""
    n_rows = math.prod(tensors[0].shape[:n_batch])
    real = [torch.view_as_real(each.resolve_conj()) if each.is_complex() else each for each in tensors]
    return [each.reshape(n_rows, -1) for each in real]


def _compiled(*tensors: Tensor) -> bool:
    """Whether the compiled kernels can be used: on the processor, where no gradient is asked for."""
    first = tensors[0]
    if first.device.type != "cpu" or first.dtype not in (torch.float32, torch.float64):
        return False
    recording = torch.is_grad_enabled() and any(each.requires_grad for each in tensors)
    return not recording and all(each.dtype == first.dtype and not each.is_neg() for each in tensors)


def _worth_threads(count: int) -> bool:
    """Whether there is enough to do for more than one thread."""
    return count >= _WORTH_THREADS and torch.get_num_threads() > 1


_WORTH_THREADS = 1 << 18

"""The vector work of a proximal gradient step: compiled on the processor, plain tensors elsewhere."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from mrrecon.solvers.inner_products import inner, over, squared_norm
from mrrecon.threads import in_threads

__all__ = ["Sums", "compare", "move"]


@dataclass(frozen=True)
class Sums:
    r"""Inner products of a new image x' = z + d with its predecessor x.

    Args:
        moved: $\|d\|^2$.
        bent: $\|A d\|^2$.
        turned: $\langle z - x', x' - x \rangle$, positive where the momentum points uphill.
        energy: $\|A x'\|^2$.
        data: $\langle x', A^H y \rangle$.
        residual: $\|A^H A d - d / s\|^2$.
    """

    moved: Float64[Tensor, "*batch"]
    bent: Float64[Tensor, "*batch"]
    turned: Float64[Tensor, "*batch"]
    energy: Float64[Tensor, "*batch"]
    data: Float64[Tensor, "*batch"]
    residual: Float64[Tensor, "*batch"]


def compare(
    new: Tensor,
    gram_new: Tensor,
    x: Tensor,
    z: Tensor,
    gram_z: Tensor,
    b: Tensor,
    step: Float64[Tensor, "*batch"],
    *,
    n_batch: int,
) -> Sums:
    """The inner products of one iteration, in one pass over memory where compiled."""
    if _compiled(b):
        from mrrecon.solvers import forward_backward_kernels as kernels

        rows = [_rows(each, n_batch) for each in (new, gram_new, x, z, gram_z, b)]
        sums = np.zeros((len(rows[0]), -(-rows[0].shape[1] // kernels.PIECE), kernels.N_SUMS))
        in_threads(kernels.compare, *rows, _numbers(1 / step, b), sums, threads=_threads(b))
        columns = torch.from_numpy(sums.sum(1)).T.reshape(kernels.N_SUMS, *step.shape)
        return Sums(*columns)
    d, gram_d = new - z, gram_new - gram_z
    return Sums(
        squared_norm(d, n_batch=n_batch),
        inner(d, gram_d, n_batch=n_batch),
        -inner(d, new - x, n_batch=n_batch),
        inner(new, gram_new, n_batch=n_batch),
        inner(new, b, n_batch=n_batch),
        squared_norm(gram_d - d / over(step, d), n_batch=n_batch),
    )


def move(
    new: Tensor,
    gram_new: Tensor,
    x: Tensor,
    gram_x: Tensor,
    z: Tensor,
    gram_z: Tensor,
    b: Tensor,
    v: Tensor,
    beta: Float64[Tensor, "*batch"],
    step: Float64[Tensor, "*batch"],
    accepted: Bool[Tensor, "*batch"],
) -> None:
    """In place: x and z of accepted problems, with their grams, and v of all."""
    if _compiled(b):
        from mrrecon.solvers import forward_backward_kernels as kernels

        rows = [_rows(each, step.ndim) for each in (new, gram_new, x, gram_x, z, gram_z, b, v)]
        numbers = (_numbers(beta, b), _numbers(step, b), accepted.reshape(-1).numpy())
        in_threads(kernels.move, *rows, *numbers, threads=_threads(b))
        return
    chosen = over(accepted.double(), x).bool()
    z.copy_(torch.where(chosen, new + over(beta, x) * (new - x), z))
    gram_z.copy_(torch.where(chosen, gram_new + over(beta, x) * (gram_new - gram_x), gram_z))
    x.copy_(torch.where(chosen, new, x))
    gram_x.copy_(torch.where(chosen, gram_new, gram_x))
    v.copy_(z - over(step, z) * (gram_z - b))


# Numbers below which a second thread costs more than it saves.
_WORK = 1 << 16


def _threads(b: Tensor) -> int:
    return torch.get_num_threads() if b.numel() > _WORK else 1


def _compiled(b: Tensor) -> bool:
    kinds = (torch.float32, torch.float64, torch.complex64, torch.complex128)
    return b.device.type == "cpu" and b.dtype in kinds


def _rows(x: Tensor, n_batch: int) -> Any:
    """One row of real numbers for each problem; a view, for the tensors of the loop are contiguous."""
    real = torch.view_as_real(x.resolve_conj()) if x.is_complex() else x.resolve_neg()
    return real.reshape(x.shape[:n_batch].numel(), -1).numpy()


def _numbers(scale: Tensor, like: Tensor) -> Any:
    # In the vectors' own precision, or the kernels would compute in double.
    return scale.to(like.dtype.to_real()).reshape(-1).numpy()

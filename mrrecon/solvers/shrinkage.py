"""Soft thresholding of real or complex coefficients."""

import numpy as np
import torch
from jaxtyping import Float64, Inexact
from torch import Tensor

from mrrecon.solvers.inner_products import over
from mrrecon.threads import in_threads

__all__ = ["shrink"]

# Numbers below which a second thread costs more than it saves.
_WORK = 1 << 15


def shrink(
    c: Inexact[Tensor, "*batch_and_space"], threshold: Float64[Tensor, "*batch"]
) -> Float64[Tensor, "*batch"]:
    r"""Make each magnitude shorter by the threshold, in place, down to zero; the sum of those left.

    $$ c \leftarrow c \max(1 - t / |c|, 0) $$

    Args:
        c: coefficients, contiguous.
        threshold: t, positive, for each problem.

    Example:
        >>> c = torch.tensor([3.0, -1.0])
        >>> shrink(c, torch.tensor(2.0, dtype=torch.float64)), c
        (tensor(1., dtype=torch.float64), tensor([1., -0.]))
    """
    if c.device.type == "cpu" and c.dtype in _KINDS:
        from mrrecon.solvers import shrinkage_kernels

        real = torch.view_as_real(c) if c.is_complex() else c
        rows = real.view(threshold.numel(), -1).numpy()
        size = c.numel() // threshold.numel()
        sums = np.zeros((len(rows), -(-size // shrinkage_kernels.PIECE)))
        in_threads(
            shrinkage_kernels.shrink,
            *(rows, threshold.reshape(-1).numpy().astype(rows.dtype), sums),
            (True,) if c.is_complex() else (),
            threads=torch.get_num_threads() if c.numel() > _WORK else 1,
        )
        return torch.from_numpy(sums.sum(1)).reshape(threshold.shape)
    magnitude = c.abs()
    left = (magnitude - over(threshold, c)).clamp(min=0)
    c.mul_(left / magnitude.maximum(over(threshold, c)))
    return left.flatten(threshold.ndim).sum(-1, dtype=torch.float64)


_KINDS = (torch.float32, torch.float64, torch.complex64, torch.complex128)

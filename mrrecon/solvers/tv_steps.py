"""Steps of the accelerated primal-dual method for total variation, and where they are carried out."""

import functools
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Inexact
from torch import Tensor

from mrrecon.solvers.tv_compiled import CompiledSteps
from mrrecon.solvers.tv_plain import PlainSteps

__all__ = ["from_problems", "step_sizes", "steps_for", "to_problems"]


@functools.lru_cache(maxsize=8)
def step_sizes(count: int, *, ndim: int) -> Any:
    r"""Rows (τ, σ, θ) for the first ``count`` steps.

    Chambolle and Pock's second algorithm, where τ shrinks at a rate γ that may be anything up to the strong
    convexity of the data term, 1. Found best: 0.6 at the start, and less and less. The difference operator's
    squared norm is below 4 ndim; the product τσ may be 4/3 over it, which He and others prove where τ stays
    constant. Here it shrinks: the duality gap, which holds whatever the steps, is what shows that it works.

    Args:
        count: number of steps.
        ndim: number of axes along which differences are taken.

    Example:
        >>> step_sizes(2, ndim=2).round(3)
        array([[1.   , 0.165, 0.   ],
               [0.674, 0.245, 0.674]])

    Reference:
        A. Chambolle and T. Pock, "A first-order primal-dual algorithm for convex problems with applications
        to imaging", J. Math. Imaging Vis. 40 (2011), doi:10.1007/s10851-010-0251-1. B. He, F. Ma, S. Xu and
        X. Yuan, "A generalized primal-dual algorithm with improved convergence condition for saddle point
        problems", SIAM J. Imaging Sci. 15 (2022), doi:10.1137/21M1453463.
    """
    rows = np.empty((count, 3))
    tau, theta = 1.0, 0.0
    for k, row in enumerate(rows):
        row[:] = tau, 1.32 / (4 * ndim * tau), theta
        theta = 1 / (1 + 1.2 / (1 + k / 60) * tau) ** 0.5
        tau *= theta
    rows.setflags(write=False)
    return rows


def steps_for(
    y: Float[Tensor, "problem part plane row column"], *, isotropic: bool, periodic: bool, together: int = 1
) -> CompiledSteps | PlainSteps:
    """Compiled steps on the processor, plain ones elsewhere.

    Args:
        y: target as ``to_problems`` gives it.
        isotropic: whether a voxel's differences are taken together.
        periodic: whether the image goes on at the opposite edge.
        together: how many problems are advanced at a time.

    Example:
        >>> type(steps_for(torch.ones(1, 1, 4, 1, 5), isotropic=True, periodic=True)).__name__
        'CompiledSteps'
    """
    if y.device.type == "cpu" and y.dtype in (torch.float32, torch.float64):
        return CompiledSteps(y, isotropic=isotropic, periodic=periodic, together=together)
    return PlainSteps(y, isotropic=isotropic, periodic=periodic)


def to_problems(
    x: Inexact[Tensor, "*batch_and_space"], *, ndim: int
) -> Float[Tensor, "problem part plane row column"]:
    """Images with their real and imaginary parts apart; all axes but the last ``ndim`` count problems.

    Args:
        x: images, real or complex.
        ndim: number of axes of space, 2 or 3.

    Example:
        >>> to_problems(torch.ones(4, 5) + 1j, ndim=2).shape
        torch.Size([1, 2, 4, 1, 5])
    """
    space = x.shape[-ndim:] if ndim == 3 else (x.shape[-2], 1, x.shape[-1])
    if x.is_complex():
        parts = torch.view_as_real(x.resolve_conj()).movedim(-1, -ndim - 1)
        return parts.reshape(-1, 2, *space)
    return x.resolve_neg().reshape(-1, 1, *space)


def from_problems(
    problems: Float[Tensor, "problem part plane row column"], like: Inexact[Tensor, "*batch_and_space"]
) -> Inexact[Tensor, "*batch_and_space"]:
    """Images of the shape and type of ``like``: undoes ``to_problems``.

    Args:
        problems: parts of the images.
        like: an image as it was.

    Example:
        >>> x = torch.ones(4, 5) + 1j
        >>> bool((from_problems(to_problems(x, ndim=2), x) == x).all())
        True
    """
    if like.is_complex():
        return torch.complex(problems[:, 0], problems[:, 1]).reshape(like.shape)
    return problems.reshape(like.shape)

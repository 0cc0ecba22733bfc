"""One family of losses from squares to outlier-proof ones, with its shape as a number (Barron 2019)."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["robust_loss"]


def robust_loss(
    x: Float[Tensor, "*#shape"],
    alpha: Float[Tensor, "*#shape"] | float,
    scale: Float[Tensor, "*#shape"] | float = 1.0,
) -> Float[Tensor, "*shape"]:
    r"""Barron's general robust loss, element by element.

    $$ \rho(x, \alpha, c) = \frac{|\alpha - 2|}{\alpha}
       \left( \left( \frac{(x/c)^2}{|\alpha - 2|} + 1 \right)^{\alpha/2} - 1 \right) $$

    and its limits: half the square at alpha = 2, the Charbonnier loss at 1, Cauchy's ``log(1 + (x/c)^2 / 2)``
    at 0, Geman-McClure's at -2, Welsch's ``1 - exp(-(x/c)^2 / 2)`` at minus infinity. All are found by one
    formula with

    $$ \ell = \log\left(1 + \frac{(x/c)^2}{b}\right), \quad b = |\alpha - 2|, \quad
       \rho = \frac{b \ell}{2} \, \varphi\left(\frac{\alpha \ell}{2}\right), \quad
       \varphi(t) = \frac{e^t - 1}{t} $$

    which has no hole at alpha = 0; b is kept above the rounding error of 2, alpha within the inverse of it.
    Finite, with a finite gradient, while ``|x / scale|`` is below 1e19 (float32) and, for alpha above 2, the
    loss itself is not too great for the type. The gradient by alpha diverges at alpha = 2 as the logarithm of
    b does.

    Args:
        x: residuals.
        alpha: shape, any number, infinities included. The smaller, the less an outlier counts.
        scale: c, above 0, in units of ``x``: residuals below it are counted by their square.

    Returns:
        The loss of each element, of the shape to which the three arguments broadcast.

    Example:
        >>> robust_loss(torch.tensor([0.0, 1.0, 3.0]), 2.0)
        tensor([0.0000, 0.5000, 4.5000])

    Reference:
        Barron. A general and adaptive robust loss function. CVPR 2019.
        https://doi.org/10.1109/CVPR.2019.00446
    """
    return _RobustLoss.apply(x, _tensor(alpha, x), _tensor(scale, x))


def _tensor(value: Tensor | float, like: Tensor) -> Tensor:
    return value if isinstance(value, Tensor) else torch.tensor(value, dtype=like.dtype, device=like.device)


class _RobustLoss(torch.autograd.Function):
    """Keeps its arguments only; autograd alone would keep some fifteen tensors of the size of the image."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, alpha: Tensor, scale: Tensor) -> Tensor:
        ctx.save_for_backward(x, alpha, scale)
        alpha, b = _within_rounding(alpha)
        ell = ((x / scale).square_() / b).log1p_()
        return _phi(0.5 * alpha * ell).mul_(ell).mul_(0.5 * b)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, alpha, scale = ctx.saved_tensors
        by_x = by_alpha = by_scale = None
        shape, b = _within_rounding(alpha)
        z = x / scale
        ell = (z.square() / b).log1p_()
        t = 0.5 * shape * ell
        if ctx.needs_input_grad[0] or ctx.needs_input_grad[2]:
            slope = (t - ell).exp_().mul_(z).mul_(grad_output).div_(scale)
            if ctx.needs_input_grad[0]:
                by_x = slope.sum_to_size(x.shape)
            if ctx.needs_input_grad[2]:
                by_scale = slope.mul(z).neg_().sum_to_size(scale.shape)
        if ctx.needs_input_grad[1]:
            phi = _phi(t)
            u_over_1_plus_u = torch.expm1(-ell).neg_()
            # d rho / d b, arranged so that nothing great cancels: neither at alpha = 2 (u great) nor at 0.
            by_b = torch.exp(-ell).add_(u_over_1_plus_u * (1 - 0.5 * shape))
            by_b = by_b.mul_(phi).mul_(ell).sub_(u_over_1_plus_u).mul_(0.5 * (shape - 2).sign())
            direct = _phi_slope(t, phi).mul_(ell).mul_(ell).mul_(0.25 * b)
            by_alpha = direct.add_(by_b).mul_(grad_output).sum_to_size(alpha.shape)
        return by_x, by_alpha, by_scale


def _within_rounding(alpha: Tensor) -> tuple[Tensor, Tensor]:
    """Alpha kept finite, and b kept above 0. The loss differs from its limits by rounding errors only."""
    eps = torch.finfo(alpha.dtype).eps
    alpha = alpha.clamp(-1 / eps, 1 / eps)
    return alpha, (alpha - 2).abs().clamp(min=eps)


def _phi(t: Tensor) -> Tensor:
    """(exp(t) - 1) / t, 1 at 0."""
    return torch.where(t == 0, 1.0, torch.expm1(t).div_(t))


def _phi_slope(t: Tensor, phi: Tensor) -> Tensor:
    """Derivative of phi: (exp(t) - phi) / t, or below 0.1, where that cancels, its power series."""
    series = torch.zeros_like(t)
    factorial = 3628800.0
    for n in range(9, 0, -1):  # sum of n t^(n - 1) / (n + 1)!; the first term left out is below 3e-16
        series.mul_(t).add_(n / factorial)
        factorial /= n + 1
    return torch.where(t.abs() < 0.1, series, torch.exp(t).sub_(phi).div_(t))

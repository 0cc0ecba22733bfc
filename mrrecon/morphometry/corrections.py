"""Corrections for many tests that need only their probabilities: Bonferroni and false discovery rate."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

__all__ = ["bonferroni", "false_discovery"]


def bonferroni(p: Float[Tensor, "..."], *, mask: Bool[Tensor, "..."] | None = None) -> Float[Tensor, "..."]:
    """Probabilities corrected for the family-wise error: times the number of tests, at most 1.

    Args:
        p: uncorrected probability of each test.
        mask: which tests were made; by default all. Elsewhere the result is 1.

    Raises:
        ValueError: a probability is not in [0, 1].

    Example:
        >>> bonferroni(torch.tensor([0.01, 0.5]))
        tensor([0.0200, 1.0000])
    """
    _check(p, mask)
    n_tests = p.numel() if mask is None else int(mask.sum())
    corrected = (p * n_tests).clamp(max=1)
    return corrected if mask is None else corrected.where(mask, 1.0)


def false_discovery(
    p: Float[Tensor, "..."], *, mask: Bool[Tensor, "..."] | None = None, dependent: bool = False
) -> Float[Tensor, "..."]:
    r"""Probabilities corrected for the false discovery rate: the least rate at which a test is a discovery.

    $$ q_{(i)} = \min_{j \ge i} \frac{m}{j} \, p_{(j)} $$

    Args:
        p: uncorrected probability of each test.
        mask: which tests were made; by default all. Elsewhere the result is 1.
        dependent: hold under any dependence of the tests (Benjamini and Yekutieli), at the price of a factor
            of about the logarithm of their number.

    Raises:
        ValueError: a probability is not in [0, 1].

    Reference:
        Benjamini and Hochberg, Controlling the false discovery rate, Journal of the Royal Statistical Society
        B 1995, DOI 10.1111/j.2517-6161.1995.tb02031.x

    Example:
        >>> false_discovery(torch.tensor([0.01, 0.04, 0.03]))
        tensor([0.0300, 0.0400, 0.0400])
    """
    _check(p, mask)
    tests = p.flatten() if mask is None else p[mask]
    order = tests.double().sort(descending=True)
    m = len(tests)
    ranks = torch.arange(m, 0, -1, dtype=torch.float64, device=p.device)
    factor = float((1 / ranks).sum()) if dependent else 1.0
    rates = (order.values * (m * factor) / ranks).cummin(0).values.clamp(max=1) if m else order.values
    found = torch.empty_like(tests).scatter_(0, order.indices, rates.to(p.dtype))
    if mask is None:
        return found.view_as(p)
    return torch.ones_like(p).masked_scatter(mask, found)


def _check(p: Tensor, mask: Tensor | None) -> None:
    if mask is not None and mask.shape != p.shape:
        raise ValueError(f"mask has the shape {list(mask.shape)}, p has {list(p.shape)}")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("p must hold probabilities in [0, 1]")

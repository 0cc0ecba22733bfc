"""Bland-Altman figures: how far two ways of measuring one quantity agree over subjects."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Real

__all__ = ["BlandAltman", "bland_altman"]

Values = Sequence[float | int] | Real[np.ndarray, " subjects"]

_WIDTH = 1.96  # of the limits in standard deviations, as in the article


@dataclass(frozen=True)
class BlandAltman:
    """Agreement of two ways of measuring, in the units of what is measured.

    Args:
        n: subjects.
        bias: mean difference.
        sd: standard deviation of the differences, with n - 1.
        lower: lower limit of agreement, ``bias - 1.96 sd``.
        upper: upper limit of agreement.
        bias_interval: confidence interval of the bias.
        lower_interval: confidence interval of the lower limit.
        upper_interval: confidence interval of the upper limit.
        confidence: of the intervals.
    """

    n: int
    bias: float
    sd: float
    lower: float
    upper: float
    bias_interval: tuple[float, float]
    lower_interval: tuple[float, float]
    upper_interval: tuple[float, float]
    confidence: float


def bland_altman(a: Values, b: Values, *, confidence: float = 0.95) -> BlandAltman:
    r"""Bias and limits of agreement of ``a - b``, each with its confidence interval.

    With the standard deviation $s$ of $n$ differences the standard error of the bias is $s / \sqrt{n}$,
    that of a limit $s \sqrt{1 / n + 1.96^2 / (2 (n - 1))}$; the intervals are those of Student's t with
    $n - 1$ degrees of freedom.

    Args:
        a: one value a subject.
        b: what the other way of measuring gives for the same subjects.
        confidence: of the intervals, in (0, 1).

    Raises:
        ValueError: the numbers of subjects differ or are below 3, a value is not finite, or ``confidence`` is
            out of its range.

    Reference:
        Bland and Altman, Measuring agreement in method comparison studies, Statistical Methods in Medical
        Research 1999, DOI 10.1177/096228029900800204

    Example:
        >>> bland_altman([1.0, 2.0, 6.0], [0.0, 1.0, 2.0]).bias
        2.0
    """
    from scipy.stats import t

    first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if len(first) != len(second) or len(first) < 3:
        raise ValueError(
            f"a and b must hold one value for each of at least 3 subjects, got {len(first)} and {len(second)}"
        )
    for name, values in (("a", first), ("b", second)):
        if not np.isfinite(values).all():
            raise ValueError(f"{name} must be finite, got {values[~np.isfinite(values)][0]}: leave it out")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence} must lie between 0 and 1")
    n, difference = len(first), first - second
    bias, sd = float(difference.mean()), float(difference.std(ddof=1))
    width = float(t.ppf((1 + confidence) / 2, n - 1))
    of_bias = width * sd / math.sqrt(n)
    of_limit = width * sd * math.sqrt(1 / n + _WIDTH**2 / (2 * (n - 1)))
    lower, upper = bias - _WIDTH * sd, bias + _WIDTH * sd
    return BlandAltman(
        n=n,
        bias=bias,
        sd=sd,
        lower=lower,
        upper=upper,
        bias_interval=(bias - of_bias, bias + of_bias),
        lower_interval=(lower - of_limit, lower + of_limit),
        upper_interval=(upper - of_limit, upper + of_limit),
        confidence=confidence,
    )

"""Step size that falls along a cosine, again and again."""

import math
from dataclasses import dataclass

__all__ = ["CosineRestarts"]


@dataclass(frozen=True, kw_only=True)
class CosineRestarts:
    r"""Factor on the step size at an iteration: cosine decay with restarts, for ``LambdaLR``.

    In cycle i, which takes $T_i = T_0 t^i$ iterations, at the iteration $s$ since its start,

    $$ f = (1 - \alpha) \frac{m^i}{2} \left(1 + \cos \pi \frac{s}{T_i}\right) + \alpha $$

    In the first ``warmup`` iterations w it is multiplied by $1 / w, 2 / w, \ldots, 1$.

    Args:
        first: $T_0$, iterations of the first cycle.
        t_mul: $t$, growth of the cycles, at least 1.
        m_mul: $m$, factor on the height of each cycle, in (0, 1].
        alpha: floor, in [0, 1].
        warmup: iterations in which the factor rises, 0 for none.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> factor = CosineRestarts(first=100, t_mul=2, m_mul=0.5, alpha=0)
        >>> [round(factor(iteration), 3) for iteration in (0, 50, 100, 200, 300)]
        [1.0, 0.5, 0.5, 0.25, 0.25]

    Reference:
        Loshchilov, Hutter. SGDR: stochastic gradient descent with warm restarts. ICLR 2017.
        https://doi.org/10.48550/arXiv.1608.03983
    """

    first: int | float = 6480
    t_mul: int | float = 1.25
    m_mul: int | float = 0.95
    alpha: int | float = 1e-7
    warmup: int = 0

    def __post_init__(self) -> None:
        if self.first <= 0:
            raise ValueError(f"first={self.first} must be above 0")
        if self.t_mul < 1:
            raise ValueError(f"t_mul={self.t_mul} must be at least 1")
        if not 0 < self.m_mul <= 1:
            raise ValueError(f"m_mul={self.m_mul} must lie in (0, 1]")
        if not 0 <= self.alpha <= 1:
            raise ValueError(f"alpha={self.alpha} must lie in [0, 1]")
        if self.warmup < 0:
            raise ValueError(f"warmup={self.warmup} must be at least 0")

    def __call__(self, iteration: int) -> float:
        """Factor at an iteration, the first being 0."""
        length, height, since = float(self.first), 1.0, float(iteration)
        while since >= length:
            since -= length
            length *= self.t_mul
            height *= self.m_mul
        factor = (1 - self.alpha) * height / 2 * (1 + math.cos(math.pi * since / length)) + self.alpha
        return factor * min(1.0, (iteration + 1) / max(1, self.warmup))

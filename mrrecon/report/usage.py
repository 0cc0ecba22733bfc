"""How a scan uses a codebook."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

__all__ = ["CodeUsage", "code_usage"]


@dataclass(frozen=True)
class CodeUsage:
    """How often each code occurs, and what follows from it.

    Args:
        counts: occurrences of each code.
        n_alive: codes that occur at least once.
        entropy: bits per index that an ideal coder without context would spend, from 0 to log2 of all codes.
        perplexity: number of codes, all equally frequent, that would have this entropy.
    """

    counts: Int[np.ndarray, " codes"]
    n_alive: int
    entropy: float
    perplexity: float


def code_usage(indices: Int[np.ndarray, "*grid"], n_codes: int) -> CodeUsage:
    r"""Occurrences, entropy and perplexity of the codes.

    $$ H = -\sum_k p_k \log_2 p_k, \qquad P = 2^H $$

    Args:
        indices: codes, from 0 to ``n_codes - 1``, at least one.
        n_codes: size of the codebook.

    Raises:
        ValueError: there is no index, or one lies outside the codebook.

    Example:
        >>> code_usage(np.array([0, 0, 3, 3]), 8).perplexity
        2.0
    """
    if indices.size == 0 or indices.min() < 0 or indices.max() >= n_codes:
        raise ValueError(f"indices must be at least one, each from 0 to n_codes - 1 = {n_codes - 1}")
    counts = np.bincount(indices.ravel(), minlength=n_codes)
    shares = counts[counts > 0] / indices.size
    entropy = max(0.0, -float(shares @ np.log2(shares)))
    return CodeUsage(counts, int(shares.size), entropy, 2.0**entropy)

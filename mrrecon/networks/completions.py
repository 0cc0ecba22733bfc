"""Several completions of an image, by a network that reads it once and draws as often as is wanted."""

from typing import Any

import torch
from torch import Tensor


def drawn_completions(network: Any, x: Tensor, n: int, generator: torch.Generator | None = None) -> Tensor:
    """Completions of each image of a batch.

    Args:
        network: has ``encode``, ``noise`` and ``draw``, as ``CompletionNetwork`` and ``LinearSubspace``.
        x: image and mask, (batch, 2, *spatial).
        n: number of completions, at least 1.
        generator: source of the random numbers, on the device of ``x``.

    Returns:
        (n, batch, 1, *spatial).

    Raises:
        ValueError: ``n`` is below 1.
    """
    if n < 1:
        raise ValueError(f"n={n} completions: at least 1")
    first, features, masks = network.encode(x)
    return torch.stack(
        [network.draw(first, features, masks, network.noise(features, generator)) for _ in range(n)]
    )

"""What networks for imputation have in common: an image is read once, and completed as often as is wanted."""

# ruff: noqa: ARG002 - the samplers have one interface, and not all need all of it

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = [
    "CodeSampler",
    "LevelSampler",
    "Sampler",
    "WholeSampler",
    "in_pairs",
    "one_by_one",
    "sampler_of",
    "window_of",
]


class LevelSampler:
    """Sampler of a network with random numbers at every level, such as ``CompletionNetwork``.

    Args:
        network: has ``encode``, ``noise``, ``draw`` and ``multiple``.
    """

    def __init__(self, network: Any) -> None:
        self.network = network
        self.multiple = int(network.multiple)

    def read(self, x: Tensor) -> Any:
        """What all completions of images and masks (batch, 2, *spatial) share."""
        return self.network.encode(x)

    def noise(self, state: Any, generators: Sequence[torch.Generator]) -> list[Tensor]:
        """Random numbers for a completion of each image of the batch, from a generator of its own."""
        _, features, _ = state
        each = [
            self.network.noise([h[i : i + 1] for h in features], generator)
            for i, generator in enumerate(generators)
        ]
        return [torch.cat(level) for level in zip(*each, strict=True)]

    def step(self, state: Any, tile: Sequence[int]) -> list[int]:
        """Voxels along each axis by which tiles may be moved."""
        return [self.multiple] * len(tile)

    def fields(
        self,
        state: Any,
        size: Sequence[int],
        step: Sequence[int],
        generator: torch.Generator,
    ) -> list[Tensor]:
        """Random numbers for a completion of a volume of ``size`` voxels, a whole number of steps."""
        _, features, _ = state
        like = [h.new_empty(()).expand(1, 1, *(n >> level for n in size)) for level, h in enumerate(features)]
        return list(self.network.noise(like, generator))

    def window(
        self,
        fields: list[Tensor],
        start: Sequence[int],
        size: Sequence[int],
        step: Sequence[int],
    ) -> list[Tensor]:
        """Those of a tile."""
        return [
            window_of(field, [n >> level for n in start], [n >> level for n in size])
            for level, field in enumerate(fields)
        ]

    def draw(self, state: Any, noise: list[Tensor]) -> Tensor:
        """A completion, (batch, 1, *spatial)."""
        guess, features, masks = state
        return self.network.draw(guess, features, masks, noise)


class CodeSampler:
    """Sampler of a network with a normal posterior of a code, such as ``SparseVAE`` or ``LinearSubspace``.

    Args:
        network: has ``posterior`` and ``decode``, and ``multiple`` if it is to work in tiles.
    """

    def __init__(self, network: Any) -> None:
        self.network = network
        self.multiple = int(getattr(network, "multiple", 1))

    def read(self, x: Tensor) -> Any:
        """What all completions of images and masks (batch, 2, *spatial) share."""
        mean, log_variance = self.network.posterior(x)
        return mean, torch.exp(0.5 * log_variance), list(x.shape[2:])

    def noise(self, state: Any, generators: Sequence[torch.Generator]) -> Tensor:
        """Random numbers for a completion of each image of the batch, from a generator of its own."""
        mean, _, _ = state
        return torch.cat([_normal(mean, mean.shape[1:], generator) for generator in generators])

    def step(self, state: Any, tile: Sequence[int]) -> list[int]:
        """Voxels along each axis by which tiles may be moved: those of a code."""
        mean, _, _ = state
        if mean.ndim != 2 + len(tile):
            raise ValueError(
                "roi_size must be None and spatial_size the size of the network: its code has no place in "
                "the volume"
            )
        return [n // codes for n, codes in zip(tile, mean.shape[2:], strict=True)]

    def fields(
        self, state: Any, size: Sequence[int], step: Sequence[int], generator: torch.Generator
    ) -> Tensor:
        """Random numbers for a completion of a volume of ``size`` voxels, a whole number of steps."""
        mean, _, _ = state
        return _normal(mean, (mean.shape[1], *_over(size, step)), generator)

    def window(
        self, fields: Tensor, start: Sequence[int], size: Sequence[int], step: Sequence[int]
    ) -> Tensor:
        """Those of a tile."""
        return window_of(fields, _over(start, step), _over(size, step))

    def draw(self, state: Any, noise: Tensor) -> Tensor:
        """A completion, (batch, 1, *spatial)."""
        mean, std, shape = state
        return self.network.decode(mean + noise * std, shape)


class WholeSampler:
    """Sampler of a network that gives one image, or draws with ``impute`` alone.

    Args:
        network: takes image and mask, (batch, 2, *spatial).
        draws: whether by ``impute``.
    """

    def __init__(self, network: Any, *, draws: bool) -> None:
        self.network = network
        self.draws = draws
        self.multiple = int(getattr(network, "multiple", 1))

    def read(self, x: Tensor) -> Any:
        """The image and mask itself."""
        return x

    def noise(self, state: Any, generators: Sequence[torch.Generator]) -> Sequence[torch.Generator] | None:
        """The sources of the random numbers."""
        return generators if self.draws else None

    def step(self, state: Any, tile: Sequence[int]) -> list[int]:
        """Voxels along each axis by which tiles may be moved."""
        if self.draws:
            raise ValueError("roi_size must be None for this network: tiles of its completions do not agree")
        return [self.multiple] * len(tile)

    def fields(
        self,
        state: Any,
        size: Sequence[int],
        step: Sequence[int],
        generator: torch.Generator,
    ) -> Sequence[torch.Generator] | None:
        """The source of the random numbers, for a volume in one tile."""
        return [generator] if self.draws else None

    def window(
        self,
        fields: Any,
        start: Sequence[int],
        size: Sequence[int],
        step: Sequence[int],
    ) -> Sequence[torch.Generator] | None:
        """The same."""
        return fields

    def draw(self, state: Any, noise: Sequence[torch.Generator] | None) -> Tensor:
        """A completion, (batch, 1, *spatial)."""
        if noise is None:
            return self.network(state)
        each = [self.network.impute(state[i : i + 1], 1, generator)[0] for i, generator in enumerate(noise)]
        return torch.cat(each)


Sampler = LevelSampler | CodeSampler | WholeSampler


def sampler_of(network: Any, *, n_completions: int) -> Sampler:
    """How completions of a network are drawn.

    Args:
        network: a network for imputation.
        n_completions: 0 for its one image.

    Raises:
        ValueError: it draws none, and some are wanted.

    Example:
        >>> sampler_of(torch.nn.Identity(), n_completions=0).draws
        False
    """
    if n_completions == 0:
        return WholeSampler(network, draws=False)
    if all(hasattr(network, name) for name in ("encode", "noise", "draw")):
        return LevelSampler(network)
    if all(hasattr(network, name) for name in ("posterior", "decode")):
        return CodeSampler(network)
    if hasattr(network, "impute"):
        return WholeSampler(network, draws=True)
    raise ValueError(
        f"n_completions={n_completions}: {type(network).__name__} gives one image and draws none: give 0"
    )


def one_by_one(
    sampler: Sampler, x: Tensor, generators: Sequence[torch.Generator], n: int
) -> Iterator[Tensor]:
    """``n`` completions, at least one, of a batch, (batch, 1, *spatial) each.

    Args:
        sampler: of the network.
        x: images and masks, (batch, 2, *spatial).
        generators: one for each image, so that a completion does not depend on what it is in a batch with.
        n: how many.
    """
    state = sampler.read(x)
    for noise in in_pairs(lambda: sampler.noise(state, generators), n):
        yield sampler.draw(state, noise)


def in_pairs(draw: Callable[[], Any], n: int) -> Iterator[Any]:
    """Random numbers for ``n`` completions, every second set the opposite of the one before.

    What depends on them linearly cancels in the mean of a pair, which then needs far fewer completions.

    Args:
        draw: draws a set: a tensor or a list of them; anything else has no opposite and is drawn each time.
        n: how many.

    Example:
        >>> list(in_pairs(lambda: torch.ones(1), 3))
        [tensor([1.]), tensor([-1.]), tensor([1.])]
    """
    noise: Any = None
    for index in range(n):
        opposite = _opposite(noise) if index % 2 else None
        noise = draw() if opposite is None else opposite
        yield noise


def _opposite(noise: Any) -> Any:
    if isinstance(noise, Tensor):
        return -noise
    if isinstance(noise, list) and noise and all(isinstance(level, Tensor) for level in noise):
        return [-level for level in noise]
    return None


def _normal(like: Tensor, shape: Sequence[int], generator: torch.Generator) -> Tensor:
    return torch.randn(1, *shape, generator=generator, device=like.device, dtype=like.dtype)


def _over(voxels: Sequence[int], step: Sequence[int]) -> list[int]:
    return [n // one for n, one in zip(voxels, step, strict=True)]


def window_of(x: Tensor, start: Sequence[int], size: Sequence[int]) -> Tensor:
    """Part of a tensor (batch, channels, *spatial): ``size`` voxels from ``start`` on, as a view."""
    for axis, (first, n) in enumerate(zip(start, size, strict=True)):
        x = x.narrow(axis + 2, first, n)
    return x

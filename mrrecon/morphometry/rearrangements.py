"""Rearrangements of a design that leave the distribution of its errors as it is: all, or random ones."""

import math
from collections.abc import Iterator
from itertools import product

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from mrrecon.morphometry.designs import Design

__all__ = ["Rearrangements", "count_rearrangements", "draw_rearrangements", "rearranged"]

Rearrangements = Integer[Tensor, "n maps"]
"""Which row of the design each map gets, or the sign of each map; the first changes nothing."""


def count_rearrangements(design: Design) -> int:
    """How many different designs can be had.

    Rows that are equal give nothing new when they change places: two groups of n and m maps without
    covariates have (n + m)! / n! m!.

    Args:
        design: what is rearranged.

    Example:
        >>> from mrrecon.morphometry import two_sample_design
        >>> count_rearrangements(two_sample_design(["a", "a", "b", "b"]))
        6
    """
    if design.exchange == "signs":
        return 2 ** len(_blocks(design).unique())
    classes = _row_classes(design)
    count = math.factorial(len(classes))
    for n_equal in classes.bincount().tolist():
        count //= math.factorial(n_equal)
    return count


def draw_rearrangements(
    design: Design, *, most: int, generator: torch.Generator
) -> tuple[Rearrangements, bool]:
    """All rearrangements of a design where they are not more than ``most``, otherwise that many.

    Args:
        design: what is rearranged.
        most: greatest number, at least 2, with the one that changes nothing.
        generator: source of the random numbers.

    Returns:
        The rearrangements, and whether they are all there are.

    Example:
        >>> design = Design(torch.tensor([[1.0], [1.0]]), ("mean",), "signs")
        >>> draw_rearrangements(design, most=10, generator=torch.Generator())[0].tolist()
        [[1, 1], [1, -1], [-1, 1], [-1, -1]]
    """
    n_maps = len(design.matrix)
    every = count_rearrangements(design) <= most
    if design.exchange == "signs":
        _, members = _blocks(design).unique(return_inverse=True)
        n_blocks = int(members.max()) + 1
        if every:
            signs = torch.tensor(list(product((1, -1), repeat=n_blocks)), dtype=torch.int8)
        else:
            drawn = torch.randint(2, (most - 1, n_blocks), generator=generator, device=generator.device)
            signs = torch.cat([torch.ones(1, n_blocks), 1 - 2 * drawn.cpu()]).to(torch.int8)
        return signs[:, members], every
    if every:
        classes = _row_classes(design)
        # One row of the design stands for all that equal it.
        first = torch.stack([(classes == number).nonzero()[0, 0] for number in range(int(classes.max()) + 1)])
        found = torch.tensor(list(_arrangements(classes.tolist())), dtype=torch.int32)
        return first.to(torch.int32)[found], True
    rows = [torch.arange(n_maps)]
    rows += [
        torch.randperm(n_maps, generator=generator, device=generator.device).cpu() for _ in range(most - 1)
    ]
    return torch.stack(rows).to(torch.int32), False


def rearranged(
    basis: Float[Tensor, "maps columns"], rearrangements: Rearrangements, *, exchange: str
) -> Float[Tensor, "n columns maps"]:
    """Basis of a design, transposed, under each rearrangement.

    Args:
        basis: columns over the maps.
        rearrangements: what ``draw_rearrangements`` gives.
        exchange: ``"rows"`` or ``"signs"``.

    Example:
        >>> rearranged(torch.tensor([[1.0], [2.0]]), torch.tensor([[1, 0]]), exchange="rows")
        tensor([[[2., 1.]]])
    """
    if exchange == "signs":
        return rearrangements.to(basis)[:, None] * basis.T
    return basis[rearrangements.to(basis.device, torch.long)].transpose(1, 2)


def _blocks(design: Design) -> Tensor:
    return torch.arange(len(design.matrix)) if design.blocks is None else design.blocks


def _row_classes(design: Design) -> Tensor:
    """Number of the class of equal rows that each row belongs to, in the order in which they appear."""
    seen: dict[tuple[float, ...], int] = {}
    return torch.tensor([seen.setdefault(tuple(row), len(seen)) for row in design.matrix.tolist()])


def _arrangements(classes: list[int]) -> Iterator[tuple[int, ...]]:
    """Every order of a list with repetitions, each once, the one given first."""
    yield tuple(classes)
    given = tuple(classes)
    yield from (order for order in _in_order(sorted(classes)) if order != given)


def _in_order(values: list[int]) -> Iterator[tuple[int, ...]]:
    # Each order from the one before: the last ascent is raised by the least that does, the rest reversed.
    values = list(values)
    while True:
        yield tuple(values)
        ascents = (i for i in range(len(values) - 2, -1, -1) if values[i] < values[i + 1])
        place = next(ascents, None)
        if place is None:
            return
        other = next(j for j in range(len(values) - 1, place, -1) if values[j] > values[place])
        values[place], values[other] = values[other], values[place]
        values[place + 1 :] = values[:place:-1]

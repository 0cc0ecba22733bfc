"""How often two small groups show a known loss of tissue, whoever of the subjects it was put into."""

import math
from itertools import combinations

import torch

from mrrecon.engines.atrophy_findings import GROUPS, check_subjects, two_groups
from mrrecon.engines.atrophy_maps import AtrophySpace, SourceMaps
from mrrecon.morphometry import family_wise

__all__ = ["share_of_groupings"]


def share_of_groupings(
    before: SourceMaps,
    after: SourceMaps,
    *,
    space: AtrophySpace,
    n_groupings: int = 50,
    n_permutations: int = 1024,
    alpha: float = 0.05,
    seed: int = 0,
) -> float:
    """In what part of the ways to choose half of the subjects the loss is found, within two radii.

    One choice of who has lost tissue is a matter of luck; the mean of many is the power of the design
    ``"two groups"`` with these subjects.

    Args:
        before: maps of the subjects as they were.
        after: maps of the same subjects after the atrophy, from the same codec.
        space: where they lie, and the truth.
        n_groupings: greatest number of choices; all, if there are no more.
        n_permutations: greatest number of rearrangements for each.
        alpha: level of the corrected probabilities.
        seed: of choices and rearrangements.

    Raises:
        ValueError: too few subjects, permutations or groupings.
    """
    n_subjects = len(before.smoothed)
    check_subjects("two groups", n_subjects, alpha=alpha, n_permutations=n_permutations)
    if n_groupings < 1:
        raise ValueError(f"n_groupings={n_groupings} must be at least 1")
    within = space.reach[space.mask]
    near = [
        SourceMaps(maps.smoothed[:, within], maps.core_ml, maps.intracranial_ml) for maps in (before, after)
    ]
    n_found, groupings = 0, _groupings(n_subjects, n_groupings, seed)
    for chosen in groupings:
        ill = torch.zeros(n_subjects, dtype=torch.bool)
        ill[list(chosen)] = True
        maps, model = two_groups(near[0], near[1], ill)
        result = family_wise(
            maps,
            model,
            GROUPS,
            generator=torch.Generator().manual_seed(seed),
            n_permutations=n_permutations,
            two_sided=False,
        )
        n_found += int((result.p <= alpha).any())
    return n_found / len(groupings)


def _groupings(n: int, most: int, seed: int) -> list[tuple[int, ...]]:
    """Different choices of half of the subjects, the greater half of an odd number."""
    half = (n + 1) // 2
    if math.comb(n, half) <= most:
        return list(combinations(range(n), half))
    draw = torch.Generator().manual_seed(seed)
    chosen: set[tuple[int, ...]] = set()
    while len(chosen) < most:
        chosen.add(tuple(sorted(torch.randperm(n, generator=draw)[:half].tolist())))
    return sorted(chosen)

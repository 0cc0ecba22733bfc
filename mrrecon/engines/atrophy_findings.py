"""Whether a known loss of tissue is found: t-maps of the loss, and what they hold of the truth."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mrrecon.engines.atrophy_maps import AtrophySpace, SourceMaps
from mrrecon.engines.group_maps import peak_threshold
from mrrecon.morphometry import (
    Design,
    TMap,
    cluster_overlap,
    family_wise,
    map_correlation,
    paired_design,
    two_sample_design,
)

__all__ = [
    "DESIGNS",
    "LossMap",
    "likeness",
    "loss_map",
    "smallest_found",
    "volume_loss",
]

DESIGNS = ("paired", "two groups")
PAIRED = {"after": -1}
GROUPS = {"control": 1, "atrophy": -1}
LEAST_FREEDOM = 4
"""Degrees of freedom that must be left with intracranial volume in the model."""


@dataclass(frozen=True)
class LossMap:
    """t of the loss, positive where there is less tissue, and what was found of the truth.

    Args:
        map: the t-map on the template's grid.
        row: what it says, in numbers, by name.
    """

    map: TMap
    row: dict[str, Any]


def loss_map(
    design: str,
    before: SourceMaps,
    after: SourceMaps,
    *,
    space: AtrophySpace,
    n_permutations: int = 1024,
    alpha: float = 0.05,
    seed: int = 0,
) -> LossMap:
    """Test, one-sided, where tissue was lost.

    ``"paired"`` takes all subjects before and after; ``"two groups"`` the first, third, ... after, the others
    before, with intracranial volume in the model where degrees of freedom are left for it. Probabilities are
    corrected for all voxels of the mask (``p_brain``) or for those within two radii (``p_region``), by
    the greatest t under rearranged designs.

    Args:
        design: one of ``DESIGNS``.
        before: maps of the subjects as they were.
        after: maps of the same subjects after the atrophy, from the same codec.
        space: where they lie, and the truth.
        n_permutations: greatest number of rearrangements.
        alpha: level of the corrected probabilities.
        seed: of the rearrangements.

    Returns:
        The map, and in ``row``: ``subjects``, ``degrees_of_freedom``, ``t_peak`` (greatest within two radii),
        ``t_needed`` (for the brain), ``p_brain`` and ``p_region`` (least within two radii), ``found`` and
        ``found_in_region``, ``dice_truth`` (of voxels with p < 0.001, uncorrected, and the balls) and
        ``elsewhere_ml`` (found by ``p_brain`` where smoothing does not carry the change).

    Raises:
        ValueError: no such design, or too few subjects for it to find anything at this level.

    Example:
        >>> import numpy as np
        >>> ones = torch.ones(3, 3, 3, dtype=torch.bool)
        >>> space = AtrophySpace(np.eye(4), ones, ones, ones, ~ones, "gm", 0.0)
        >>> draw = torch.Generator().manual_seed(0)
        >>> values, none = torch.rand(6, 27, generator=draw), torch.zeros(6)
        >>> lost = values - 1 - 0.1 * torch.rand(6, 27, generator=draw)
        >>> pairs = SourceMaps(values, none, none), SourceMaps(lost, none, none)
        >>> loss_map("paired", *pairs, space=space).row["p_brain"] == 1 / 2**6
        True
    """
    if design not in DESIGNS:
        raise ValueError(f"design={design!r} must be one of {', '.join(DESIGNS)}")
    n_subjects = len(before.smoothed)
    check_subjects(design, n_subjects, alpha=alpha, n_permutations=n_permutations)
    if design == "paired":
        maps = torch.cat([before.smoothed, after.smoothed])
        model, contrast = paired_design(n_subjects), PAIRED
    else:
        ill = torch.arange(n_subjects) % 2 == 0
        maps, model, contrast = *two_groups(before, after, ill), GROUPS
    within = space.reach[space.mask]
    brain, region = (
        family_wise(
            maps,
            model,
            contrast,
            generator=torch.Generator().manual_seed(seed),
            n_permutations=n_permutations,
            two_sided=False,
            mask=where,
        )
        for where in (None, within)
    )
    t = _on_grid(brain.map.t, space.mask)
    limit = peak_threshold(brain.map)
    p_brain, p_region = (float(found.p[within].min()) for found in (brain, region))
    row = {
        "design": design,
        "subjects": n_subjects,
        "degrees_of_freedom": brain.map.degrees_of_freedom,
        "t_peak": float(brain.map.t[within].max()),
        "t_needed": brain.threshold(alpha),
        "p_brain": p_brain,
        "p_region": p_region,
        # Compared in float32, in which the probabilities are.
        "found": bool((brain.p[within] <= alpha).any()),
        "found_in_region": bool((region.p <= alpha).any()),
        "dice_truth": _dice(t > limit, space.core & space.mask),
        "elsewhere_ml": float(((brain.p <= alpha) & space.beyond[space.mask]).sum()) * space.voxel_ml,
    }
    found = TMap(
        t,
        _on_grid(brain.map.effect, space.mask),
        brain.map.degrees_of_freedom,
        _on_grid(brain.map.no_variance, space.mask),
        space.mask,
        space.affine,
    )
    return LossMap(found, row)


def likeness(original: LossMap, decoded: LossMap, space: AtrophySpace) -> dict[str, float]:
    """How far the t-map of decoded scans is that of the originals, of one design and percentage.

    Args:
        original: of the originals.
        decoded: of a codec.
        space: where both lie.

    Returns:
        ``correlation`` over the mask and ``correlation_region`` within two radii, absent where a map is
        constant; ``overlap``, the Dice coefficient of the voxels with p < 0.001, uncorrected, absent where
        neither map has one.
    """
    a, b = original.map.t, decoded.map.t
    found = {}
    for name, where in (("correlation", space.mask), ("correlation_region", space.mask & space.reach)):
        if all(float(t[where].max()) > float(t[where].min()) for t in (a, b)):
            found[name] = map_correlation(a, b, mask=where)
    limit = peak_threshold(original.map)
    if bool((a > limit).any()) or bool((b > limit).any()):
        found["overlap"] = cluster_overlap(a, b, threshold=limit, two_sided=False)
    return found


def volume_loss(before: SourceMaps, after: SourceMaps) -> dict[str, float]:
    """Mean and standard deviation over subjects of the tissue that the balls lost, ml.

    Args:
        before: maps of the subjects as they were.
        after: maps of the same subjects after the atrophy.

    Example:
        >>> maps, ml = torch.zeros(2, 1), torch.tensor([5.0, 7.0])
        >>> volume_loss(SourceMaps(maps, ml, ml), SourceMaps(maps, ml - 2, ml))
        {'loss_ml': 2.0, 'loss_sd_ml': 0.0, 'before_ml': 6.0}
    """
    lost = before.core_ml.double() - after.core_ml.double()
    return {
        "loss_ml": float(lost.mean()),
        "loss_sd_ml": float(lost.std()) if len(lost) > 1 else 0.0,
        "before_ml": float(before.core_ml.double().mean()),
    }


def smallest_found(rows: Sequence[dict[str, Any]], key: str = "found") -> float | None:
    """The smallest percentage that is found, as is every greater one; None if the greatest is not.

    Args:
        rows: of one source and design, each with its ``percent``.
        key: what says whether it is found.

    Example:
        >>> percents = {5.0: True, 10.0: False, 20.0: True, 30.0: True}
        >>> smallest_found([{"percent": p, "found": f} for p, f in percents.items()])
        20.0
    """
    least = None
    for row in sorted(rows, key=lambda row: -row["percent"]):
        if not row[key]:
            break
        least = row["percent"]
    return least


def check_subjects(design: str, n: int, *, alpha: float, n_permutations: int) -> None:
    """Refuses what can find nothing: the least probability is one of all rearrangements.

    Args:
        design: one of ``DESIGNS``.
        n: subjects.
        alpha: level.
        n_permutations: greatest number of rearrangements.

    Raises:
        ValueError: too few of either.

    Example:
        >>> check_subjects("paired", 4, alpha=0.05, n_permutations=1000)
        Traceback (most recent call last):
        ValueError: 4 subjects are too few to find anything at alpha=0.05 ...: at least 5 are needed
    """

    def arrangements(n: int) -> int:
        return 2**n if design == "paired" else math.comb(n, n // 2)

    least = next(number for number in range(2, 64) if arrangements(number) * alpha >= 1)
    if n < least:
        raise ValueError(
            f"{n} subjects are too few to find anything at alpha={alpha} in the design {design!r}: "
            f"at least {least} are needed"
        )
    if n_permutations * alpha < 1:
        raise ValueError(
            f"n_permutations={n_permutations} can find nothing at alpha={alpha}: at least "
            f"{math.ceil(1 / alpha)} are needed"
        )


def two_groups(
    before: SourceMaps, after: SourceMaps, ill: Bool[Tensor, " subjects"]
) -> tuple[Float[Tensor, "subjects voxels"], Design]:
    """Maps of two groups and their model, with intracranial volume where degrees of freedom are left for it.

    Args:
        before: maps of the subjects as they were.
        after: maps of the same subjects after the atrophy.
        ill: who is taken after, the others before.
    """
    maps = torch.where(ill[:, None], after.smoothed, before.smoothed)
    groups = ["atrophy" if one else "control" for one in ill.tolist()]
    # Two groups and the volume are three columns.
    if len(groups) - 3 < LEAST_FREEDOM:
        return maps, two_sample_design(groups)
    volumes = torch.where(ill, after.intracranial_ml, before.intracranial_ml)
    return maps, two_sample_design(groups, {"intracranial_ml": volumes.tolist()})


def _on_grid(values: Tensor, mask: Bool[Tensor, "x y z"]) -> Tensor:
    volume = torch.zeros(mask.shape, dtype=values.dtype)
    volume[mask] = values
    return volume


def _dice(a: Bool[Tensor, "..."], b: Bool[Tensor, "..."]) -> float:
    return 2 * float((a & b).sum()) / float(a.sum() + b.sum())

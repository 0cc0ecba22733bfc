"""Family-wise error by permutation: the greatest t of the whole map under rearranged designs."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mrrecon.morphometry.designs import Contrast, Design
from mrrecon.morphometry.partition import Partition, split_design
from mrrecon.morphometry.rearrangements import draw_rearrangements, rearranged
from mrrecon.morphometry.streaming import Maps, open_maps
from mrrecon.morphometry.t_map import TMap, t_map_of
from mrrecon.morphometry.voxel_fits import is_compiled, unit_residuals
from mrrecon.threads import in_threads

__all__ = ["FamilyWise", "family_wise"]

_AT_ONCE = 1 << 19  # products held at a time: within the caches
_VOXELS = 1 << 12  # of a product: long enough for its speed, short enough for many rearrangements at a time


@dataclass(frozen=True)
class FamilyWise:
    """A t-map and its probabilities, corrected for the whole family of voxels.

    Args:
        map: the t-map.
        p: probability that chance brings so great a t anywhere; 1 where no test was made.
        maxima: greatest t (or absolute t) of the map under each rearrangement, the true design first.
        exact: whether the rearrangements are all there are.
    """

    map: TMap
    p: Float[Tensor, "*grid"]
    maxima: Float[Tensor, " rearrangements"]
    exact: bool

    def threshold(self, alpha: float = 0.05) -> float:
        """Value that t must exceed for ``p <= alpha``; infinity where the rearrangements are too few.

        Args:
            alpha: probability, in (0, 1).

        Raises:
            ValueError: it is out of its range.

        Example:
            >>> maxima = torch.arange(20.0)
            >>> empty = torch.zeros(1)
            >>> none = TMap(empty, empty, 1, empty.bool(), empty.bool())
            >>> FamilyWise(none, empty, maxima, True).threshold(0.1)
            17.0
        """
        if not 0 < alpha < 1:
            raise ValueError(f"alpha={alpha} must lie between 0 and 1")
        # A value counts if at most alpha N maxima reach it: it exceeds the next one down.
        n_above = math.floor(alpha * len(self.maxima) * (1 + 1e-12))
        return math.inf if n_above < 1 else self.maxima.sort(descending=True).values[n_above].item()


def family_wise(
    maps: Maps,
    design: Design,
    contrast: Contrast,
    *,
    generator: torch.Generator,
    n_permutations: int = 1000,
    two_sided: bool = True,
    mask: Bool[Tensor, "..."] | None = None,
) -> FamilyWise:
    """t-map with the distribution of its maximum under rearranged designs, after Freedman and Lane.

    What the columns not of interest explain is taken away first; the rest is rearranged (rows exchanged, or
    signs turned, as the design says) and the whole model fitted again. Where no more than ``n_permutations``
    different rearrangements exist, all are made and the test is exact.

    Args:
        maps: values, a row a map, or one NIfTI file a map, all on one grid.
        design: X, a row a map.
        contrast: c, weights of the columns of the design.
        generator: source of the random numbers.
        n_permutations: greatest number of rearrangements, at least 2, the true design among them.
        two_sided: whether great negative values count as well.
        mask: where to test; by default everywhere.

    Raises:
        ValueError: as ``t_map``, or ``n_permutations`` is too small.

    Reference:
        Winkler et al., Permutation inference for the general linear model, NeuroImage 2014,
        DOI 10.1016/j.neuroimage.2014.01.060

    Example:
        >>> from mrrecon.morphometry import two_sample_design
        >>> maps = torch.tensor([[1.0], [2.0], [5.0], [6.0]])
        >>> design = two_sample_design(["a", "a", "b", "b"])
        >>> found = family_wise(maps, design, {"b": 1, "a": -1}, generator=torch.Generator())
        >>> round(found.p.item(), 3), found.exact
        (0.333, True)
    """
    if n_permutations < 2:
        raise ValueError(f"n_permutations={n_permutations} must be at least 2")
    part = split_design(design, contrast)
    rearrangements, exact = draw_rearrangements(design, most=n_permutations, generator=generator)
    basis = torch.cat([part.tested[:, None], _that_comes_back(part, design)], dim=1)
    rows = rearranged(basis, rearrangements, exchange=design.exchange)
    turn = _residual_space(part, rows)
    with open_maps(maps) as source:
        true = t_map_of(source, design, contrast, mask=mask)
        inside = source.flat(true.mask & ~true.no_variance)
        rows, turn = (each.to(inside.device, torch.float32).contiguous() for each in (rows @ turn, turn.T))
        greatest = torch.zeros(len(rows), device=inside.device)
        for first, values in source.blocks():
            chosen = inside[first : first + values.shape[1]]
            if not chosen.any():
                continue
            unit = unit_residuals(values if chosen.all() else values[:, chosen], part)
            unit = turn @ unit if len(turn) < len(unit) else unit
            for some in unit.split(_VOXELS, dim=1) if unit.device.type == "cpu" else [unit]:
                _raise_to_greatest(greatest, rows, some, two_sided)
    # The share r² of the sum of squares that the tested direction explains gives t² = df r² / (1 - r²).
    share = greatest.double().clamp(max=1)
    maxima = (part.degrees_of_freedom * share / (1 - share)).sqrt().float()
    return _probabilities(true, maxima, exact=exact, two_sided=two_sided)


def _raise_to_greatest(
    greatest: Float[Tensor, " n"],
    rows: Float[Tensor, "n columns maps"],
    unit: Float[Tensor, "maps voxels"],
    two_sided: bool,
) -> None:
    """Greatest share of the sum of squares, 1 after adjustment, that the first column explains."""
    at_once = max(1, _AT_ONCE // (unit.shape[1] * rows.shape[1]))
    # One room for all products: the system's way to fresh memory takes as long as they do.
    room = unit.new_empty(min(at_once, len(rows)) * rows.shape[1], unit.shape[1])
    for some, so_far in zip(rows.split(at_once), greatest.split(at_once), strict=True):
        flat = some.flatten(0, 1)
        products = torch.mm(flat, unit, out=room[: len(flat)]).unflatten(0, some.shape[:2])
        if is_compiled(products):
            from mrrecon.morphometry import t_kernels

            arrays = products.numpy(), two_sided, so_far.numpy()
            in_threads(t_kernels.greatest_shares, *arrays, threads=torch.get_num_threads())
            continue
        along = products[:, 0] if two_sided else products[:, 0].clamp(min=0)
        rest = products[:, 1:].square_().sum(1).neg_().add_(1).clamp_(min=1e-7)
        torch.maximum(so_far, along.square().div_(rest).amax(1), out=so_far)


def _residual_space(part: Partition, rows: Float[Tensor, "n columns maps"]) -> Tensor:
    """Basis of what the columns not of interest leave, in whose coordinates products are shorter.

    Pairs need half the numbers. Where it does not repay the way there, all maps: the identity.
    """
    n_maps, n_others = part.nuisance.shape
    if n_maps * (n_maps - n_others) >= rows.shape[0] * rows.shape[1] * n_others:
        return torch.eye(n_maps, dtype=rows.dtype)
    whole, _ = torch.linalg.qr(part.nuisance, mode="complete")
    return whole[:, n_others:]


def _that_comes_back(part: Partition, design: Design) -> Tensor:
    """Directions not of interest that rearranged residuals have a part in.

    The mean does not come back when rows are exchanged, nor do the subjects' means when both signs of a pair
    turn: they need no product.
    """
    if not part.nuisance.shape[1]:
        return part.nuisance
    # Any direction that can come back does so under some of these, drawn whatever the caller's generator.
    unlike = Design(torch.arange(1.0, len(design.matrix) + 1)[:, None], ("",), design.exchange, design.blocks)
    drawn, _ = draw_rearrangements(unlike, most=24, generator=torch.Generator().manual_seed(0))
    some = rearranged(part.nuisance, drawn, exchange=design.exchange)
    residual = some - (some @ part.nuisance) @ part.nuisance.T
    left, values, _ = torch.linalg.svd(residual.transpose(0, 1).flatten(1), full_matrices=False)
    return part.nuisance @ left[:, values > 1e-9]


def _probabilities(true: TMap, maxima: Tensor, *, exact: bool, two_sided: bool) -> FamilyWise:
    values = true.t.abs() if two_sided else true.t
    # Maxima are computed in float32 from r², whose rounding counts the more the nearer it is to 1: a tie with
    # the true map, which is one of the rearrangements, is a tie.
    rounding = 1e-5 + 1e-6 * values.square() / true.degrees_of_freedom
    ordered = maxima.sort().values
    n_below = torch.searchsorted(ordered, (values * (1 - rounding)).contiguous())
    p = (len(maxima) - n_below).clamp(min=1) / len(maxima)
    return FamilyWise(true, p.where(true.mask & ~true.no_variance, 1.0), maxima, exact)

"""How well two segmentations of one grid agree: Dice, hard and soft, and the error of the volumes."""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor

__all__ = ["dice", "hard_tissues", "label_dice", "soft_dice", "volume_error"]


def hard_tissues(
    probabilities: Float[Tensor, "tissues ..."], *, by: Literal["argmax", "half"] = "argmax"
) -> Bool[Tensor, "tissues ..."]:
    """Which tissue each voxel is counted to.

    Args:
        probabilities: in [0, 1], their sum at most 1; what is missing is the probability of no tissue.
        by: ``"argmax"``: the most probable of the tissues and of no tissue; ``"half"``: each tissue whose
            probability is above 1/2.

    Example:
        >>> hard_tissues(torch.tensor([[0.45], [0.3]])).flatten().tolist()
        [True, False]
    """
    if by == "half":
        return probabilities > 0.5
    rest = 1 - probabilities.sum(0, keepdim=True)
    most = torch.cat([rest, probabilities]).argmax(0)
    tissues = torch.arange(1, len(probabilities) + 1, device=most.device)
    return most == tissues.view(-1, *[1] * most.ndim)


def dice(
    a: Float[Tensor, "tissues ..."] | Bool[Tensor, "tissues ..."],
    b: Float[Tensor, "tissues ..."] | Bool[Tensor, "tissues ..."],
    *,
    by: Literal["argmax", "half"] = "argmax",
) -> Float[Tensor, " tissues"]:
    r"""Dice coefficient of each tissue, every voxel counted to a tissue or not.

    $$ D = \frac{2 |A \cap B|}{|A| + |B|} $$

    Args:
        a: probabilities, or where the tissues are.
        b: the same of another segmentation.
        by: how a probability becomes a decision, see ``hard_tissues``.

    Returns:
        From 0 to 1 in float64; 1 where neither has the tissue.

    Raises:
        ValueError: the shapes differ, or a probability is not in [0, 1].

    Reference:
        Dice, Measures of the amount of ecologic association between species, Ecology 1945,
        DOI 10.2307/1932409

    Example:
        >>> dice(torch.tensor([[True, True, False]]), torch.tensor([[True, False, False]]))
        tensor([0.6667], dtype=torch.float64)
    """
    _check(a, b)
    first, second = (maps if maps.dtype == torch.bool else hard_tissues(maps, by=by) for maps in (a, b))
    both, sizes = (first & second).flatten(1).sum(1), first.flatten(1).sum(1) + second.flatten(1).sum(1)
    return _quotient(2 * both.double(), sizes.double())


def label_dice(
    a: Integer[Tensor, "..."], b: Integer[Tensor, "..."], *, labels: Sequence[int]
) -> Float[Tensor, " labels"]:
    """Dice coefficient of each label of two label maps.

    Args:
        a: label of each voxel.
        b: the same of another segmentation.
        labels: which to compare, in the order of the result.

    Returns:
        From 0 to 1 in float64; 1 where neither has the label.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> label_dice(torch.tensor([1, 2, 2]), torch.tensor([1, 1, 2]), labels=[1, 2])
        tensor([0.6667, 0.6667], dtype=torch.float64)
    """
    _check_shapes(a, b)
    first, second = (torch.stack([maps == label for label in labels]) for maps in (a, b))
    return dice(first, second)


def soft_dice(a: Float[Tensor, "tissues ..."], b: Float[Tensor, "tissues ..."]) -> Float[Tensor, " tissues"]:
    r"""Dice coefficient of each tissue, every voxel counted by its probability.

    $$ D = \frac{2 \sum_v \min(a_v, b_v)}{\sum_v a_v + \sum_v b_v} $$

    With probabilities of 0 and 1 it is the hard one; equal maps have 1 whatever their values.

    Args:
        a: probabilities.
        b: the same of another segmentation.

    Returns:
        From 0 to 1 in float64; 1 where neither has the tissue.

    Raises:
        ValueError: the shapes differ, or a probability is not in [0, 1].

    Reference:
        Crum et al., Generalized overlap measures for evaluation and validation in medical image analysis,
        IEEE Transactions on Medical Imaging 2006, DOI 10.1109/TMI.2006.880587

    Example:
        >>> soft_dice(torch.tensor([[0.5, 1.0]]), torch.tensor([[1.0, 0.5]]))
        tensor([0.6667], dtype=torch.float64)
    """
    _check(a, b)
    total = a.flatten(1).sum(1, dtype=torch.float64) + b.flatten(1).sum(1, dtype=torch.float64)
    return _quotient(2 * torch.minimum(a, b).flatten(1).sum(1, dtype=torch.float64), total)


def volume_error(volumes: Mapping[str, float], reference: Mapping[str, float]) -> dict[str, float]:
    """Relative error of each volume, ``volume / reference - 1``.

    Args:
        volumes: by name, ml; see ``tissue_volumes``.
        reference: the true ones, by the same names, positive.

    Raises:
        ValueError: the names differ, or a reference is not positive.

    Example:
        >>> volume_error({"gm": 660.0}, {"gm": 600.0})
        {'gm': 0.10...}
    """
    if set(volumes) != set(reference):
        raise ValueError(
            f"volumes and reference must have the same names, got {sorted(volumes)} and {sorted(reference)}"
        )
    for name, volume in reference.items():
        if not volume > 0:
            raise ValueError(f"reference[{name!r}]={volume} ml must be positive")
    return {name: volumes[name] / volume - 1 for name, volume in reference.items()}


def _quotient(overlap: Tensor, total: Tensor) -> Tensor:
    return torch.where(total > 0, overlap / total.clamp(min=torch.finfo(total.dtype).tiny), 1.0)


def _check(a: Tensor, b: Tensor) -> None:
    _check_shapes(a, b)
    for name, maps in (("a", a), ("b", b)):
        if maps.dtype == torch.bool or maps.numel() == 0:
            continue
        low, high = (value.item() for value in torch.aminmax(maps))
        # NaN fails both comparisons. Interpolated and normalised maps pass 1 by rounding.
        if not (low >= -1e-5 and high <= 1 + 1e-5):
            raise ValueError(f"{name} must hold probabilities in [0, 1], got {low:.4g} to {high:.4g}")


def _check_shapes(a: Tensor, b: Tensor) -> None:
    if a.shape != b.shape:
        raise ValueError(f"a and b must have one shape, got {list(a.shape)} and {list(b.shape)}")

"""A design split by a contrast: the direction that is tested, and those that are not of interest."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mrrecon.morphometry.designs import Contrast, Design

__all__ = ["Partition", "split_design"]

_ROUNDING = 1e-15


@dataclass(frozen=True)
class Partition:
    r"""Orthonormal basis of the columns of a design, its first vector $q$ what a contrast tests.

    $c^\top \hat\beta = s\, q^\top y$, and $t = q^\top y / \hat\sigma$.

    Args:
        basis: q, and after it vectors orthogonal to it that span the rest, float64.
        scale: s.
        degrees_of_freedom: maps minus columns.
    """

    basis: Float[Tensor, "maps columns"]
    scale: float
    degrees_of_freedom: int

    @property
    def tested(self) -> Float[Tensor, " maps"]:
        """The direction q."""
        return self.basis[:, 0]

    @property
    def nuisance(self) -> Float[Tensor, "maps others"]:
        """The directions not of interest."""
        return self.basis[:, 1:]


def split_design(design: Design, contrast: Contrast) -> Partition:
    r"""Directions of a design, by QR, with $s\,q = X (X^\top X)^{-1} c$.

    The others are those of $X N$, where the columns of N span what is orthogonal to c.

    Args:
        design: X.
        contrast: c, weights of the columns.

    Raises:
        ValueError: the contrast does not fit the design.

    Example:
        >>> design = Design(torch.tensor([[1.0, 0], [1, 0], [0, 1], [0, 1]]), ("a", "b"))
        >>> split_design(design, {"a": 1, "b": -1}).tested
        tensor([ 0.5000,  0.5000, -0.5000, -0.5000], dtype=torch.float64)
    """
    lengths = design.matrix.norm(dim=0)
    columns, weights = design.matrix / lengths, design.row_vector(contrast) / lengths
    pivot = int(weights.abs().argmax())
    # Columns whose coefficients the contrast leaves free, those of subjects still with few numbers that are
    # not 0; what the pivot has that they have not is tested.
    free = columns - columns[:, [pivot]] * (weights / weights[pivot])
    others = torch.arange(len(weights)) != pivot
    basis, triangle = torch.linalg.qr(torch.cat([free[:, others], columns[:, [pivot]]], dim=1))
    basis = basis.where(basis.abs() > _ROUNDING, 0.0)
    scale = float(weights[pivot] / triangle[-1, -1])
    # QR leaves the sign of the last vector open.
    tested = basis[:, -1:] * math.copysign(1.0, scale)
    return Partition(torch.cat([tested, basis[:, :-1]], dim=1), abs(scale), design.degrees_of_freedom)

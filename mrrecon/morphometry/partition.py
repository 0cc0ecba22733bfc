"""A design split by a contrast: the direction that is tested, and those that are not of interest."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mrrecon.morphometry.designs import Contrast, Design

__all__ = ["Partition", "split_design"]


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
    weights = design.row_vector(contrast)
    lengths = design.matrix.norm(dim=0)
    basis, triangle = torch.linalg.qr(design.matrix / lengths)
    # X b = Q R D b: c' b = (D^-1 c)' R^-1 Q' y.
    inside = torch.linalg.solve_triangular(triangle.T, (weights / lengths)[:, None], upper=False)[:, 0]
    scale = inside.norm()
    # A rotation of the basis whose first vector is the tested one: the others span what it leaves.
    rotation, _ = torch.linalg.qr(torch.cat([inside[:, None], torch.eye(len(inside)).to(inside)], dim=1))
    # QR leaves the sign of that vector open.
    rotation[:, 0] = inside / scale
    return Partition(basis @ rotation, float(scale), design.degrees_of_freedom)

"""Thin slices to thick ones, with gaps between them or overlap."""

import math
from typing import Literal

import torch
from jaxtyping import Float, Inexact
from torch import Tensor

from mrrecon.operators.linear_function import linear_function
from mrrecon.operators.linear_operator import LinearOperator

__all__ = ["SliceAverage"]


class SliceAverage(LinearOperator):
    r"""Weighted means of neighbouring slices: what a thick slice measures of thin ones.

    $$ y_t = \sum_s w_{t s} \, x_s, \quad \sum_s w_{t s} = 1 $$

    The first thick slice begins where the volume begins, the next after each ``thickness + gap``, and all lie
    inside as far as their thickness goes. A box weights a thin slice by how much of it the thick one covers.
    A Gaussian has the thickness as its full width at half maximum, is taken at the centres of the thin slices
    up to three standard deviations, and ends with the volume.

    Args:
        depth: number of thin slices, the length of the volume's third last axis.
        thickness: of a thick slice, in the unit of ``spacing``, at least ``spacing``.
        gap: between two thick slices, in the same unit; negative if they overlap, greater than
            ``-thickness``.
        spacing: distance of the thin slices, in mm, say. The default counts in slices.
        profile: ``"box"`` or ``"gaussian"``.

    Raises:
        ValueError: an argument is out of range, or a tensor has another depth.

    Example:
        >>> SliceAverage(4, 2.0)(torch.tensor([1.0, 3.0, 5.0, 9.0]).reshape(4, 1, 1)).flatten()
        tensor([2., 7.])
    """

    weights: Tensor

    def __init__(
        self,
        depth: int,
        thickness: int | float,
        *,
        gap: int | float = 0.0,
        spacing: int | float = 1.0,
        profile: Literal["box", "gaussian"] = "box",
    ) -> None:
        super().__init__()
        if not 0 < spacing < math.inf:
            raise ValueError(f"spacing={spacing} must be positive")
        # The greatest thickness may be a rounding error greater.
        if not spacing <= thickness <= depth * spacing * (1 + 1e-9):
            raise ValueError(
                f"thickness={thickness} must lie between spacing={spacing} and the {depth * spacing:g} of "
                f"all depth={depth} slices"
            )
        if not -thickness < gap < math.inf:
            raise ValueError(f"gap={gap} must be greater than -thickness={-thickness}")
        if profile not in ("box", "gaussian"):
            raise ValueError(f'profile={profile!r} must be "box" or "gaussian"')
        self.depth = depth
        self.register_buffer("weights", _weights(depth, thickness / spacing, gap / spacing, profile))
        self._norm = torch.linalg.matrix_norm(self.weights, ord=2).item()

    def forward(self, x: Inexact[Tensor, "*batch thin h w"]) -> Inexact[Tensor, "*batch thick h w"]:
        """Thick slices of ``x``."""
        self._check("x", x, self.depth)
        return linear_function(self._average, self._spread, x)

    def adjoint(self, y: Inexact[Tensor, "*batch thick h w"]) -> Inexact[Tensor, "*batch thin h w"]:
        """Each thick slice given to the thin ones by its weights."""
        self._check("y", y, self.n_slices)
        return linear_function(self._spread, self._average, y)

    @property
    def n_slices(self) -> int:
        """Number of thick slices."""
        return self.weights.shape[0]

    @property
    def norm_bound(self) -> float:
        """Largest singular value of the weights: the norm itself."""
        return self._norm

    def _average(self, x: Tensor) -> Tensor:
        return _mix(self.weights, x)

    def _spread(self, y: Tensor) -> Tensor:
        return _mix(self.weights.T, y)

    def _check(self, name: str, tensor: Tensor, slices: int) -> None:
        if tensor.dim() < 3 or tensor.shape[-3] != slices:
            raise ValueError(f"{name} must have {slices} slices, got the shape {tuple(tensor.shape)}")


def _mix(weights: Tensor, x: Tensor) -> Tensor:
    real = torch.view_as_real(x.resolve_conj()) if x.is_complex() else x
    flat = real.reshape(*x.shape[:-2], -1)
    mixed = (weights.to(flat) @ flat).reshape(*x.shape[:-3], -1, *real.shape[x.dim() - 2 :])
    return torch.view_as_complex(mixed) if x.is_complex() else mixed


def _weights(depth: int, thickness: float, gap: float, profile: str) -> Float[Tensor, "thick thin"]:
    """Rows of weights; lengths in thin slices."""
    # A length that rounding has made a little too great still fits.
    n_slices = math.floor((depth - thickness) / (thickness + gap) + 1e-9) + 1
    first = torch.arange(n_slices, dtype=torch.float64)[:, None] * (thickness + gap)
    thin = torch.arange(depth, dtype=torch.float64)
    if profile == "box":
        covered = torch.minimum(thin + 1, first + thickness) - torch.maximum(thin, first)
        weights = covered.clamp(min=0)
    else:
        sigma = thickness / (2 * math.sqrt(2 * math.log(2)))
        distance = (thin + 0.5 - first - thickness / 2) / sigma
        weights = torch.where(distance.abs() <= 3, torch.exp(-0.5 * distance**2), 0.0)
    return weights / weights.sum(1, keepdim=True)

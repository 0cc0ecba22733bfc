"""What every receive coil sees of an image."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Inexact
from torch import Tensor

from mrrecon.operators.linear_operator import LinearOperator

__all__ = ["Coils", "check_coil_images", "check_image", "check_maps", "sum_of_squares"]


class Coils(LinearOperator):
    r"""Images of the coils, $y_c = s_c x$ with sensitivity maps s.

    The axis of the coils stands directly before the axes of space.

    Args:
        maps: s, real or complex.

    Raises:
        ValueError: the maps have no axis of space, hold NaN or infinity, or are zero everywhere.

    Example:
        >>> Coils(torch.ones(8, 4, 4))(torch.ones(2, 4, 4)).shape
        torch.Size([2, 8, 4, 4])
    """

    maps: Tensor

    def __init__(self, maps: Inexact[Tensor, "coils ..."]) -> None:
        super().__init__()
        check_maps(maps)
        self.register_buffer("maps", maps)
        self._norm = sum_of_squares(maps).max().sqrt().item()

    def forward(self, x: Inexact[Tensor, "*image"]) -> Inexact[Tensor, "*coil_images"]:
        """Image of every coil."""
        check_image(x, self.maps.shape)
        return x.unsqueeze(-self.maps.ndim) * self._maps_for(x)

    def adjoint(self, y: Inexact[Tensor, "*coil_images"]) -> Inexact[Tensor, "*image"]:
        r"""One image, $\sum_c \bar s_c y_c$."""
        check_coil_images(y, self.maps.shape)
        return (self._maps_for(y).conj() * y).sum(-self.maps.ndim)

    def gram(self, x: Inexact[Tensor, "*image"]) -> Inexact[Tensor, "*image"]:
        r"""$\sum_c |s_c|^2 x$."""
        check_image(x, self.maps.shape)
        return sum_of_squares(self._maps_for(x)) * x

    @property
    def norm_bound(self) -> float:
        """Root of the largest sum of squares over the coils: the norm itself."""
        return self._norm

    def _maps_for(self, tensor: Tensor) -> Tensor:
        real = tensor.dtype.to_real()
        return self.maps.to(tensor.device, real.to_complex() if self.maps.is_complex() else real)


def sum_of_squares(maps: Inexact[Tensor, "coils ..."]) -> Float[Tensor, "..."]:
    r"""$\sum_c |s_c|^2$."""
    return (torch.view_as_real(maps).square().sum(-1) if maps.is_complex() else maps.square()).sum(0)


def check_maps(maps: Tensor) -> None:
    """Refuses sensitivity maps with which nothing can be measured.

    Raises:
        ValueError: the maps have no axis of space, hold NaN or infinity, or are zero everywhere.
    """
    if maps.ndim < 2:
        raise ValueError(f"maps of shape {tuple(maps.shape)} must have an axis of coils and axes of space")
    if not torch.isfinite(maps).all():
        raise ValueError("maps must be finite, they hold NaN or infinity")
    if not maps.any():
        raise ValueError(f"maps of shape {tuple(maps.shape)} are zero everywhere: no coil sees anything")


def check_image(x: Tensor, maps_shape: Sequence[int]) -> None:
    """Refuses an image whose last axes are not those of the maps.

    Raises:
        ValueError: they are not.
    """
    space = tuple(maps_shape[1:])
    if tuple(x.shape[-len(space) :]) != space:
        raise ValueError(f"x of shape {tuple(x.shape)} does not fit the maps: its last axes must be {space}")


def check_coil_images(y: Tensor, maps_shape: Sequence[int]) -> None:
    """Refuses coil images whose last axes are not those of the maps.

    Raises:
        ValueError: they are not; a wrong number of coils is told apart.
    """
    n_coils, *space = maps_shape
    if y.ndim > len(space) and list(y.shape[-len(space) :]) == space and y.shape[-len(space) - 1] != n_coils:
        raise ValueError(
            f"y of shape {tuple(y.shape)} has {y.shape[-len(space) - 1]} coils, the maps have {n_coils}"
        )
    if tuple(y.shape[-len(space) - 1 :]) != tuple(maps_shape):
        raise ValueError(
            f"y of shape {tuple(y.shape)} does not fit the maps: its last axes must be {tuple(maps_shape)}"
        )

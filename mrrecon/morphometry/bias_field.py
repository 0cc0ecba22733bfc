"""Smooth gain of the coils over a scan, as the exponential of a few cosines."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["CosineField"]


class CosineField:
    r"""Field $b = \exp(\sum_m c_m \phi_m)$, with products of cosines $\phi_m$ over a box.

    Args:
        start: first corner of the box, in mm.
        extents: side lengths of the box, in mm. Beyond its faces the field goes on as it is at the face.
        shortest: shortest half period of a cosine, in mm: what varies faster is anatomy, not gain.

    Example:
        >>> CosineField((0.0, 0.0, 0.0), (180.0, 200.0, 160.0), shortest=60.0).n_cosines
        20
    """

    def __init__(self, start: tuple[float, ...], extents: tuple[float, ...], *, shortest: float) -> None:
        self.start, self.extents = start, extents
        orders = [max(1, int(extent / shortest)) for extent in extents]
        # The corners of the cube of orders vary faster than any of its edges: an ellipsoid leaves them out.
        self.orders = [
            (i, j, k)
            for i in range(orders[0] + 1)
            for j in range(orders[1] + 1)
            for k in range(orders[2] + 1)
            if (i / orders[0]) ** 2 + (j / orders[1]) ** 2 + (k / orders[2]) ** 2 <= 1.0 + 1e-9
        ]

    @property
    def n_cosines(self) -> int:
        """Number of cosines, the constant included."""
        return len(self.orders)

    def basis(self, points: Float[Tensor, "3 n"]) -> Float[Tensor, "n cosines"]:
        """Value of each cosine at points, in mm."""
        waves = [self._waves(axis, points[axis]) for axis in range(3)]
        i, j, k = (torch.tensor(order, device=points.device) for order in zip(*self.orders, strict=True))
        return waves[0][:, i] * waves[1][:, j] * waves[2][:, k]

    def on_axes(self, coefficients: Float[Tensor, " cosines"], axes: list[Tensor]) -> Float[Tensor, "x y z"]:
        """The field on a grid, from the coordinates along each axis, in mm."""
        most = [max(order[axis] for order in self.orders) + 1 for axis in range(3)]
        cube = coefficients.new_zeros(most)
        for order, coefficient in zip(self.orders, coefficients, strict=True):
            cube[order] = coefficient
        waves = [self._waves(axis, points) for axis, points in enumerate(axes)]
        return torch.einsum("ijk,xi,yj,zk->xyz", cube, *waves).exp()

    def stiffness(self, device: torch.device) -> Float[Tensor, " cosines"]:
        """Squared curvature of each cosine relative to that of the shortest along one axis."""
        curvature = torch.tensor(
            [
                sum((math.pi * n / extent) ** 2 for n, extent in zip(order, self.extents, strict=True)) ** 2
                for order in self.orders
            ],
            device=device,
        )
        return curvature / curvature.max().clamp(min=1e-12)

    def _waves(self, axis: int, points: Tensor) -> Tensor:
        n = max(order[axis] for order in self.orders) + 1
        orders = torch.arange(n, device=points.device, dtype=points.dtype)
        place = ((points - self.start[axis]) / self.extents[axis]).clamp(0, 1)
        return torch.cos(math.pi * orders * place[:, None])

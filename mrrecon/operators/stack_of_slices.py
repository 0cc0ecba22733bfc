"""A volume measured slice by slice."""

from collections.abc import Sequence
from typing import cast

import torch
from jaxtyping import Float, Inexact
from torch import Tensor, nn

from mrrecon.operators.coils import Coils
from mrrecon.operators.fourier import Fourier
from mrrecon.operators.linear_operator import LinearOperator
from mrrecon.operators.nonuniform_fourier import NonUniformFourier

__all__ = ["StackOfSlices", "stack_of_stars"]


class StackOfSlices(LinearOperator):
    r"""Each slice of a volume with an operator of its own, $y_z = A_z x_z$.

    Where every slice has the same operator, that operator does it alone: the slices are a batch. Slices that
    a scanner encodes by frequencies along z are ``StackOfSlices(...) @ Fourier([-3])``; if all of those are
    measured, transforming the measurement back along z first leaves one small problem a slice.

    Args:
        operators: one for each slice, all of which measure the same number of samples.
        measured_axes: number of axes of what is measured of one slice: 2 for an image or for shots of
            samples, 3 for these of several coils. The slices stand before them.

    Raises:
        ValueError: there is no operator, or ``measured_axes`` is below 1.

    Example:
        >>> from mrrecon.operators import Mask
        >>> masks = torch.tensor([[True, False], [False, True]])
        >>> StackOfSlices([Mask(mask) for mask in masks])(torch.ones(2, 1, 2))
        tensor([[[1., 0.]],
                [[0., 1.]]])
    """

    def __init__(self, operators: Sequence[LinearOperator], *, measured_axes: int = 2) -> None:
        super().__init__()
        if not operators:
            raise ValueError("operators=[] must name one operator for each slice")
        if measured_axes < 1:
            raise ValueError(f"measured_axes={measured_axes} must be at least 1")
        self.operators = nn.ModuleList(operators)
        self.measured_axes = measured_axes

    @property
    def slices(self) -> list[LinearOperator]:
        """The operators, one for each slice."""
        return cast(list[LinearOperator], list(self.operators))

    def forward(self, x: Inexact[Tensor, "*volume"]) -> Inexact[Tensor, "*measurement"]:
        """Measurement of every slice."""
        parts = self._split(x, -3, "x")
        measured = [operator(part) for operator, part in zip(self.slices, parts, strict=True)]
        shapes = {tuple(part.shape) for part in measured}
        if len(shapes) > 1 or measured[0].ndim < self.measured_axes:
            raise ValueError(
                f"operators measure slices as tensors of shapes {sorted(shapes)}: they must agree and have "
                f"at least measured_axes={self.measured_axes} axes"
            )
        return torch.stack(measured, -self.measured_axes - 1)

    def adjoint(self, y: Inexact[Tensor, "*measurement"]) -> Inexact[Tensor, "*volume"]:
        """Adjoint of every slice."""
        parts = self._split(y, -self.measured_axes - 1, "y")
        return torch.stack([a.adjoint(part) for a, part in zip(self.slices, parts, strict=True)], -3)

    def gram(self, x: Inexact[Tensor, "*volume"]) -> Inexact[Tensor, "*volume"]:
        """Gram of every slice."""
        parts = self._split(x, -3, "x")
        return torch.stack([a.gram(part) for a, part in zip(self.slices, parts, strict=True)], -3)

    @property
    def norm_bound(self) -> float | None:
        """The largest bound of a slice."""
        bounds = [operator.norm_bound for operator in self.slices]
        return None if None in bounds else max(cast(list[float], bounds))

    @property
    def unitary(self) -> bool:
        """Whether the operator of every slice is."""
        return all(operator.unitary for operator in self.slices)

    def formula(self) -> str:
        """``StackOfSlices(24 x Mask)``, with the operator of the first slice."""
        return f"StackOfSlices({len(self.slices)} x {self.slices[0].formula()})"

    def _split(self, tensor: Tensor, axis: int, name: str) -> Sequence[Tensor]:
        n_slices = len(self.slices)
        if tensor.ndim < -axis or tensor.shape[axis] != n_slices:
            raise ValueError(
                f"{name} of shape {tuple(tensor.shape)} must have {n_slices} slices along axis {axis}"
            )
        return tensor.unbind(axis)


def stack_of_stars(
    trajectory: Float[Tensor, "*points 2"], maps: Inexact[Tensor, "coils d h w"], *, accuracy: float = 1e-6
) -> LinearOperator:
    """``NonUniformFourier @ Fourier(-3) @ Coils``: a volume whose slices are encoded by frequencies along z.

    Args:
        trajectory: path in the plane, the same for every frequency along z, in radians per voxel.
        maps: sensitivity maps of the coils.
        accuracy: largest relative error of the transform in the plane.

    Raises:
        ModuleNotFoundError: finufft is not installed.
        ValueError: the trajectory or the maps make no sense.

    Reference:
        Block et al., Towards routine clinical use of radial stack-of-stars 3D gradient-echo sequences for
        reducing motion sensitivity, Journal of the Korean Society of Magnetic Resonance in Medicine 2014,
        DOI 10.13104/jksmrm.2014.18.2.87

    Example:
        >>> A = stack_of_stars(torch.zeros(5, 7, 2), torch.ones(8, 4, 6, 6))
        >>> A, A(torch.ones(4, 6, 6)).shape
        (NonUniformFourier @ Fourier(-3) @ Coils, torch.Size([8, 4, 5, 7]))
    """
    plane = NonUniformFourier(trajectory, maps.shape[-2:], accuracy=accuracy)
    return plane @ Fourier([-3]) @ Coils(maps)

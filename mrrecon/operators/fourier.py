"""The Fourier transform of images: orthonormal, its zero frequency in the middle."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Complex, Inexact
from torch import Tensor

from mrrecon.operators.linear_operator import LinearOperator

__all__ = ["Fourier", "centring", "spatial_axes"]


class Fourier(LinearOperator):
    r"""Discrete Fourier transform between an image and its k-space, both centred.

    $$ y_k = \frac{1}{\sqrt{n}} \sum_j x_j \, e^{-2 \pi i (j - c)(k - c) / n} $$

    along each of the axes, with the middle $c = \lfloor n/2 \rfloor$.

    Args:
        axes: negative numbers of the axes to transform, or how many of the last axes.

    Raises:
        ValueError: there is no axis, one is named twice or is not negative.

    Example:
        >>> Fourier(1)(torch.tensor([0.0, 0.0, 2.0, 0.0])).real
        tensor([1., 1., 1., 1.])
    """

    def __init__(self, axes: int | Sequence[int] = 2) -> None:
        super().__init__()
        self.axes = spatial_axes(axes)

    def forward(self, x: Inexact[Tensor, "*shape"]) -> Complex[Tensor, "*shape"]:
        """k-space of an image, real or complex."""
        self._check(x, "x")
        before, after = centring(x.shape, self.axes, like=x)
        return torch.fft.fftn(x * before, dim=self.axes, norm="ortho").mul_(after)

    def adjoint(self, y: Inexact[Tensor, "*shape"]) -> Complex[Tensor, "*shape"]:
        """Image of a k-space: the inverse.

        Raises:
            TypeError: ``y`` is real.
        """
        self._check(y, "y")
        before, after = centring(y.shape, self.axes, like=y)
        return torch.fft.ifftn(y * after.conj(), dim=self.axes, norm="ortho").mul_(before.conj())

    @property
    def unitary(self) -> bool:
        """It is."""
        return True

    def formula(self) -> str:
        """``Fourier(-2, -1)``."""
        return f"Fourier({', '.join(map(str, self.axes))})"

    def _check(self, tensor: Tensor, name: str) -> None:
        if tensor.ndim < -self.axes[0]:
            raise ValueError(
                f"{name} of shape {tuple(tensor.shape)} has too few axes for axes={self.axes}: "
                f"it needs {-self.axes[0]}"
            )
        if name == "y" and not tensor.is_complex():
            raise TypeError(f"y is {tensor.dtype} and must be complex: k-space has two parts")


def spatial_axes(axes: int | Sequence[int]) -> tuple[int, ...]:
    """Negative numbers of axes in rising order, from these numbers or from how many of the last are meant.

    Raises:
        ValueError: there is no axis, one is named twice or is not negative.

    Example:
        >>> spatial_axes(2), spatial_axes([-1, -3])
        ((-2, -1), (-3, -1))
    """
    numbers = list(range(-axes, 0)) if isinstance(axes, int) else list(axes)
    if not numbers or max(numbers) >= 0 or len(set(numbers)) < len(numbers):
        raise ValueError(
            f"axes={axes} must be how many of the last axes to transform, at least 1, "
            "or different negative numbers of axes, as [-2, -1]"
        )
    return tuple(sorted(numbers))


def centring(shape: Sequence[int], axes: Sequence[int], *, like: Tensor) -> tuple[Tensor, Tensor]:
    r"""Factors before and after a plain discrete Fourier transform that make it a centred one.

    $$ (j - c)(k - c) = jk - cj - ck + c^2 $$

    Shifting by c on one side is a factor $e^{2 \pi i c j / n}$ on the other: nothing has to be copied. For an
    even n the factors are signs, and real.

    Args:
        shape: shape of the tensor to be transformed.
        axes: negative numbers of the axes to transform.
        like: the tensor whose device and precision the factors are to have.

    Returns:
        Factors that broadcast over the tensor.
    """
    even = all(shape[axis] % 2 == 0 for axis in axes)
    real = like.dtype.to_real()
    before = after = torch.ones((), dtype=real, device=like.device)
    for axis in axes:
        size, middle = shape[axis], shape[axis] // 2
        # Whole numbers are reduced first: the angle of a large one would lose digits.
        turns = torch.stack([torch.arange(size) * middle, torch.arange(size) * middle - middle**2]) % size
        if even:
            factors = (1 - 2 * (turns != 0).long()).to(like.device, real)
        else:
            angle = turns.double() * (2 * math.pi / size)
            factors = torch.polar(torch.ones_like(angle), angle).to(like.device, real.to_complex())
        along = [-1] + [1] * (-axis - 1)
        after, before = after * factors[0].reshape(along), before * factors[1].reshape(along)
    return before, after

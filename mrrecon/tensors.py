"""Shapes of tensors: names for them, padding to a multiple and back, complex numbers as real channels."""

import torch
import torch.nn.functional as F
from jaxtyping import Complex, Float, Int
from torch import Tensor

__all__ = [
    "ComplexImage",
    "Image",
    "Indices",
    "Volume",
    "channels_to_complex",
    "complex_to_channels",
    "crop_to_shape",
    "pad_to_multiple",
]

Image = Float[Tensor, "batch channels *spatial"]
"""Real images of any spatial dimension."""

ComplexImage = Complex[Tensor, "batch channels *spatial"]
"""Complex images of any spatial dimension."""

Volume = Float[Tensor, "batch channels depth height width"]
"""Real images of three spatial dimensions."""

Indices = Int[Tensor, "batch *spatial"]
"""Whole numbers on a grid: codes or labels."""


# Networks call the two functions below inside ``forward``, so they must script and export: plain annotations,
# no keyword-only defaults (TorchScript refuses them; pass ``mode`` and ``value`` by name all the same), no
# branch on whether there is anything to pad (an exported program would keep one of the two cases).


def pad_to_multiple(
    x: Tensor, multiple: int, mode: str = "constant", value: float = 0.0
) -> tuple[Tensor, list[int]]:
    """Image in the middle of the smallest frame whose spatial sizes are multiples of ``multiple``.

    Of the ``(-n) % multiple`` voxels that an axis of ``n`` lacks, half come before the image and half after
    it; of an odd number, the greater part comes after. ``crop_to_shape`` undoes it exactly.

    Args:
        x: image, (batch, channels, *spatial).
        multiple: number of voxels, at least 1, the same for each spatial axis.
        mode: what the frame is filled with, by the names of ``torch.nn.functional.pad``: ``"constant"``,
            ``"reflect"`` (padding shorter than the axis), ``"replicate"`` or ``"circular"``.
        value: the constant of ``mode="constant"``, in units of ``x``.

    Returns:
        The padded image, a new tensor, and the spatial shape that ``x`` had.

    Raises:
        ValueError: ``multiple`` is below 1, or ``x`` has no spatial axis.

    Example:
        >>> padded, shape = pad_to_multiple(torch.ones(1, 1, 5, 8), 4)
        >>> padded.shape, shape
        (torch.Size([1, 1, 8, 8]), [5, 8])
    """
    if multiple < 1:
        raise ValueError(f"multiple={multiple} must be at least 1")
    if x.dim() < 3:
        raise ValueError(
            f"x must have the axes batch, channels and at least one of space, got {x.dim()} axes"
        )
    shape = x.shape[2:]
    widths: list[int] = []
    for axis in range(x.dim() - 1, 1, -1):
        missing = (-x.shape[axis]) % multiple
        widths.append(missing // 2)
        widths.append(missing - missing // 2)
    return F.pad(x, widths, mode, value if mode == "constant" else None), list(shape)


def crop_to_shape(x: Tensor, shape: list[int]) -> Tensor:
    """Middle part of an image, the inverse of ``pad_to_multiple``.

    Of an odd number of surplus voxels, the greater part is taken away after the image.

    Args:
        x: image, (batch, channels, *spatial).
        shape: spatial shape wanted, none of its sizes greater than that of ``x``.

    Returns:
        A view into ``x``, (batch, channels, *shape).

    Raises:
        ValueError: ``shape`` has another number of axes than the space of ``x``, or is greater than it.

    Example:
        >>> crop_to_shape(torch.arange(6.0).reshape(1, 1, 6), [3])
        tensor([[[1., 2., 3.]]])
    """
    if len(shape) != x.dim() - 2:
        raise ValueError(
            f"shape={list(shape)} must have one size for each of the {x.dim() - 2} spatial axes of x"
        )
    for axis, size in enumerate(shape):
        surplus = x.shape[axis + 2] - size
        if surplus < 0:
            raise ValueError(f"shape={list(shape)} must not be greater than that of x, {list(x.shape[2:])}")
        x = x.narrow(axis + 2, surplus // 2, size)
    return x


def complex_to_channels(
    x: Complex[Tensor, "batch channels *spatial"],
) -> Float[Tensor, "batch twice_channels *spatial"]:
    r"""Real parts of all channels, then their imaginary parts: the door of a real network.

    $$ (x_1, \dots, x_C) \mapsto (\Re x_1, \dots, \Re x_C, \Im x_1, \dots, \Im x_C) $$

    Args:
        x: complex image.

    Raises:
        TypeError: ``x`` is not complex.

    Example:
        >>> complex_to_channels(torch.tensor([[[1 + 2j]]]))
        tensor([[[1.],
                 [2.]]])
    """
    if not x.is_complex():
        raise TypeError(f"x must be complex, got {x.dtype}: give torch.complex(x, torch.zeros_like(x))")
    return torch.cat([x.real, x.imag], dim=1)


def channels_to_complex(
    x: Float[Tensor, "batch twice_channels *spatial"],
) -> Complex[Tensor, "batch channels *spatial"]:
    """Complex image made of real channels: their first half its real parts, their second its imaginary ones.

    Args:
        x: real image with an even number of channels, as ``complex_to_channels`` gives it. float32 or float64
            (other precisions have no complex counterpart that computes).

    Raises:
        ValueError: the number of channels is odd.

    Example:
        >>> channels_to_complex(torch.tensor([[[1.0], [2.0]]]))
        tensor([[[1.+2.j]]])
    """
    if x.shape[1] % 2:
        raise ValueError(f"x must have an even number of channels, got {x.shape[1]}")
    real, imaginary = x.chunk(2, dim=1)
    return torch.complex(real, imaginary)

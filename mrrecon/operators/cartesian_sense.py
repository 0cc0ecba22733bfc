"""Multi-coil k-space on a grid, part of it measured: SENSE."""

import itertools
import math
from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Bool, Complex, Float, Inexact
from torch import Tensor

from mrrecon.operators.coils import check_coil_images, check_image, check_maps, sum_of_squares
from mrrecon.operators.fourier import Fourier, centring, spatial_axes
from mrrecon.operators.linear_function import linear_function
from mrrecon.operators.linear_operator import LinearOperator
from mrrecon.operators.mask import check_mask

__all__ = ["CartesianSense"]

# Complex numbers of coil images worked on at a time: on a processor what its caches hold, on a graphics
# processor enough to keep it busy.
_CPU_BLOCK = 2**19
_GPU_BLOCK = 2**26


class CartesianSense(LinearOperator):
    r"""``Mask(mask) @ Fourier(axes) @ Coils(maps)``: k-space of every coil, where it was measured.

    $$ y_c = m \, F (s_c \, x) $$

    Equal to that product to rounding, and several times as fast where solvers spend their time: ``gram``
    shifts nothing, transforms only the axes along which the mask varies, and works in blocks that fit the
    cache. Differentiable in the image; where the maps are to be differentiated too, write the product.

    Args:
        mask: m, True or a weight where measured, zero frequency in the middle. It has the last axes of the
            image, or ones in place of some.
        maps: s, sensitivity maps of the coils.
        axes: axes along which frequencies are measured: negative numbers, or how many of the last ones. All
            axes of space if None.

    Raises:
        ValueError: the mask or the maps are empty, not finite, or do not fit each other or the axes.

    Reference:
        Pruessmann et al., Advances in sensitivity encoding with arbitrary k-space trajectories, Magnetic
        Resonance in Medicine 2001, DOI 10.1002/mrm.1241

    Example:
        >>> A = CartesianSense(torch.tensor([True, False]), torch.ones(8, 2, 2))
        >>> A, A(torch.ones(2, 2)).shape
        (Mask @ Fourier(-2, -1) @ Coils, torch.Size([8, 2, 2]))
    """

    mask: Tensor
    _weights: Tensor
    _maps: Tensor

    def __init__(
        self,
        mask: Bool[Tensor, "*mask_space"] | Float[Tensor, "*mask_space"],
        maps: Inexact[Tensor, "coils ..."],
        *,
        axes: int | Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        check_maps(maps)
        largest = check_mask(mask)
        shape = tuple(maps.shape[1:])
        self.axes = spatial_axes(len(shape) if axes is None else axes)
        if self.axes[0] < -len(shape):
            raise ValueError(
                f"axes={self.axes}: maps of shape {tuple(maps.shape)} have {len(shape)} axes of space"
            )
        self._shape = shape
        self._norm = largest * sum_of_squares(maps).max().sqrt().item()

        # A mask commutes with the transform along an axis on which it is constant: gram leaves that one out,
        # and the places along such axes know nothing of each other.
        mask = _thin(mask, shape)
        varying = tuple(axis for axis in self.axes if mask.shape[axis] > 1)
        self._diagonal = not varying
        self._folded = varying or self.axes
        self._kept = tuple(axis for axis in range(-len(shape), 0) if axis not in self._folded)
        maps = maps.to(maps.dtype.to_complex()).permute(*self._kept, 0, *self._folded)
        # Transforms and products are fastest where the coils' images of a place follow each other in memory.
        maps = maps.contiguous()
        # Places, coils, axes to transform.
        maps = maps.reshape(-1, *maps.shape[len(self._kept) :])
        self.register_buffer("mask", mask)
        self.register_buffer("_maps", maps, persistent=False)
        self.register_buffer("_weights", self._gram_weights(), persistent=False)

    def forward(self, x: Inexact[Tensor, "*image"]) -> Complex[Tensor, "*kspace"]:
        """k-space of every coil, zero where nothing was measured."""
        check_image(x, (0, *self._shape))
        return linear_function(self._forward, self._adjoint, x)

    def adjoint(self, y: Inexact[Tensor, "*kspace"]) -> Complex[Tensor, "*image"]:
        """Zero-filled image: the coils' images combined by the maps.

        Raises:
            TypeError: ``y`` is real.
        """
        self._check_kspace(y)
        return linear_function(self._adjoint, self._forward, y)

    def gram(self, x: Inexact[Tensor, "*image"]) -> Complex[Tensor, "*image"]:
        r"""$\sum_c \bar s_c F^H m^2 F s_c x$."""
        check_image(x, (0, *self._shape))
        return linear_function(self._gram, self._gram, x)

    @property
    def norm_bound(self) -> float:
        """The largest weight of the mask times the norm of the maps."""
        return self._norm

    @property
    def maps(self) -> Complex[Tensor, "coils ..."]:
        """Sensitivity maps of the coils."""
        kept = [self._shape[axis] for axis in self._kept]
        maps = self._maps.movedim(0, 1)
        maps = maps.unflatten(1, kept) if kept else maps.squeeze(1)
        return maps.permute(0, *(1 + place for place in self._back))

    @property
    def _back(self) -> list[int]:
        """Where the axes of space stand in the order of gram."""
        order = (*self._kept, *self._folded)
        return [order.index(axis) for axis in range(-len(order), 0)]

    def formula(self) -> str:
        """``Mask @ Fourier(-2, -1) @ Coils``."""
        return f"Mask @ {Fourier(self.axes).formula()} @ Coils"

    def _forward(self, x: Tensor) -> Tensor:
        maps, (before, after) = _like(self.maps, x), centring(self._shape, self.axes, like=x)
        after = after * _like(self.mask, x)
        images = (x * before).reshape(-1, 1, *self._shape)
        y = torch.empty(len(images), *maps.shape, dtype=maps.dtype, device=x.device)
        for block in _blocks(y.shape[:2], y[0, 0].numel(), device=x.device):
            scans, coils = block
            y[block] = torch.fft.fftn(images[scans] * maps[coils], dim=self.axes, norm="ortho").mul_(after)
        return y.reshape(*x.shape[: x.ndim - len(self._shape)], *maps.shape)

    def _adjoint(self, y: Tensor) -> Tensor:
        maps, (before, after) = _like(self.maps, y), centring(self._shape, self.axes, like=y)
        after = after.conj().resolve_conj() * _like(self.mask, y)
        kspaces = y.reshape(-1, *maps.shape)
        x = kspaces.new_zeros(len(kspaces), *self._shape)
        for block in _blocks(kspaces.shape[:2], x[0].numel(), device=y.device):
            scans, coils = block
            images = torch.fft.ifftn(kspaces[block] * after, dim=self.axes, norm="ortho")
            x[scans] += images.mul_(torch.conj_physical(maps[coils])).sum(1)
        return x.mul_(before.conj()).reshape(*y.shape[: y.ndim - maps.ndim], *self._shape)

    def _gram(self, x: Tensor) -> Tensor:
        maps, weights = _like(self._maps, x), _like(self._weights, x)
        if self._diagonal:
            return (x * weights).to(maps.dtype)
        n_batch, axes = x.ndim - len(self._shape), tuple(range(-len(self._folded), 0))
        ordered = x.permute(
            *range(n_batch), *(n_batch + len(self._shape) + a for a in (*self._kept, *self._folded))
        )
        images = ordered.reshape(-1, len(maps), 1, *maps.shape[2:])
        result = torch.zeros_like(images[:, :, 0], dtype=maps.dtype, memory_format=torch.contiguous_format)
        for block in _blocks((len(images), *maps.shape[:2]), maps[0, 0].numel(), device=x.device):
            scans, places, coils = block
            sensitivity = maps[places, coils]
            y = torch.fft.fftn(images[scans, places] * sensitivity, dim=axes)
            torch.view_as_real(y).flatten(-2).mul_(weights[places] if len(weights) > 1 else weights)
            y = torch.fft.ifftn(y, dim=axes, norm="forward")
            _combine(sensitivity, y, result[scans, places])
        result = result.reshape(ordered.shape)
        return result.permute(*range(n_batch), *(n_batch + place for place in self._back)).contiguous()

    def _gram_weights(self) -> Tensor:
        """What gram multiplies with: images, or real and imaginary parts of k-space by turns."""
        squares = self.mask.to(self._maps.dtype.to_real()).square()
        if self._diagonal:
            return squares * sum_of_squares(self.maps)
        folded = [self._shape[axis] for axis in self._folded]
        squares = torch.fft.ifftshift(squares, dim=self._folded) / math.prod(folded)
        squares = squares.permute(*self._kept, *self._folded)
        if squares.shape[: len(self._kept)].numel() > 1:
            squares = squares.expand(*(self._shape[axis] for axis in self._kept), *folded)
        return squares.reshape(-1, 1, *folded).repeat_interleave(2, -1)

    def _check_kspace(self, y: Tensor) -> None:
        if not y.is_complex():
            raise TypeError(f"y is {y.dtype} and must be complex: k-space has two parts")
        check_coil_images(y, (self._maps.shape[1], *self._shape))


def _combine(maps: Tensor, images: Tensor, target: Tensor) -> None:
    """Adds the coils' images, each times its conjugate map, to the target."""
    if images.device.type != "cpu" or images.dtype not in (torch.complex64, torch.complex128):
        target += images.mul_(maps.conj()).sum(2)
        return
    from mrrecon.operators import coil_kernels

    for scan, result in zip(images, target, strict=True):
        flat = (each.flatten(-each.ndim + n).numpy() for each, n in ((maps, 2), (scan, 2), (result, 1)))
        coil_kernels.combine(*flat)


def _thin(mask: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The mask with as many axes as space, 1 in place of an axis along which it is constant."""
    own = (1,) * (len(shape) - mask.ndim) + tuple(mask.shape)
    if len(own) > len(shape) or any(a not in (1, b) for a, b in zip(own, shape, strict=True)):
        raise ValueError(
            f"mask of shape {tuple(mask.shape)} does not fit maps of an image of shape {shape}: it must have "
            "these sizes, or ones in place of some"
        )
    mask = mask.reshape(own)
    for axis in range(len(shape)):
        first = mask.narrow(axis, 0, 1)
        mask = first if bool((mask == first).all()) else mask
    return mask


def _like(constant: Tensor, tensor: Tensor) -> Tensor:
    """A constant on the device and in the precision of a tensor."""
    if constant.dtype == torch.bool:
        return constant.to(tensor.device)
    real = tensor.dtype.to_real()
    return constant.to(tensor.device, real.to_complex() if constant.is_complex() else real)


def _blocks(counts: Sequence[int], size: int, *, device: torch.device) -> Iterator[tuple[slice, ...]]:
    """Slices of the leading axes, such that a block has a handy number of elements.

    Args:
        counts: sizes of the leading axes.
        size: number of elements for each of their indices.
        device: where the work is done.
    """
    limit = _CPU_BLOCK if device.type == "cpu" else _GPU_BLOCK
    slices: list[list[slice]] = []
    for count in reversed(counts):
        step = min(count, max(1, limit // size))
        slices.insert(0, [slice(start, start + step) for start in range(0, count, step)])
        size *= count
    yield from itertools.product(*slices)

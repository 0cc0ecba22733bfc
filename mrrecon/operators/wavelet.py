"""Orthogonal wavelet transform, periodised: a rotation of image space."""

import math
from functools import cache, lru_cache, partial
from typing import Any, cast

import torch
from jaxtyping import Inexact
from torch import Tensor

from mrrecon.operators.linear_function import linear_function
from mrrecon.operators.linear_operator import LinearOperator

__all__ = ["Wavelet"]

_Filters = tuple[tuple[float, ...], tuple[float, ...]]


class Wavelet(LinearOperator):
    r"""Coefficients of an orthogonal wavelet, packed into an array of the image's own shape.

    Along an axis of n samples, which goes round, with filters h (average) and g (detail) of L taps,

    $$ a_i = \sum_{m=0}^{L-1} h_m \, x_{2i + 1 - L/2 + m},
       \quad d_i = \sum_{m=0}^{L-1} g_m \, x_{2i + 1 - L/2 + m} $$

    Averages stand in the first half of the axis, details in the second; the next level transforms the
    averages of all axes. The values and their places are those of PyWavelets (``wavedecn`` with
    ``mode="periodization"``, then ``coeffs_to_array``). The transform is unitary: its adjoint is its inverse.

    Args:
        wavelet: name of an orthogonal family of PyWavelets: ``"haar"``, ``"db1"`` to ``"db38"``, ``"sym2"``
            to ``"sym20"``, ``"coif1"`` to ``"coif17"``.
        levels: how often each axis is transformed; its size must be a multiple of 2**levels. None: each axis
            as often as its size can be halved, as long as the averages are not fewer than the filter's
            taps less one, or once.
        ndim: number of last axes that are transformed: 1, 2 or 3.

    Raises:
        ValueError: the family is not orthogonal or unknown, ``levels`` or ``ndim`` is out of range, or, when
            it is applied, an axis cannot be halved as often as asked, or none can.

    Example:
        >>> W = Wavelet("haar", levels=1, ndim=1)
        >>> (W(torch.tensor([1.0, 3.0, 2.0, 0.0])) * 2**0.5).round()
        tensor([ 4.,  2., -2.,  2.])

    Reference:
        Daubechies, Orthonormal bases of compactly supported wavelets, Communications on Pure and Applied
        Mathematics 1988, DOI 10.1002/cpa.3160410705
        Mallat, A theory for multiresolution signal decomposition: the wavelet representation, IEEE
        Transactions on Pattern Analysis and Machine Intelligence 1989, DOI 10.1109/34.192463
    """

    def __init__(self, wavelet: str = "db4", levels: int | None = None, *, ndim: int = 2) -> None:
        super().__init__()
        if ndim not in (1, 2, 3):
            raise ValueError(f"ndim={ndim} must be 1, 2 or 3")
        if levels is not None and levels < 1:
            raise ValueError(f"levels={levels} must be at least 1, or None for as many as are useful")
        self.wavelet = wavelet
        self.levels = levels
        self.ndim = ndim
        self.filters: _Filters = _filters(wavelet)

    def forward(self, x: Inexact[Tensor, "*image"]) -> Inexact[Tensor, "*image"]:
        """Coefficients of ``x``, the coarsest in its first corner."""
        return self._transform(x, forward=True)

    def adjoint(self, y: Inexact[Tensor, "*image"]) -> Inexact[Tensor, "*image"]:
        """Image of the coefficients ``y``."""
        return self._transform(y, forward=False)

    @property
    def unitary(self) -> bool:
        """It is."""
        return True

    def formula(self) -> str:
        """``W(db4)``."""
        return f"W({self.wavelet})"

    def halvings(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """How often each of the last ``ndim`` axes of an image is transformed.

        Args:
            shape: shape of the image, all of it or its last axes.
        """
        if len(shape) < self.ndim:
            raise ValueError(f"x must have at least {self.ndim} axes, got the shape {tuple(shape)}")
        sizes = tuple(shape[-self.ndim :])
        if self.levels is not None:
            step = 2**self.levels
            if any(size % step or size < 1 for size in sizes):
                padded = tuple(max(1, -(-size // step)) * step for size in sizes)
                raise ValueError(
                    f"levels={self.levels} needs sizes that are multiples of {step}, got {sizes}: "
                    f"pad to {padded}"
                )
            return (self.levels,) * self.ndim
        taps = len(self.filters[0])
        halvings = []
        for size in sizes:
            useful = max(1, int(math.log2(max(1.0, size / (taps - 1)))))
            halvings.append(min(useful, (size & -size).bit_length() - 1) if size else 0)
        if not any(halvings):
            padded = tuple(size + 1 for size in sizes)
            raise ValueError(f"no axis of {sizes} can be halved: pad to {padded}")
        return tuple(halvings)

    def _transform(self, x: Tensor, *, forward: bool) -> Tensor:
        steps = _steps(tuple(x.shape[-self.ndim :]), self.halvings(tuple(x.shape)))
        there, back = (
            partial(_transform, steps=part, filters=self.filters, forward=way)
            for part, way in ((steps, True), (steps[::-1], False))
        )
        return linear_function(there, back, x) if forward else linear_function(back, there, x)


Step = tuple[tuple[int, ...], int]
"""Sizes of the averages that a step transforms, and along which axis."""


@lru_cache(maxsize=64)
def _steps(sizes: tuple[int, ...], halvings: tuple[int, ...]) -> tuple[Step, ...]:
    """Steps of the transform: level by level, axis by axis."""
    return tuple(
        (tuple(size >> min(level, times) for size, times in zip(sizes, halvings, strict=True)), axis)
        for level in range(max(halvings))
        for axis, times in enumerate(halvings)
        if times > level
    )


@cache
def _filters(wavelet: str) -> _Filters:
    """Taps of averages and details, in the order in which they meet the samples."""
    import pywt

    families = "haar, db1 to db38, sym2 to sym20 or coif1 to coif17"
    if wavelet not in pywt.wavelist(kind="discrete"):
        raise ValueError(f"wavelet={wavelet!r} must be one of {families}")
    bank = pywt.Wavelet(wavelet)
    # dmey calls itself orthogonal, but is so to 2e-3 only.
    if not bank.orthogonal or wavelet == "dmey":
        raise ValueError(f"wavelet={wavelet!r} is not orthogonal: take one of {families}")
    h = _orthonormal(torch.tensor(bank.dec_lo[::-1], dtype=torch.float64))
    g = h.flip(0)
    g[1::2] *= -1
    return tuple(h.tolist()), tuple(g.tolist())


def _orthonormal(h: Tensor) -> Tensor:
    """Nearest taps that are orthogonal to their even shifts: the tables of symlets are so to 1e-11 only."""
    half = len(h) // 2
    for _ in range(2):
        padded = torch.cat([h.new_zeros(2 * half), h, h.new_zeros(2 * half)])
        ahead = torch.stack([padded[2 * (half + k) :][: 2 * half] for k in range(half)])
        behind = torch.stack([padded[2 * (half - k) :][: 2 * half] for k in range(half)])
        defect = ahead @ h
        defect[0] -= 1
        h = h - torch.linalg.pinv(ahead + behind) @ defect
    return h


def _transform(x: Tensor, *, steps: tuple[Step, ...], filters: _Filters, forward: bool) -> Tensor:
    ndim = len(steps[0][0])
    if not x.numel():
        return x.clone()
    if x.device.type == "cpu" and x.dtype in _COMPILED:
        return _transform_compiled(x.resolve_conj().contiguous(), steps, filters, forward=forward)
    z = x.clone()
    for sizes, axis in steps:
        window: tuple[Any, ...] = (..., *(slice(size) for size in sizes))
        corner = z[window]
        corner.copy_(_along_axis(corner, axis - ndim, filters, forward=forward))
    return z


_COMPILED = (torch.float32, torch.float64, torch.complex64, torch.complex128)


def _transform_compiled(x: Tensor, steps: tuple[Step, ...], filters: _Filters, *, forward: bool) -> Tensor:
    from mrrecon.operators.wavelet_kernel import transform

    z = torch.empty_like(x)
    parts = 2 if x.is_complex() else 1
    axes = x.shape[x.dim() - len(steps[0][0]) :]
    source, target = (torch.view_as_real(t) if parts == 2 else t for t in (x, z))
    shape = (-1, *axes, 2) if parts == 2 else (-1, *axes)
    transform(
        source.reshape(shape).numpy(),
        target.view(shape).numpy(),
        parts=parts,
        steps=steps,
        filters=filters,
        forward=forward,
    )
    return z


def _along_axis(x: Tensor, axis: int, filters: _Filters, *, forward: bool) -> Tensor:
    """One level along one axis in plain torch, for the other devices and precisions."""
    x = x.movedim(axis, -1)
    half = x.shape[-1] // 2
    taps = len(filters[0])
    if forward:
        # Sample of the line that tap m meets in average i.
        places = torch.arange(half, device=x.device)[:, None] * 2 + torch.arange(taps, device=x.device)
        lines = x[..., (places + 1 - taps // 2) % (2 * half)]
        y = torch.cat([lines @ x.new_tensor(kernel) for kernel in filters], -1)
    else:
        y = torch.zeros_like(x)
        for tap in range(taps):
            first = (tap + 1 - taps // 2) % (2 * half)
            term = sum(part * kernel[tap] for part, kernel in zip(x.split(half, -1), filters, strict=True))
            y[..., first % 2 :: 2] += cast(Tensor, term).roll(first // 2, -1)
    return y.movedim(-1, axis)

"""k-space at any points: spokes, spirals."""

import math
from collections.abc import Sequence
from types import ModuleType

import numpy as np
import torch
from jaxtyping import Complex, Float, Inexact
from torch import Tensor

from mrrecon.operators.linear_function import linear_function
from mrrecon.operators.linear_operator import LinearOperator

__all__ = ["NonUniformFourier"]

# Complex numbers that gram holds at a time on a processor, unless one image needs more.
_BLOCK = 2**23


class NonUniformFourier(LinearOperator):
    r"""Fourier transform of an image at the points of a trajectory.

    $$ y_p = \frac{1}{\sqrt{N}} \sum_j x_j \, e^{-i k_p \cdot (j - c)} $$

    with N voxels and the middle voxel $c = \lfloor n/2 \rfloor$ of each axis. On the points of the grid it is
    the centred orthonormal ``Fourier``. The library finufft computes it, on the CPU; ``gram`` is a
    convolution and needs nothing but torch, on any device.

    Args:
        trajectory: frequencies k in radians per voxel, from -π to π, along the last axis in the order of the
            image's axes; the axes before it are those of the measurement.
        shape: shape of the image, two or three axes.
        accuracy: largest relative error of the transform, from 1e-14 to 0.1. Single precision reaches 1e-6.

    Raises:
        ModuleNotFoundError: finufft is not installed.
        ValueError: the trajectory is empty, not finite, or in another unit, it does not have a frequency for
            each axis of the image, or the accuracy is out of range.

    Reference:
        Barnett et al., A parallel nonuniform fast Fourier transform library based on an exponential of
        semicircle kernel, SIAM Journal on Scientific Computing 2019, DOI 10.1137/18M120885X;
        Fessler et al., Toeplitz-based iterative image reconstruction for MRI with correction for magnetic
        field inhomogeneity, IEEE Transactions on Signal Processing 2005, DOI 10.1109/TSP.2005.853152

    Example:
        >>> A = NonUniformFourier(torch.zeros(5, 7, 2), [8, 8])
        >>> A(torch.ones(8, 8)).shape
        torch.Size([5, 7])
    """

    trajectory: Tensor
    _transfer: Tensor

    def __init__(
        self, trajectory: Float[Tensor, "*points axes"], shape: Sequence[int], *, accuracy: float = 1e-6
    ) -> None:
        super().__init__()
        _finufft()
        if len(shape) not in (2, 3) or min(shape) < 1:
            raise ValueError(f"shape={tuple(shape)} must have two or three axes, each of at least one voxel")
        if trajectory.ndim < 2 or trajectory.shape[-1] != len(shape) or not trajectory.numel():
            raise ValueError(
                f"trajectory of shape {tuple(trajectory.shape)} must have at least one point and end with "
                f"one frequency for each of the {len(shape)} axes of the image"
            )
        if not torch.isfinite(trajectory).all():
            raise ValueError("trajectory must be finite, it holds NaN or infinity")
        if trajectory.abs().max() > math.pi * (1 + 1e-4):
            raise ValueError(
                f"trajectory reaches {trajectory.abs().max().item():g} and must be in radians per voxel, "
                "from -π to π"
            )
        if not 1e-14 <= accuracy <= 0.1:
            raise ValueError(f"accuracy={accuracy} must lie between 1e-14 and 0.1")
        self.shape = tuple(shape)
        self.accuracy = accuracy
        self.register_buffer("trajectory", trajectory)
        transfer = _toeplitz_transfer(trajectory, self.shape, accuracy)
        self.register_buffer("_transfer", transfer.to(trajectory), persistent=False)
        self._norm = math.sqrt(transfer.abs().max().item())

    def forward(self, x: Inexact[Tensor, "*image"]) -> Complex[Tensor, "*kspace"]:
        """k-space at the points of the trajectory."""
        self._check_image(x)
        return linear_function(self._forward, self._adjoint, x)

    def adjoint(self, y: Inexact[Tensor, "*kspace"]) -> Complex[Tensor, "*image"]:
        """Image from k-space as it is: weight it with the density of the points first to see something.

        Raises:
            TypeError: ``y`` is real.
        """
        points = self.trajectory.shape[:-1]
        if not y.is_complex():
            raise TypeError(f"y is {y.dtype} and must be complex: k-space has two parts")
        if y.shape[-len(points) :] != points:
            raise ValueError(
                f"y of shape {tuple(y.shape)} does not fit the trajectory: its last axes must be "
                f"{tuple(points)}"
            )
        return linear_function(self._adjoint, self._forward, y)

    def gram(self, x: Inexact[Tensor, "*image"]) -> Complex[Tensor, "*image"]:
        """Convolution with the point-spread function of the trajectory, by plain Fourier transforms."""
        self._check_image(x)
        return linear_function(self._gram, self._gram, x)

    @property
    def norm_bound(self) -> float:
        """Norm of the periodic convolution of which gram is a part."""
        return self._norm

    def _check_image(self, x: Tensor) -> None:
        if tuple(x.shape[-len(self.shape) :]) != self.shape:
            raise ValueError(f"x of shape {tuple(x.shape)} must end with the axes {self.shape} of the image")

    def _forward(self, x: Tensor) -> Tensor:
        images = x.reshape(-1, *self.shape)
        y = _run(2, self.trajectory, images, self.shape, self.accuracy)
        return y.reshape(*x.shape[: x.ndim - len(self.shape)], *self.trajectory.shape[:-1])

    def _adjoint(self, y: Tensor) -> Tensor:
        batch = y.shape[: y.ndim - self.trajectory.ndim + 1]
        kspaces = y.reshape(-1, self.trajectory[..., 0].numel())
        x = _run(1, self.trajectory, kspaces, self.shape, self.accuracy)
        return x.reshape(*batch, *self.shape)

    def _gram(self, x: Tensor) -> Tensor:
        transfer = self._transfer.to(x.device, x.dtype.to_real())
        images = x.reshape(-1, *self.shape)
        result = torch.empty(images.shape, dtype=x.dtype.to_complex(), device=x.device)
        step = max(1, _BLOCK // transfer.numel())
        axes = range(-1, -len(self.shape) - 1, -1)
        for start in range(0, len(images), step):
            z = images[start : start + step]
            # Axis by axis: what was padded with zeros, or is cut off in the end, is not transformed.
            for axis in axes:
                z = torch.fft.fft(z, n=transfer.shape[axis], dim=axis)
            z *= transfer
            for axis in reversed(axes):
                z = torch.fft.ifft(z, dim=axis).narrow(axis, 0, self.shape[axis])
            result[start : start + step] = z
        return result.reshape(x.shape)


def _finufft() -> ModuleType:
    try:
        import finufft
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "NonUniformFourier needs the library finufft: pip install 'mrrecon[nonuniform]'"
        ) from error
    return finufft


def _run(kind: int, trajectory: Tensor, values: Tensor, shape: Sequence[int], accuracy: float) -> Tensor:
    """Transform from a trajectory to a grid (kind 1), or from a grid to a trajectory (kind 2)."""
    real = torch.float64 if values.dtype in (torch.float64, torch.complex128) else torch.float32
    points = trajectory.reshape(-1, len(shape)).T.to("cpu", real).contiguous().numpy()
    array = values.to("cpu", real.to_complex()).contiguous().resolve_conj().numpy()
    plan = _finufft().Plan(
        kind,
        tuple(shape),
        n_trans=len(array),
        # Single precision has no more digits, and the library would warn.
        eps=accuracy if real == torch.float64 else max(accuracy, 1e-6),
        isign=1 if kind == 1 else -1,
        dtype=array.dtype.name,
        nthreads=torch.get_num_threads(),
    )
    plan.setpts(*points)
    result = np.asarray(plan.execute(array)).reshape(len(array), *(shape if kind == 1 else [-1]))
    return torch.from_numpy(result).div_(math.sqrt(math.prod(shape))).to(values.device)


def _toeplitz_transfer(trajectory: Tensor, shape: tuple[int, ...], accuracy: float) -> Tensor:
    """Transfer function of gram on a grid of twice the size."""
    twice = tuple(2 * n for n in shape)
    ones = torch.ones(1, trajectory[..., 0].numel(), dtype=torch.complex128)
    spread = _run(1, trajectory, ones, twice, accuracy)[0]
    # Its scale is that of the larger grid.
    spread *= math.sqrt(math.prod(twice)) / math.prod(shape)
    # What it says of shifts by n, which no two voxels have, does not matter.
    return torch.fft.fftn(torch.fft.ifftshift(spread)).real

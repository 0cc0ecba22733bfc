"""The one table of operators, each with an image that it takes: what every test of the laws runs over.

Images are small, for the operators are written as dense matrices too. They are in double precision; where
``COMPLEX_ONLY`` does not name the case, the laws hold for real and for complex images.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from mrrecon import operators
from mrrecon.operators import (
    Blur,
    Crop,
    Downsample,
    FiniteDifference,
    Identity,
    LinearOperator,
    Mask,
    SliceAverage,
    SliceSelect,
    Wavelet,
    box_psf,
    gaussian_psf,
    inpainting,
    motion_psf,
    super_resolution,
)

Case = tuple[LinearOperator, Tensor]


def random(*shape: int, complex_: bool = False) -> Tensor:
    """Normal numbers, the same at every call."""
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(shape, generator=generator, dtype=torch.complex128 if complex_ else torch.float64)


def _image(*shape: int) -> Tensor:
    return torch.zeros(shape, dtype=torch.float64)


def _lines(*shape: int) -> Tensor:
    """A mask of about every second line of the last axis."""
    return (torch.rand(shape[-1], generator=torch.Generator().manual_seed(2)) < 0.5).expand(shape)


def _angles(n: int) -> Tensor:
    return torch.arange(n, dtype=torch.float64) * (math.pi / n) + 0.1


def _spokes(n: int) -> Tensor:
    """Points of a trajectory, in radians a voxel."""
    return random(n, 2).remainder(2 * math.pi) - math.pi


CASES: dict[str, Callable[[], Case]] = {
    "identity": lambda: (Identity(), _image(3)),
    "mask of pixels": lambda: (Mask(random(5, 6) > 0), _image(2, 5, 6)),
    "mask of slices": lambda: (Mask(torch.tensor([True, False, True])[:, None, None]), _image(3, 4, 2)),
    "mask of weights": lambda: (Mask(random(5, 6)), _image(5, 6)),
    "blur, few taps, periodic": lambda: (Blur(random(3, 4)), _image(2, 5, 6)),
    "blur, few taps, reflecting": lambda: (Blur(random(4, 3), "reflect"), _image(5, 6)),
    "blur, many taps, periodic": lambda: (Blur(random(7, 6)), _image(9, 8)),
    "blur, many taps, reflecting": lambda: (Blur(random(6, 7), "reflect"), _image(7, 8)),
    "blur, 1-D": lambda: (Blur(random(3), "reflect"), _image(2, 7)),
    "blur, 3-D, Gaussian": lambda: (Blur(gaussian_psf([0.5, 0.0, 1.5]), "reflect"), _image(3, 4, 7)),
    "blur, 3-D, motion": lambda: (Blur(motion_psf([2.0, 1.0, -2.0])), _image(3, 4, 5)),
    "blur, box": lambda: (Blur(box_psf([2.0, 2.5])), _image(5, 6)),
    "downsample": lambda: (Downsample([2, 3]), _image(2, 4, 9)),
    "downsample, offset": lambda: (Downsample([2, 3], offset=[1, 0]), _image(4, 9)),
    "downsample, separable": lambda: (
        Downsample([3, 2], gaussian_psf([1.5, 1.0]), boundary="reflect"),
        _image(9, 6),
    ),
    "downsample, 3-D": lambda: (Downsample([1, 2, 2], random(2, 3, 2)), _image(3, 4, 6)),
    "downsample, many taps": lambda: (Downsample([2, 2], random(9, 9), boundary="reflect"), _image(10, 10)),
    "super-resolution": lambda: (super_resolution([2, 3]), _image(4, 6)),
    "super-resolution, Gaussian": lambda: (super_resolution([1, 2], "gaussian"), _image(3, 12)),
    "inpainting": lambda: (inpainting(random(5, 6) > 0), _image(5, 6)),
    "inpainting under blur": lambda: (inpainting(random(5, 6) > 0, box_psf([3.0, 3.0])), _image(5, 6)),
    "slices, every second": lambda: (SliceSelect(7, every=2, offset=1), _image(7, 2, 3)),
    "slices, in another order": lambda: (SliceSelect(5, indices=[3, 0, 4]), _image(2, 5, 2, 3)),
    "thick slices": lambda: (SliceAverage(8, 2.0), _image(8, 2, 3)),
    "thick slices with gap": lambda: (SliceAverage(9, 2.5, gap=0.5), _image(2, 9, 2, 3)),
    "thick slices, overlapping Gaussians": lambda: (
        SliceAverage(9, 3.0, gap=-1.5, spacing=0.7, profile="gaussian"),
        _image(9, 2, 3),
    ),
    "gradient, 2-D, periodic": lambda: (FiniteDifference(2), _image(2, 4, 6)),
    "gradient, 2-D, reflecting": lambda: (FiniteDifference(2, "reflect"), _image(5, 4)),
    "gradient, 3-D, periodic": lambda: (FiniteDifference(3, spacing=[3.0, 1.0, 0.5]), _image(2, 3, 4)),
    "gradient, 3-D, reflecting": lambda: (FiniteDifference(3, "reflect", spacing=[3, 1, 1]), _image(3, 2, 5)),
    "gradient of one voxel": lambda: (FiniteDifference(2), _image(1, 4)),
    "wavelet, 1-D": lambda: (Wavelet("coif1", 2, ndim=1), _image(3, 12)),
    "wavelet, 2-D": lambda: (Wavelet("db4", 2), _image(8, 12)),
    "wavelet, 2-D, by itself": lambda: (Wavelet("sym3"), _image(2, 6, 10)),
    "wavelet, 3-D": lambda: (Wavelet("haar", 1, ndim=3), _image(2, 4, 6)),
    "wavelet, 3-D, one odd axis": lambda: (Wavelet("db2", ndim=3), _image(3, 4, 8)),
    "crop": lambda: (Crop([3, 4], [6, 7]), _image(2, 6, 7)),
    "crop, 3-D": lambda: (Crop([2, 3, 4], [2, 5, 5]), _image(2, 5, 5)),
    "adjoint": lambda: (Downsample([2, 2]).H, _image(3, 2)),
    "composition": lambda: (Mask(random(4, 6) > 0) @ Blur(random(3, 3)) @ Wavelet("haar", 1).H, _image(4, 6)),
    "sum": lambda: (Blur(random(3, 3)) + 0.5 * Identity() - Mask(random(4, 6)), _image(4, 6)),
    "scaled": lambda: (-2 * FiniteDifference(2), _image(4, 6)),
    "fourier": lambda: (operators.Fourier(2), _image(2, 5, 6)),
    "fourier, one axis of three": lambda: (operators.Fourier([-2]), _image(3, 5, 4)),
    "nonuniform fourier": lambda: (
        operators.NonUniformFourier(_spokes(20), (6, 5), accuracy=1e-13),
        _image(2, 6, 5),
    ),
    "coils": lambda: (operators.Coils(random(3, 5, 4, complex_=True)), _image(2, 5, 4)),
    "cartesian sense": lambda: (
        operators.CartesianSense(_lines(4, 6), random(3, 4, 6, complex_=True)),
        _image(2, 4, 6),
    ),
    "stack of slices": lambda: (
        operators.StackOfSlices([Blur(random(3, 3)), Mask(random(4, 5) > 0)]),
        _image(3, 2, 4, 5),
    ),
    "stack of slices of coils": lambda: (
        operators.StackOfSlices(
            [operators.Coils(random(3, 4, 5, complex_=True)) for _ in range(2)], measured_axes=3
        ),
        _image(2, 4, 5),
    ),
    "stack of stars": lambda: (
        operators.stack_of_stars(_spokes(12), random(2, 3, 4, 5, complex_=True), accuracy=1e-13),
        _image(3, 4, 5),
    ),
    "radon": lambda: (operators.Radon((6, 7), _angles(5)), _image(2, 6, 7)),
    "radon, all mirror images, oblong voxels": lambda: (
        operators.Radon(
            (6, 6), torch.arange(8) * (math.pi / 8), n_detectors=5, detector_offset=0.3, spacing=[2, 1]
        ),
        _image(6, 6),
    ),
    "fan beam, flat": lambda: (
        operators.FanBeam((6, 7), _angles(5), source_distance=20, detector_distance=10, n_detectors=11),
        _image(2, 6, 7),
    ),
    "fan beam, curved": lambda: (
        operators.FanBeam(
            (6, 5), _angles(4), source_distance=9, detector_distance=0, n_detectors=8, detector="curved"
        ),
        _image(6, 5),
    ),
}
"""Name of a case to what makes its operator and its image."""

COMPLEX_ONLY = {"nonuniform fourier", "stack of stars"}
"""Cases that take complex images only."""

SINGLE_TOLERANCE: dict[str, float] = {}
"""Tolerances in single precision other than 1e-6, each with its reason."""


def make(name: str, *, complex_: bool = False, single: bool = False) -> Case:
    """Operator and image of a case, the image in one of the four precisions."""
    A, x = CASES[name]()
    dtype = torch.float32 if single else torch.float64
    return A, x.to(dtype.to_complex() if complex_ else dtype)


def dense(A: LinearOperator, x: Tensor) -> Tensor:
    """Matrix of an operator on flattened images like ``x``."""
    columns = torch.eye(x.numel(), dtype=x.dtype).reshape(-1, *x.shape)
    return A(columns).flatten(1).T


def dense_adjoint(A: LinearOperator, y: Tensor) -> Tensor:
    """Matrix of the adjoint on flattened measurements like ``y``."""
    columns = torch.eye(y.numel(), dtype=y.dtype).reshape(-1, *y.shape)
    return A.adjoint(columns).flatten(1).T

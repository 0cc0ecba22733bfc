"""What a scanner adds to a signal: resolution, gain of the coils, noise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from mrrecon.simulate.fields import Number, draw_uniform, random_field
from mrrecon.simulate.noise import add_rician_noise

__all__ = [
    "BRAIN_SCANNER",
    "HEAD_SCANNER",
    "Scanner",
    "acquire",
    "bias_field",
    "gaussian_blur",
]

FWHM = 2 * math.sqrt(2 * math.log(2))
"""Full width at half maximum of a Gaussian with standard deviation 1."""


@dataclass(frozen=True)
class Scanner:
    """Ranges from which a scan is drawn, each a pair (lowest, highest).

    Args:
        white_matter: brightness of white matter in the scan, whose brightest voxels have 1. About 0.75 in
            a brain without its skull, 0.5 to 0.75 in a head, where fat is brighter.
        bias: largest deviation of the logarithm of the coils' gain from 0, not negative.
        bias_knot: distance of the control points of that gain, in mm.
        noise: standard deviation of the noise in either part of the complex signal, as a fraction of white
            matter.
        resolution: full width at half maximum of the point spread function along each axis, in mm.
        smoothing: the same of a smoothing after the noise came in, as interpolation on the console does.
        random_contrast: any contrast instead of T1.

    Raises:
        ValueError: a range is negative or runs backwards.

    Example:
        >>> Scanner(noise=(0.0, 0.0)).bias
        0.3
    """

    white_matter: Sequence[Number] = (0.5, 0.75)
    bias: Number = 0.3
    bias_knot: Number = 60.0
    noise: Sequence[Number] = (0.005, 0.04)
    resolution: Sequence[Number] = (0.8, 1.4)
    smoothing: Sequence[Number] = (0.0, 0.8)
    random_contrast: bool = False

    def __post_init__(self) -> None:
        for name in ("white_matter", "noise", "resolution", "smoothing"):
            low, high = getattr(self, name)
            if not 0 <= low <= high:
                raise ValueError(
                    f"{name}={(low, high)} must be a range (lowest, highest) of numbers from 0 up"
                )
        if self.bias < 0:
            raise ValueError(f"bias={self.bias} must not be negative")


HEAD_SCANNER = Scanner()
"""Scans of heads."""

BRAIN_SCANNER = Scanner(white_matter=(0.65, 0.8), bias=0.4)
"""Scans of brains without their skull: white matter is the brightest tissue."""


def acquire(
    signal: Float[Tensor, "depth height width"],
    *,
    axes: Sequence[Float[Tensor, " _"]],
    extents: Sequence[Number],
    spacing: Sequence[Number],
    scanner: Scanner,
    generator: torch.Generator,
) -> Float[Tensor, "depth height width"]:
    r"""Scan of a signal: blurred, weighted by the coils' gain b, noisy, scaled, cut to [0, 1].

    $$ x = w \, |G_2 * (b \cdot (G_1 * s)) + n| $$

    Args:
        signal: signal s of the tissues, with white matter at 1.
        axes: coordinates of its grid along each axis, in mm.
        extents: side lengths of the volume of which it may be a patch, in mm.
        spacing: size of a voxel, in mm.
        scanner: ranges of the scan.
        generator: source of the random numbers.

    Example:
        >>> axes, quiet = (
        ...     [torch.arange(8.0)] * 3,
        ...     Scanner(white_matter=(0.5, 0.5), bias=0.0, noise=(0.0, 0.0)),
        ... )
        >>> scan = acquire(
        ...     torch.ones(8, 8, 8),
        ...     axes=axes,
        ...     extents=[8.0] * 3,
        ...     spacing=[1.0] * 3,
        ...     scanner=quiet,
        ...     generator=torch.Generator(),
        ... )
        >>> scan.sub(0.5).abs().max() < 1e-6
        tensor(True)
    """

    def blur_once(image: Tensor, low: Number, high: Number) -> Tensor:
        sigma = [draw_uniform(low, high, generator=generator) / FWHM / size for size in spacing]
        return gaussian_blur(image, sigma=sigma)

    scan = blur_once(signal.clamp(min=0), *scanner.resolution)
    scan = scan * bias_field(
        axes, extents=extents, strength=scanner.bias, knot=scanner.bias_knot, generator=generator
    )
    sigma = draw_uniform(*scanner.noise, generator=generator)
    scan = blur_once(add_rician_noise(scan, sigma=sigma, generator=generator), *scanner.smoothing)
    return (scan * draw_uniform(*scanner.white_matter, generator=generator)).clamp(0, 1)


def gaussian_blur(
    image: Float[Tensor, "*batch depth height width"], *, sigma: Sequence[Number]
) -> Float[Tensor, "*batch depth height width"]:
    """Convolution with a Gaussian, cut at three standard deviations, the border repeated.

    Args:
        image: volume, with any leading axes.
        sigma: standard deviation along each of the three axes, in voxels; 0 leaves an axis as it is.

    Example:
        >>> gaussian_blur(torch.ones(5, 5, 5), sigma=(1.0, 1.0, 0.0)).sub(1).abs().max() < 1e-6
        tensor(True)
    """
    blurred = image.reshape(1, -1, *image.shape[-3:])
    for axis, width in enumerate(sigma, start=2):
        radius = math.ceil(3 * width)
        if radius < 1:
            continue
        taps = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / width) ** 2)
        padding = [0] * 6
        padding[8 - 2 * axis] = padding[9 - 2 * axis] = radius
        padded = F.pad(blurred, padding, mode="replicate")
        size = blurred.shape[axis]
        blurred = torch.zeros_like(blurred)
        # Sums of shifted volumes: on a CPU several times as fast as conv3d with one channel.
        for shift, tap in enumerate((taps / taps.sum()).tolist()):
            blurred.add_(padded.narrow(axis, shift, size), alpha=tap)
    return blurred.reshape(image.shape)


def bias_field(
    axes: Sequence[Float[Tensor, " _"]],
    *,
    extents: Sequence[Number],
    strength: Number,
    knot: Number,
    generator: torch.Generator,
) -> Float[Tensor, "depth height width"]:
    r"""Gain of the coils, $\exp(a f)$ with a smooth random field f in [-1, 1].

    Args:
        axes: coordinates of the grid along each axis, in mm.
        extents: side lengths of the whole volume, in mm.
        strength: a, largest deviation of the logarithm of the gain from 0.
        knot: distance of the control points of f, in mm.
        generator: source of the random numbers.

    Example:
        >>> bias_field(
        ...     [torch.arange(4.0)] * 3,
        ...     extents=[4.0] * 3,
        ...     strength=0.0,
        ...     knot=60.0,
        ...     generator=torch.Generator(),
        ... ).unique()
        tensor([1.])
    """
    return torch.exp(strength * random_field(axes, extents=extents, knot=knot, generator=generator))

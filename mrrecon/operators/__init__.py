"""What a scanner does to an image: y = A x."""

from mrrecon.operators.blur import Blur
from mrrecon.operators.cartesian_sense import CartesianSense
from mrrecon.operators.check import check_operator
from mrrecon.operators.coils import Coils
from mrrecon.operators.crop import Crop
from mrrecon.operators.ct import ct
from mrrecon.operators.downsample import Downsample
from mrrecon.operators.fan_beam import FanBeam
from mrrecon.operators.finite_difference import FiniteDifference
from mrrecon.operators.fourier import Fourier
from mrrecon.operators.identity import Identity
from mrrecon.operators.inpainting import inpainting
from mrrecon.operators.linear_operator import LinearOperator
from mrrecon.operators.mask import Mask
from mrrecon.operators.nonuniform_fourier import NonUniformFourier
from mrrecon.operators.point_spread import box_psf, gaussian_psf, motion_psf
from mrrecon.operators.radon import Radon
from mrrecon.operators.slice_average import SliceAverage
from mrrecon.operators.slice_select import SliceSelect
from mrrecon.operators.stack_of_slices import StackOfSlices, stack_of_stars
from mrrecon.operators.super_resolution import super_resolution
from mrrecon.operators.wavelet import Wavelet

__all__ = [
    "Blur",
    "CartesianSense",
    "Coils",
    "Crop",
    "Downsample",
    "FanBeam",
    "FiniteDifference",
    "Fourier",
    "Identity",
    "LinearOperator",
    "Mask",
    "NonUniformFourier",
    "Radon",
    "SliceAverage",
    "SliceSelect",
    "StackOfSlices",
    "Wavelet",
    "box_psf",
    "check_operator",
    "ct",
    "gaussian_psf",
    "inpainting",
    "motion_psf",
    "stack_of_stars",
    "super_resolution",
]

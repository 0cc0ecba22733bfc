"""Noise of a measurement: Gaussian, complex, Rician, and of counted photons."""

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from mrrecon.simulate.fields import Number

__all__ = [
    "add_complex_noise",
    "add_gaussian_noise",
    "add_poisson_noise",
    "add_rician_noise",
    "sigma_for_snr",
]


def sigma_for_snr(signal: Float[Tensor, "*shape"] | Complex[Tensor, "*shape"], *, snr: Number) -> float:
    r"""Standard deviation of the noise that gives a signal-to-noise ratio in decibels.

    $$ \sigma = \sqrt{\langle |y|^2 \rangle} \; 10^{-\mathrm{SNR} / 20} $$

    The mean is over all numbers, zeros too. Of complex noise, this is the root of the mean of ``|n|²``: real
    and imaginary part have it divided by root 2.

    Args:
        signal: measurement y without noise.
        snr: ratio of the mean powers of signal and noise, in dB.

    Raises:
        ValueError: the signal is zero or not finite, or ``snr`` is not finite.

    Example:
        >>> sigma_for_snr(torch.full((4,), 3.0), snr=20.0)
        0.3...
    """
    if not math.isfinite(snr):
        raise ValueError(f"snr={snr} must be a finite number of decibels")
    power = signal.detach().abs().double().square().mean().item() if signal.numel() else 0.0
    if not 0 < power < math.inf:
        raise ValueError(f"signal must be finite and not zero, its mean power is {power}")
    return math.sqrt(power) * 10 ** (-snr / 20)


def add_gaussian_noise(
    signal: Float[Tensor, "*shape"], *, sigma: Number, generator: torch.Generator
) -> Float[Tensor, "*shape"]:
    r"""Real signal and real noise, $y + n$ with $n \sim N(0, \sigma^2)$.

    Args:
        signal: y.
        sigma: standard deviation σ, in the unit of the signal, not negative; ``sigma_for_snr`` finds it.
        generator: source of the random numbers.

    Raises:
        ValueError: ``sigma`` is negative or not finite.

    Example:
        >>> add_gaussian_noise(torch.ones(2), sigma=0.0, generator=torch.Generator())
        tensor([1., 1.])
    """
    _check_sigma(sigma)
    return signal + sigma * _normal(signal.shape, signal, generator)


def add_complex_noise(
    signal: Complex[Tensor, "*shape"], *, sigma: Number, generator: torch.Generator
) -> Complex[Tensor, "*shape"]:
    r"""Complex signal and circular complex noise, $y + n$ with $\langle |n|^2 \rangle = \sigma^2$.

    Real and imaginary part are independent, each with variance σ²/2.

    Args:
        signal: y, k-space or a complex image.
        sigma: root of the mean of ``|n|²``, in the unit of the signal, not negative; ``sigma_for_snr`` finds
            it.
        generator: source of the random numbers.

    Raises:
        ValueError: ``sigma`` is negative or not finite.

    Example:
        >>> add_complex_noise(torch.ones(2) + 0j, sigma=0.0, generator=torch.Generator())
        tensor([1.+0.j, 1.+0.j])
    """
    _check_sigma(sigma)
    noise = _normal((*signal.shape, 2), signal.real, generator)
    return signal + (sigma / math.sqrt(2)) * torch.view_as_complex(noise)


def add_rician_noise(
    image: Float[Tensor, "*shape"], *, sigma: Number, generator: torch.Generator
) -> Float[Tensor, "*shape"]:
    r"""Modulus of an image in complex noise, $\sqrt{(x + a)^2 + b^2}$ with $a, b \sim N(0, \sigma^2)$.

    Args:
        image: image that is not negative.
        sigma: standard deviation of either part of the noise, in the unit of the image, not negative.
        generator: source of the random numbers.

    Raises:
        ValueError: ``sigma`` is negative or not finite.

    Reference:
        Gudbjartsson and Patz, The Rician distribution of noisy MRI data, Magnetic Resonance in Medicine 1995,
        DOI 10.1002/mrm.1910340618

    Example:
        >>> add_rician_noise(torch.ones(2, 2), sigma=0.0, generator=torch.Generator()).unique()
        tensor([1.])
    """
    _check_sigma(sigma)
    noise = _normal((2, *image.shape), image, generator) * sigma
    return torch.hypot(image + noise[0], noise[1])


def add_poisson_noise(
    line_integrals: Float[Tensor, "*shape"], *, photons: Number, generator: torch.Generator
) -> Float[Tensor, "*shape"]:
    r"""Line integrals of the attenuation as a CT scanner finds them from photons that it counts.

    $$ N \sim \mathrm{Poisson}(I_0 e^{-y}), \quad y' = \log \frac{I_0}{\max(N, 1/2)} $$

    A ray that no photon survives is given half a photon: its integral would be infinite. To first order, the
    variance of y' is ``exp(y) / I_0``, that of the logarithm of a Poisson number.

    Args:
        line_integrals: integrals y of the attenuation along the rays, without unit, from a sinogram.
        photons: I_0, mean number of photons that are sent along each ray, at least 1. In clinical CT about
            1e5, in low dose 1e4.
        generator: source of the random numbers.

    Raises:
        ValueError: ``photons`` is below 1 or not finite, or an integral is not finite.

    Reference:
        Thibault, Bouman, Sauer, Hsieh, A recursive filter for noise reduction in statistical iterative
        tomographic imaging, Proceedings of SPIE 2006, DOI 10.1117/12.660281

    Example:
        >>> y = add_poisson_noise(torch.full((3,), 50.0), photons=1e4, generator=torch.Generator())
        >>> y.exp().round()  # no photon came through: half of one of 10,000
        tensor([20000., 20000., 20000.])
    """
    if not 1 <= photons < math.inf:
        raise ValueError(f"photons={photons} must be a finite number from 1 up")
    if not torch.isfinite(line_integrals).all():
        raise ValueError("line_integrals must be finite, they hold NaN or infinity")
    # Double precision: single precision cannot count past 16 million.
    expected = photons * torch.exp(-line_integrals.double())
    counts = torch.poisson(expected.to(generator.device), generator=generator).to(expected)
    return torch.log(photons / counts.clamp(min=0.5)).to(line_integrals)


def _check_sigma(sigma: Number) -> None:
    if not 0 <= sigma < math.inf:
        raise ValueError(f"sigma={sigma} must be a finite number from 0 up")


def _normal(shape: tuple[int, ...], like: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal numbers, drawn where the generator is."""
    return torch.randn(shape, generator=generator, device=generator.device, dtype=like.dtype).to(like.device)

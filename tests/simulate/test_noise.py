"""Noise by its moments."""

import math
from collections.abc import Callable

import pytest
import torch

from mrrecon.simulate import (
    add_complex_noise,
    add_gaussian_noise,
    add_poisson_noise,
    add_rician_noise,
    sigma_for_snr,
)

N = 200_000


def test_gaussian_noise_has_its_mean_and_deviation(generator: torch.Generator) -> None:
    noise = add_gaussian_noise(torch.full((N,), 3.0), sigma=0.5, generator=generator) - 3
    assert noise.mean().item() == pytest.approx(0, abs=4 * 0.5 / math.sqrt(N))
    assert noise.std().item() == pytest.approx(0.5, rel=0.01)
    assert (noise / 0.5).pow(4).mean().item() == pytest.approx(3, rel=0.03)


def test_complex_noise_is_circular(generator: torch.Generator) -> None:
    noise = add_complex_noise(torch.zeros(N, dtype=torch.complex64), sigma=0.5, generator=generator)
    assert noise.abs().square().mean().item() == pytest.approx(0.25, rel=0.01)
    assert noise.real.std().item() == pytest.approx(noise.imag.std().item(), rel=0.01)
    assert noise.square().mean().abs().item() < 0.003


def test_rician_noise_in_air_has_the_mean_of_rayleigh(generator: torch.Generator) -> None:
    air = add_rician_noise(torch.zeros(40, 40, 40), sigma=0.1, generator=generator)
    assert air.mean().item() == pytest.approx(0.1 * math.sqrt(math.pi / 2), rel=0.01)


def test_rician_noise_in_tissue_has_the_second_moment_of_rice(generator: torch.Generator) -> None:
    tissue = add_rician_noise(torch.full((40, 40, 40), 0.5), sigma=0.1, generator=generator)
    assert tissue.square().mean().item() == pytest.approx(0.5**2 + 2 * 0.1**2, rel=0.01)


@pytest.mark.parametrize(("integral", "photons"), [(0.0, 1e4), (2.0, 1e5), (4.0, 1e5)])
def test_counted_photons_give_the_variance_of_their_logarithm(
    integral: float, photons: float, generator: torch.Generator
) -> None:
    y = add_poisson_noise(torch.full((N,), integral), photons=photons, generator=generator)
    count = photons * math.exp(-integral)
    # The mean of a logarithm lies half a relative variance below the logarithm of the mean.
    assert y.mean().item() == pytest.approx(integral + 0.5 / count, abs=4 / math.sqrt(count * N))
    assert y.var().item() == pytest.approx(1 / count, rel=0.02)


def test_ray_without_a_photon_counts_half_of_one(generator: torch.Generator) -> None:
    y = add_poisson_noise(torch.full((9,), 60.0), photons=1000, generator=generator)
    torch.testing.assert_close(y, torch.full((9,), math.log(2000)))


def test_few_photons_come_as_often_as_poisson_says(generator: torch.Generator) -> None:
    y = add_poisson_noise(torch.full((N,), math.log(100.0)), photons=100, generator=generator)
    shares = [(100 * torch.exp(-y)).round(decimals=3).eq(k).double().mean().item() for k in (0.5, 1, 2)]
    assert shares == pytest.approx([math.exp(-1), math.exp(-1), math.exp(-1) / 2], rel=0.03)


def test_snr_in_decibels_is_what_the_noise_has(generator: torch.Generator) -> None:
    signal = torch.randn(N, dtype=torch.complex64, generator=generator) * 7
    sigma = sigma_for_snr(signal, snr=15)
    noise = add_complex_noise(signal, sigma=sigma, generator=generator) - signal
    ratio = signal.abs().square().mean() / noise.abs().square().mean()
    assert 10 * math.log10(ratio.item()) == pytest.approx(15, abs=0.05)


CALLS: list[Callable] = [
    lambda x, g: add_gaussian_noise(x, sigma=0.1, generator=g),
    lambda x, g: add_rician_noise(x, sigma=0.1, generator=g),
    lambda x, g: add_poisson_noise(x, photons=1e3, generator=g),
    lambda x, g: add_complex_noise(x + 0j, sigma=0.1, generator=g),
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_seed_gives_the_same_noise_in_the_type_of_the_signal(call: Callable, dtype: torch.dtype) -> None:
    x = torch.rand(3, 4, dtype=dtype)
    first, second = (call(x, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)
    assert first.real.dtype == dtype


@pytest.mark.parametrize("sigma", [-0.1, float("nan"), float("inf")])
@pytest.mark.parametrize("add", [add_gaussian_noise, add_rician_noise, add_complex_noise])
def test_bad_sigma_is_refused(add: Callable, sigma: float) -> None:
    signal = torch.ones(3, dtype=torch.complex64 if add is add_complex_noise else torch.float32)
    with pytest.raises(ValueError, match=f"sigma={sigma} must be a finite number from 0 up"):
        add(signal, sigma=sigma, generator=torch.Generator())


@pytest.mark.parametrize("photons", [0, -5.0, float("nan"), float("inf")])
def test_bad_number_of_photons_is_refused(photons: float) -> None:
    with pytest.raises(ValueError, match=f"photons={photons} must be a finite number from 1 up"):
        add_poisson_noise(torch.ones(3), photons=photons, generator=torch.Generator())


def test_integrals_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="line_integrals must be finite"):
        add_poisson_noise(torch.tensor([1.0, float("nan")]), photons=1e4, generator=torch.Generator())


@pytest.mark.parametrize(
    ("signal", "snr", "sentence"),
    [
        (torch.zeros(3), 10.0, "signal must be finite and not zero"),
        (torch.ones(0), 10.0, "signal must be finite and not zero"),
        (torch.tensor([float("nan")]), 10.0, "signal must be finite"),
        (torch.ones(3), float("inf"), "snr=inf must be a finite number of decibels"),
    ],
)
def test_signal_without_a_ratio_is_refused(signal: torch.Tensor, snr: float, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        sigma_for_snr(signal, snr=snr)

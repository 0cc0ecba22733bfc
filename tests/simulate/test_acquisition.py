"""What a scanner adds."""

import pytest
import torch
from scipy.ndimage import gaussian_filter

from mrrecon.simulate.acquisition import Scanner, acquire, bias_field, gaussian_blur


def test_blur_is_scipys(generator: torch.Generator) -> None:
    volume = torch.rand(9, 10, 11, generator=generator, dtype=torch.float64)
    expected = gaussian_filter(volume.numpy(), (1.0, 0.0, 2.0), mode="nearest", radius=(3, 0, 6))
    torch.testing.assert_close(gaussian_blur(volume, sigma=(1.0, 0.0, 2.0)), torch.from_numpy(expected))


def test_gain_stays_within_its_strength(generator: torch.Generator) -> None:
    axes = [torch.arange(0, 60, 2.0)] * 3
    gain = bias_field(axes, extents=[60.0] * 3, strength=0.3, knot=20, generator=generator)
    assert gain.log().abs().max() <= 0.3
    assert gain.log().std() > 0.01


def test_scan_lies_between_zero_and_one_in_the_type_of_the_signal(generator: torch.Generator) -> None:
    scan = acquire(
        torch.rand(8, 8, 8) * 4,
        axes=[torch.arange(8.0)] * 3,
        extents=[8] * 3,
        spacing=[1] * 3,
        scanner=Scanner(noise=[0.1, 0.1]),
        generator=generator,
    )
    assert scan.dtype == torch.float32
    assert 0 <= scan.min() < scan.max() <= 1


def test_range_that_runs_backwards_is_refused() -> None:
    with pytest.raises(ValueError, match=r"noise=\(0.2, 0.1\) must be a range"):
        Scanner(noise=(0.2, 0.1))

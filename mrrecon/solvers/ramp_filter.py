"""The ramp filter of filtered back-projection."""

from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Float64
from scipy.fft import next_fast_len
from torch import Tensor

__all__ = ["Window", "filter_views", "ramp_response"]

Window = Literal["ramp", "shepp-logan", "cosine", "hamming", "hann"]


def ramp_response(
    n: int,
    step: int | float,
    *,
    window: Window = "ramp",
    cutoff: int | float = 1.0,
    angular: bool = False,
) -> Float64[Tensor, " frequencies"]:
    r"""What each frequency of a view is multiplied by, once zeros have made it at least twice as long.

    The ramp is made in space, where its samples are known exactly, and then transformed,

    $$ h_0 = 1 / (2 d)^2, \quad h_k = -1 / (\pi k d)^2 \text{ for odd } k, \quad 0 \text{ for even } k $$

    with the step d. ``|f|`` sampled instead is 0 at frequency 0, which darkens the whole image.

    Args:
        n: samples of a view.
        step: d: their distance in mm, or in radians for a curved detector.
        window: what holds back high frequencies; "ramp" does nothing.
        cutoff: frequency, as a part of the highest one, from which on nothing passes. Above 0, at most 1.
        angular: samples at equal angles of a fan: h times (γ / sin γ)².

    Raises:
        ValueError: another window, or a cutoff out of range.

    Reference:
        A. C. Kak and M. Slaney, "Principles of computerized tomographic imaging", SIAM 2001,
        doi:10.1137/1.9780898719277, sections 3.3 and 3.4.

    Example:
        >>> response = ramp_response(64, 1.0)
        >>> response[[0, -1]]  # a trace at frequency 0, half a cycle per sample at the highest one
        tensor([0.0016, 0.4984], dtype=torch.float64)
    """
    if not 0 < cutoff <= 1:
        raise ValueError(f"cutoff={cutoff} must be above 0 and at most 1")
    size = int(next_fast_len(2 * n, real=True))
    lag = np.minimum(np.arange(size), size - np.arange(size))
    kernel = np.zeros(size)
    kernel[0] = 1 / (4 * step**2)
    odd = lag % 2 == 1
    kernel[odd] = -1 / (np.pi * lag[odd] * step) ** 2
    if angular:
        # Lags beyond the view meet zeros only, whatever stands there.
        angle = np.minimum(lag, n - 1) * step
        kernel *= np.divide(angle, np.sin(angle), out=np.ones(size), where=lag > 0) ** 2
    response = np.fft.rfft(kernel).real * step
    frequency = np.fft.rfftfreq(size) * 2 / cutoff
    shapes = {
        "ramp": np.ones_like(frequency),
        "shepp-logan": np.sinc(frequency / 2),
        "cosine": np.cos(np.pi / 2 * frequency),
        "hamming": 0.54 + 0.46 * np.cos(np.pi * frequency),
        "hann": 0.5 + 0.5 * np.cos(np.pi * frequency),
    }
    if window not in shapes:
        raise ValueError(f"window={window!r} must be one of {', '.join(shapes)}")
    return torch.from_numpy(response * shapes[window] * (frequency <= 1))


def filter_views(
    y: Float[Tensor, "*batch views detectors"], response: Float64[Tensor, " frequencies"]
) -> Float[Tensor, "*batch views detectors"]:
    """Every view convolved with the filter, as if nothing were measured beyond its ends.

    Args:
        y: views.
        response: of ``ramp_response`` for as many detectors.

    Example:
        >>> filter_views(torch.ones(1, 64), ramp_response(64, 1.0))[0, 32]  # of a long plateau little is left
        tensor(0.0032)
    """
    n = y.shape[-1]
    size = int(next_fast_len(2 * n, real=True))
    spectrum = torch.fft.rfft(y, n=size) * response.to(y.device, y.dtype)
    return torch.fft.irfft(spectrum, n=size)[..., :n]

r"""Structural similarity of 2-D and 3-D images.

Filtering is all the work, and three things make it cheap. The Gaussian is applied axis by axis, as a sum of
shifted images. Slabs of the first spatial axis, small enough for the processor's cache, are finished one
after another. And sum and difference, $s = x + y$ and $d = x - y$, need four filters instead of five:

$$ \mu_x^2 + \mu_y^2 = \tfrac12(\bar s^2 + \bar d^2), \qquad 2\mu_x\mu_y = \tfrac12(\bar s^2 - \bar d^2), $$
$$ \sigma_x^2 + \sigma_y^2 = \tfrac12(\sigma_s^2 + \sigma_d^2), \qquad
2\sigma_{xy} = \tfrac12(\sigma_s^2 - \sigma_d^2). $$
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mrrecon.metrics.pairs import check_data_range, check_finite, check_pair

__all__ = ["SSIM", "gaussian_taps", "mean_similarity", "smooth", "ssim"]

# Voxels filtered at once. On the CPU a slab and what is made of it stay in the cache; a GPU wants more.
_SLAB_CPU = 2**19
_SLAB_GPU = 2**24


def ssim(
    pred: Float[Tensor, "batch channels *spatial"],
    target: Float[Tensor, "batch channels *spatial"],
    *,
    data_range: float,
    window_size: int = 11,
    sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
) -> Float[Tensor, " batch"]:
    r"""Mean structural similarity: 1 for equal images, about 0 for unrelated ones.

    $$ \mathrm{SSIM} = \Big\langle \frac{2\mu_x\mu_y + c_1}{\mu_x^2 + \mu_y^2 + c_1} \cdot
    \frac{2\sigma_{xy} + c_2}{\sigma_x^2 + \sigma_y^2 + c_2} \Big\rangle, \qquad c_i = (k_i L)^2 $$

    Moments are weighted by a Gaussian, variances are the biased ones, and the mean is over all channels and
    over those voxels for which the whole window lies in the image. Differentiable.

    Args:
        pred: image, 2-D or 3-D. float16 and bfloat16 are computed in float32.
        target: reference.
        data_range: $L$, the greatest possible intensity minus the least (1 for images in [0, 1]).
        window_size: width of the window in voxels, odd, at least 3, at most the smallest side of the image.
        sigma: standard deviation of the Gaussian in voxels.
        k1: constant that steadies the comparison of means, as a fraction of ``data_range``.
        k2: constant that steadies the comparison of variances, as a fraction of ``data_range``.

    Returns:
        One value per element of the batch.

    Raises:
        TypeError: an image is not of a floating-point type.
        ValueError: the shapes differ, an image is smaller than the window or not finite, or an argument is
            out of its range.

    Example:
        >>> x = torch.linspace(0, 1, 16**3).reshape(1, 1, 16, 16, 16)
        >>> ssim(0.5 * x, x, data_range=1.0)
        tensor([0.65...])

    Reference:
        Wang, Bovik, Sheikh, Simoncelli, Image quality assessment: from error visibility to structural
        similarity, IEEE Transactions on Image Processing 13, 2004, doi:10.1109/TIP.2003.819861
    """
    check_pair(pred, target)
    check_data_range(data_range)
    similarity, _ = mean_similarity(
        pred,
        target,
        taps=gaussian_taps(window_size, sigma),
        c1=(k1 * data_range) ** 2,
        c2=(k2 * data_range) ** 2,
    )
    return similarity


@dataclass(frozen=True, kw_only=True)
class SSIM:
    """``ssim`` with its settings held, for a workflow that calls ``metric(pred, target)``.

    Args:
        data_range: the greatest possible intensity minus the least.
        window_size: width of the window in voxels, odd.
        sigma: standard deviation of the Gaussian in voxels.
        k1: constant of the means, as a fraction of ``data_range``.
        k2: constant of the variances, as a fraction of ``data_range``.

    Example:
        >>> SSIM(data_range=1.0)(torch.ones(2, 1, 11, 11, 11), torch.ones(2, 1, 11, 11, 11))
        tensor([1., 1.])
    """

    data_range: float
    window_size: int = 11
    sigma: float = 1.5
    k1: float = 0.01
    k2: float = 0.03

    def __call__(
        self, pred: Float[Tensor, "batch channels *spatial"], target: Float[Tensor, "batch channels *spatial"]
    ) -> Float[Tensor, " batch"]:
        """One value per element of the batch."""
        return ssim(
            pred,
            target,
            data_range=self.data_range,
            window_size=self.window_size,
            sigma=self.sigma,
            k1=self.k1,
            k2=self.k2,
        )


def mean_similarity(
    pred: Float[Tensor, "batch channels *spatial"],
    target: Float[Tensor, "batch channels *spatial"],
    *,
    taps: list[float],
    c1: float,
    c2: float,
) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"]]:
    """Means of the whole structural similarity, and of its contrast-and-structure factor alone.

    Args:
        pred: image.
        target: reference.
        taps: weights of the window along each axis, symmetric, of sum 1.
        c1: constant of the means, in squared intensities.
        c2: constant of the variances, in squared intensities.

    Raises:
        ValueError: an image is smaller than the window, or not finite.
    """
    window = len(taps)
    if min(pred.shape[2:]) < window:
        raise ValueError(
            f"window_size={window} must not exceed the smallest side of the image, got {list(pred.shape[2:])}"
        )
    # Variances do not feel a constant taken from both images, but their rounding errors do.
    work = torch.promote_types(pred.dtype, torch.float32)
    level = pred.detach().flatten(1).mean(1, dtype=work) + target.detach().flatten(1).mean(1, dtype=work)
    level = level.reshape(-1, *(1,) * (pred.dim() - 1))

    similarity = contrast = torch.zeros(len(pred), dtype=work, device=pred.device)
    for x, y in _slabs(pred, target, halo=window - 1):
        x, y = x.to(work), y.to(work)
        s, d = (x + y).sub_(level), x - y
        mean_s, mean_d = smooth(s, taps), smooth(d, taps)
        var_s, var_d = smooth(s.square(), taps) - mean_s.square(), smooth(d.square(), taps) - mean_d.square()
        mean_s = mean_s + level
        factor = (var_s - var_d + 2 * c2) / (var_s + var_d + 2 * c2)
        squares_s, squares_d = mean_s.square(), mean_d.square()
        whole = factor * (squares_s - squares_d + 2 * c1) / (squares_s + squares_d + 2 * c1)
        similarity = similarity + whole.flatten(1).sum(1)
        contrast = contrast + factor.flatten(1).sum(1)
    n_windows = pred.shape[1] * torch.Size(n - window + 1 for n in pred.shape[2:]).numel()
    check_finite(similarity, {"pred": pred, "target": target})
    return similarity / n_windows, contrast / n_windows


def gaussian_taps(window_size: int, sigma: float) -> list[float]:
    """Samples of a Gaussian at whole voxels around 0, of sum 1.

    Raises:
        ValueError: ``window_size`` is even or below 3, or ``sigma`` is not positive.

    Example:
        >>> [round(tap, 3) for tap in gaussian_taps(3, 1.0)]
        [0.274, 0.452, 0.274]
    """
    if window_size < 3 or window_size % 2 == 0:
        raise ValueError(f"window_size={window_size} must be odd and at least 3")
    if not sigma > 0:
        raise ValueError(f"sigma={sigma} must be positive (voxels)")
    offsets = torch.arange(window_size, dtype=torch.float64) - window_size // 2
    taps = torch.exp(-0.5 * (offsets / sigma) ** 2)
    return (taps / taps.sum()).tolist()


def smooth(
    x: Float[Tensor, "batch channels *spatial"], taps: list[float]
) -> Float[Tensor, "batch channels *fewer"]:
    """Image filtered along each spatial axis, where the whole window lies in the image.

    A sum of shifted images: much faster than a convolution layer on the CPU, whose kernels are made for many
    channels, and exact on devices where those round their inputs.

    Args:
        x: image, each side at least as long as the window.
        taps: weights of the window, an odd number, symmetric.
    """
    radius = len(taps) // 2
    for axis in range(2, x.dim()):
        size = x.shape[axis] - 2 * radius
        total = x.narrow(axis, radius, size) * taps[radius]
        for shift in range(radius):
            for start in (shift, 2 * radius - shift):
                total.add_(x.narrow(axis, start, size), alpha=taps[shift])
        x = total
    return x


def _slabs(x: Tensor, y: Tensor, *, halo: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Pieces along the first spatial axis; neighbours share ``halo`` slices."""
    n_windows = x.shape[2] - halo
    budget = _SLAB_CPU if x.device.type == "cpu" else _SLAB_GPU
    thickness = max(1, budget * x.shape[2] // x.numel())
    for start in range(0, n_windows, thickness):
        size = min(thickness, n_windows - start) + halo
        yield x.narrow(2, start, size), y.narrow(2, start, size)

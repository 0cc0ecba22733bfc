"""Structural similarity over several scales of an image."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mrrecon.metrics.pairs import check_data_range, check_pair
from mrrecon.metrics.ssim import gaussian_taps, mean_similarity

__all__ = ["MSSSIM", "WANG_WEIGHTS", "ms_ssim", "ms_ssim_scales"]

WANG_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the five scales, finest first, as Wang et al. fitted them to the judgement of people."""


def ms_ssim(
    pred: Float[Tensor, "batch channels *spatial"],
    target: Float[Tensor, "batch channels *spatial"],
    *,
    data_range: float,
    weights: Sequence[float] = WANG_WEIGHTS,
    window_size: int = 11,
    sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
) -> Float[Tensor, " batch"]:
    r"""Multi-scale structural similarity: 1 for equal images, 0 where a scale is not correlated at all.

    $$ \text{MS-SSIM} = [\mathrm{SSIM}_M]_+^{w_M} \prod_{j=1}^{M-1} [\mathrm{CS}_j]_+^{w_j} $$

    $\mathrm{CS}_j$ is the contrast-and-structure factor of the structural similarity at scale $j$, averaged
    over the image and its channels. Each scale is the one before it, averaged over blocks of 2 voxels along
    each axis; an odd last voxel is left out. $[\cdot]_+$ cuts negative values off.

    An image with a side too short for all scales is compared on fewer: as many as leave the smallest side at
    least ``window_size`` voxels, their weights multiplied by one number so that they sum to what all weights
    sum to. An image with a side shorter than the window is compared on one scale, with the greatest odd
    window that fits. ``ms_ssim_scales`` tells which case it is. Five scales of window 11 need sides of at
    least 176 voxels.

    Differentiable where no scale is cut off.

    Args:
        pred: image, 2-D or 3-D, each side at least 3 voxels. float16 and bfloat16 are computed in float32.
        target: reference.
        data_range: the greatest possible intensity minus the least (1 for images in [0, 1]).
        weights: exponents of the scales, finest first, each positive.
        window_size: width of the Gaussian window in voxels, odd, the same at each scale.
        sigma: standard deviation of the Gaussian in voxels.
        k1: constant that steadies the comparison of means, as a fraction of ``data_range``.
        k2: constant that steadies the comparison of variances, as a fraction of ``data_range``.

    Returns:
        One value per element of the batch.

    Raises:
        TypeError: an image is not of a floating-point type.
        ValueError: the shapes differ, a side is shorter than 3 voxels, an image is not finite, or an argument
            is out of its range.

    Example:
        >>> x = torch.linspace(0, 1, 32**3).reshape(1, 1, 32, 32, 32)
        >>> ms_ssim(0.5 * x, x, data_range=1.0)
        tensor([0.67...])

    Reference:
        Wang, Simoncelli, Bovik, Multiscale structural similarity for image quality assessment, Asilomar
        Conference on Signals, Systems and Computers, 2003, doi:10.1109/ACSSC.2003.1292216
    """
    check_pair(pred, target)
    check_data_range(data_range)
    if not weights or min(weights) <= 0:
        raise ValueError(f"weights={tuple(weights)} must be one or more positive numbers")
    n_scales, width = ms_ssim_scales(pred.shape[2:], window_size=window_size, n_scales=len(weights))
    taps = gaussian_taps(width, sigma)
    c1, c2 = (k1 * data_range) ** 2, (k2 * data_range) ** 2
    rescale = sum(weights) / sum(weights[:n_scales])

    product = torch.ones(())
    for scale, weight in enumerate(weights[:n_scales], start=1):
        similarity, contrast = mean_similarity(pred, target, taps=taps, c1=c1, c2=c2)
        term = similarity if scale == n_scales else contrast
        product = product.to(term) * term.relu() ** (weight * rescale)
        if scale < n_scales:
            pred, target = halve(pred), halve(target)
    return product


def ms_ssim_scales(shape: Sequence[int], *, window_size: int = 11, n_scales: int = 5) -> tuple[int, int]:
    """Number of scales, and width of the window in voxels, that ``ms_ssim`` uses for images of a shape.

    Args:
        shape: sides of the image in voxels, batch and channels left out.
        window_size: width of the window that is wanted, odd.
        n_scales: number of scales that is wanted, at least 1.

    Raises:
        ValueError: a side is shorter than 3 voxels, or ``window_size`` is even or below 3.

    Example:
        >>> ms_ssim_scales([192, 256, 192]), ms_ssim_scales([64, 64, 64]), ms_ssim_scales([160, 160, 8])
        ((5, 11), (3, 11), (1, 7))
    """
    side = min(shape)
    if side < 3:
        raise ValueError(
            f"every side of the image must be at least 3 voxels, got {list(shape)}: give slices as 2-D images"
        )
    if window_size < 3 or window_size % 2 == 0:
        raise ValueError(f"window_size={window_size} must be odd and at least 3")
    if side < window_size:
        return 1, side - 1 + side % 2
    fitting = sum(side // 2**halvings >= window_size for halvings in range(n_scales))
    return fitting, window_size


def halve(x: Float[Tensor, "batch channels *spatial"]) -> Float[Tensor, "batch channels *half"]:
    """Image of half the size: means over blocks of 2 voxels along each axis, an odd last voxel left out.

    Example:
        >>> halve(torch.arange(5.0).reshape(1, 1, 5))
        tensor([[[0.5000, 2.5000]]])
    """
    x = x.to(torch.promote_types(x.dtype, torch.float32))
    for axis in range(2, x.dim()):
        first, second = x.narrow(axis, 0, x.shape[axis] // 2 * 2).unflatten(axis, (-1, 2)).unbind(axis + 1)
        x = first + second
    return x * 0.5 ** (x.dim() - 2)


@dataclass(frozen=True, kw_only=True)
class MSSSIM:
    """``ms_ssim`` with its settings held, for a workflow that calls ``metric(pred, target)``.

    Args:
        data_range: the greatest possible intensity minus the least.
        weights: exponents of the scales, finest first.
        window_size: width of the window in voxels, odd.
        sigma: standard deviation of the Gaussian in voxels.
        k1: constant of the means, as a fraction of ``data_range``.
        k2: constant of the variances, as a fraction of ``data_range``.

    Example:
        >>> MSSSIM(data_range=1.0)(torch.ones(2, 1, 24, 24, 24), torch.ones(2, 1, 24, 24, 24))
        tensor([1., 1.])
    """

    data_range: float
    weights: Sequence[float] = WANG_WEIGHTS
    window_size: int = 11
    sigma: float = 1.5
    k1: float = 0.01
    k2: float = 0.03

    def __call__(
        self, pred: Float[Tensor, "batch channels *spatial"], target: Float[Tensor, "batch channels *spatial"]
    ) -> Float[Tensor, " batch"]:
        """One value per element of the batch."""
        return ms_ssim(
            pred,
            target,
            data_range=self.data_range,
            weights=self.weights,
            window_size=self.window_size,
            sigma=self.sigma,
            k1=self.k1,
            k2=self.k2,
        )

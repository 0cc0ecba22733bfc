"""Robust loss on the cosine coefficients of the error, shapes and scales learned (Tudosiu et al. 2020)."""

import math
from collections.abc import Iterator, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mrrecon.losses.dct import dct3d
from mrrecon.losses.log_partition import log_partition
from mrrecon.losses.residual import residual
from mrrecon.losses.robust import robust_loss

__all__ = ["AdaptiveLoss"]


class AdaptiveLoss(nn.Module):
    r"""Mean negative log-likelihood of the cosine coefficients of the error, their densities learned.

    $$ L = \frac{1}{n} \sum_{i=1}^{n}
           \left( \rho(X_i, \alpha_{g(i)}, c_{g(i)}) + \log c_{g(i)} + \log Z(\alpha_{g(i)}) \right), \quad
       X = \mathrm{DCT}(\mathrm{pred} - \mathrm{target}) $$

    where rho is ``robust_loss``, Z its ``log_partition`` and g(i) the group of coefficient i. A group whose
    errors are small and even gets a small c and an alpha near 2 (squares); one with outliers, a smaller
    alpha. As the logarithm of a density the loss may be, and in a good fit is, **negative**. It is lowest,
    not zero, at equality.

    Alpha (an affine sigmoid) and c (an affine softplus) are parameters of this module: **give them to the
    optimiser**. Beside ``network.parameters()`` that is ``loss.parameters()``. Their gradients are as small
    as the part that their group has in n. Adam evens that out if its ``eps`` is far below them: give them a
    group of their own with ``eps=1e-15`` where groups are small.

    Granularity says which coefficients share an alpha and a c; all samples and channels always do:

    * ``"band"``: those of like frequency, in ``n_bands`` shells of equal width in the normalised radial
      frequency ``sqrt(((k_d / n_d)^2 + (k_h / n_h)^2 + (k_w / n_w)^2) / 3)``. Works for images of any size.
      Shells that are empty in small images do not matter.
    * ``"coefficient"``: none (the paper). Two parameters a voxel, 18.9 million at 192 x 256 x 192, for one
      size of image.
    * ``"shared"``: all.

    The default ``scale_init`` is that of the paper. With intensities in [0, 1] most coefficients of the error
    are far below 1, and at first the loss is half the mean square error plus a constant (only the few great
    coefficients of low frequency count less than that). A ``scale_init`` near the expected root mean square
    error, 0.03 say, saves the time of learning it, and makes gradients up to ``1 / scale_init**2`` times
    greater.

    Args:
        spatial_shape: depth, height, width. Needed for ``"coefficient"``; None: any.
        granularity: "band", "coefficient" or "shared".
        n_bands: shells of ``"band"``, at least 1.
        alpha_low: lower bound of alpha, at least 0.
        alpha_high: upper bound of alpha, below 4. Above 2 outliers count more than by their square.
        alpha_init: alpha at the start, between the bounds.
        scale_low: lower bound of c, above 0, in units of intensity.
        scale_init: c at the start, above ``scale_low``.

    Shapes:
        pred and target (batch, channels, depth, height, width) -> scalar.

    Raises:
        ValueError: an argument is out of its range, or the images have not the same or not the right shape.
        FloatingPointError: the loss is not finite, which would spoil all parameters in the next step.

    Example:
        >>> loss = AdaptiveLoss(granularity="shared")
        >>> loss(torch.zeros(1, 1, 8, 8, 8), torch.zeros(1, 1, 8, 8, 8)).item()  # log Z(1)
        1.18549...

    References:
        Barron. A general and adaptive robust loss function. CVPR 2019.
        https://doi.org/10.1109/CVPR.2019.00446

        Tudosiu et al. Neuromorphologically-preserving volumetric data encoding using VQ-VAE. 2020.
        https://doi.org/10.48550/arXiv.2002.05692
    """

    def __init__(
        self,
        spatial_shape: Sequence[int] | None = None,
        *,
        granularity: Literal["band", "coefficient", "shared"] = "band",
        n_bands: int = 32,
        alpha_low: float = 0.001,
        alpha_high: float = 1.999,
        alpha_init: float = 1.0,
        scale_low: float = 1e-5,
        scale_init: float = 1.0,
    ) -> None:
        super().__init__()
        if granularity not in ("band", "coefficient", "shared"):
            raise ValueError(f"granularity={granularity!r} is unknown: use 'band', 'coefficient' or 'shared'")
        if spatial_shape is None and granularity == "coefficient":
            raise ValueError("spatial_shape=None must be three sizes where granularity='coefficient'")
        if spatial_shape is not None and (len(spatial_shape) != 3 or min(spatial_shape) < 1):
            raise ValueError(f"spatial_shape={tuple(spatial_shape)} must be three sizes of at least 1")
        if n_bands < 1:
            raise ValueError(f"n_bands={n_bands} must be at least 1")
        if not 0 <= alpha_low < alpha_init < alpha_high < 4:
            raise ValueError(
                f"alpha_low={alpha_low}, alpha_init={alpha_init}, alpha_high={alpha_high} must rise in [0, 4)"
            )
        if not 0 < scale_low < scale_init < math.inf:
            raise ValueError(f"scale_low={scale_low}, scale_init={scale_init} must rise, above 0")
        self.spatial_shape = None if spatial_shape is None else tuple(spatial_shape)
        self.granularity = granularity
        self.n_bands = n_bands
        self.alpha_low = alpha_low
        self.alpha_high = alpha_high
        self.scale_low = scale_low
        self.scale_init = scale_init
        if granularity == "coefficient" and self.spatial_shape is not None:
            groups = self.spatial_shape
        else:
            groups = (n_bands,) if granularity == "band" else (1,)
        share = (alpha_init - alpha_low) / (alpha_high - alpha_low)
        self.latent_alpha = nn.Parameter(torch.full(groups, math.log(share / (1 - share))))
        self.latent_scale = nn.Parameter(torch.zeros(groups))

    @property
    def alpha(self) -> Tensor:
        """Shape of each group: (depth, height, width), (n_bands,) from low to high frequency, or (1,)."""
        return self.alpha_low + (self.alpha_high - self.alpha_low) * torch.sigmoid(self.latent_alpha)

    @property
    def scale(self) -> Tensor:
        """Scale c of each group, shaped as ``alpha``, in units of intensity."""
        # softplus(log(e - 1)) = 1: a latent of 0 is scale_init.
        share = F.softplus(self.latent_scale + math.log(math.expm1(1.0)))
        return self.scale_low + (self.scale_init - self.scale_low) * share

    def forward(
        self,
        pred: Float[Tensor, "batch channels depth height width"],
        target: Float[Tensor, "batch channels depth height width"],
    ) -> Float[Tensor, ""]:
        """Loss of a batch."""
        error = residual(pred, target)
        shape = tuple(error.shape[2:])
        if self.spatial_shape is not None and shape != self.spatial_shape:
            raise ValueError(f"pred has the spatial shape {shape}, it must have {self.spatial_shape}")
        # Some planes at a time, so that what is computed from them stays in the processor's cache.
        chunk_size = 1 << 16 if error.device.type == "cpu" else 1 << 22
        planes = max(1, chunk_size // (error.numel() // shape[0]))
        chunks = dct3d(error).flatten(0, 1).split(planes, dim=1)
        by_chunk = self._by_band if self.granularity == "band" else self._by_plane
        robust, offset = by_chunk(chunks)
        loss = robust / error.numel() + offset
        if not bool(loss.isfinite()):
            raise FloatingPointError(
                f"loss={loss.item()} must be finite: pred or target has NaN, Inf or huge values"
            )
        return loss

    def _by_band(self, chunks: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Sum of the robust loss over all coefficients, and mean of the logarithm of the normaliser."""
        alpha, scale = self.alpha, self.scale
        counts = torch.zeros(self.n_bands, dtype=torch.int64, device=alpha.device)
        sums = []
        for chunk, band in zip(chunks, _bands(chunks, self.n_bands), strict=True):
            counts += band.bincount(minlength=self.n_bands)
            own_alpha = alpha.index_select(0, band).view(chunk.shape[1:])
            own_scale = scale.index_select(0, band).view(chunk.shape[1:])
            sums.append(robust_loss(chunk, own_alpha, own_scale).sum())
        normaliser = scale.log() + log_partition(alpha)
        # Not as a matrix product: autocast would round it to half precision.
        return torch.stack(sums).sum(), (normaliser * (counts / counts.sum())).sum()

    def _by_plane(self, chunks: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """The same where alpha and c are as large as the image, or single numbers."""
        alphas: Sequence[Tensor] = [self.alpha] * len(chunks)
        scales: Sequence[Tensor] = [self.scale] * len(chunks)
        if self.granularity == "coefficient":
            planes = chunks[0].shape[1]
            alphas, scales = alphas[0].split(planes), scales[0].split(planes)
        sums, normalisers = [], []
        for chunk, alpha, scale in zip(chunks, alphas, scales, strict=True):
            sums.append(robust_loss(chunk, alpha, scale).sum())
            normalisers.append((scale.log() + log_partition(alpha)).flatten())
        return torch.stack(sums).sum(), torch.cat(normalisers).mean()


def _bands(chunks: Sequence[Tensor], n_bands: int) -> Iterator[Tensor]:
    """Band of each coefficient, flat, chunk by chunk."""
    n_planes = [chunk.shape[1] for chunk in chunks]
    shape = (sum(n_planes), *chunks[0].shape[2:])
    depth, height, width = ((torch.arange(n, device=chunks[0].device) / n).square() for n in shape)
    in_plane = height[:, None] + width
    for part in depth.split(n_planes):
        radius = (part[:, None, None] + in_plane).div_(3).sqrt_()
        yield radius.mul_(n_bands).int().flatten()

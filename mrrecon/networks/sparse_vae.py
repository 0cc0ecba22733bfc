"""Variational autoencoder that learns from images of which only a part was observed."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mrrecon.networks.fill_holes import fill_holes
from mrrecon.networks.posterior_draws import posterior_draws
from mrrecon.networks.sparse_blocks import Decoder, SparseEncoder
from mrrecon.networks.sparse_bottlenecks import ConvolutionalBottleneck, LinearBottleneck, LocalBottleneck
from mrrecon.tensors import crop_to_shape, pad_to_multiple

SPARSE_VARIANTS = (
    "conv_zero",
    "conv_mean",
    "conv_interp",
    "conv_interp_wmask",
    "conv_sparse",
    "conv_FC_sparse",
    "conv_local_sparse",
)
"""Names of the variants, after the paper's; the last is that of its section 3.4.1."""


_Bottleneck = ConvolutionalBottleneck | LinearBottleneck | LocalBottleneck


class SparseVAE(nn.Module):
    r"""Image from its observed part, through a code with a normal prior and a normal posterior.

    $$ y = f_\theta(x) + \epsilon, \quad x \sim N(0, I), \quad \epsilon \sim N(0, \sigma^2 I), \qquad
       q(x \mid y_o) = N(\mu(y_o), \mathrm{diag}(\exp s(y_o))) $$

    Its input has two channels: the image, and a mask that is 1 where it was observed. The variants differ in
    what the encoder sees of the holes:

    - ``conv_zero``: zeros; an ordinary convolutional encoder.
    - ``conv_mean``: the mean image of the training set: of what it has observed in training mode, and of
      what ``observe_mean`` was given.
    - ``conv_interp``: an interpolation: its own (``fill_holes``), or what stands there (``interpolates``).
    - ``conv_interp_wmask``: that, and the mask as a second channel.
    - ``conv_sparse``: nothing: sparse convolutions carry the mask on. The default.
    - ``conv_FC_sparse``: the same, and one code for the whole image by a sparse fully connected layer.
    - ``conv_local_sparse``: the same, and a code for each region by a locally connected sparse layer.

    Encoder and decoder have five residual blocks of two convolutions; the image is halved between them, four
    times (the paper's five do not fit its own digits of 28 x 28 pixels). An image of another size than a
    multiple of 16 is padded with unobserved voxels, and cropped back.

    Args:
        spatial_dims: 2 or 3.
        variant: one of ``SPARSE_VARIANTS``.
        shape: spatial size of the images; needed for a fully or locally connected layer and for
            ``conv_mean``, which work at this size only. The others take any size.
        channels: features of each block, finest first.
        n_latents: numbers in the code: of the image (``conv_FC_sparse``), of a region
            (``conv_local_sparse``), else of each position of the coarsest features.
        region: spatial size of a region of the coarsest features, for ``conv_local_sparse``.
        sigma: standard deviation of the noise, in units of the image.
        learned_sigma: whether it is a parameter, which starts there.
        n_draws: K of eq. 9, codes drawn for each image in training.
        interpolates: whether ``conv_interp`` and ``conv_interp_wmask`` fill the holes themselves; else the
            caller has done so.

    Attributes:
        log_sigma: natural logarithm of σ.
        mean_image: mean of what was observed of each voxel, (1, 1, *shape); 0 where nothing was.
        times_observed: number of images in which each voxel was observed.

    Raises:
        ValueError: an unknown variant; a missing shape or region; ``sigma`` not above 0; ``n_draws`` below 1.

    Example:
        >>> network = SparseVAE(2, channels=[4, 8]).eval()
        >>> network(torch.ones(1, 2, 9, 6)).shape
        torch.Size([1, 1, 9, 6])

    Reference:
        Dalca, Guttag, Sabuncu. Unsupervised data imputation via variational inference of deep subspaces.
        2019. https://doi.org/10.48550/arXiv.1903.03503
    """

    def __init__(
        self,
        spatial_dims: int,
        variant: str = "conv_sparse",
        *,
        shape: Sequence[int] | None = None,
        channels: Sequence[int] = (32, 32, 32, 32, 32),
        n_latents: int = 10,
        region: Sequence[int] | None = None,
        sigma: float = 0.1,
        learned_sigma: bool = False,
        n_draws: int = 1,
        interpolates: bool = True,
    ) -> None:
        super().__init__()
        if n_draws < 1:
            raise ValueError(f"n_draws={n_draws} must be at least 1")
        if variant not in SPARSE_VARIANTS:
            raise ValueError(f"variant={variant!r} must be one of {', '.join(SPARSE_VARIANTS)}")
        if not sigma > 0:
            raise ValueError(f"sigma={sigma} must be above 0")
        bound = variant in ("conv_mean", "conv_FC_sparse", "conv_local_sparse")
        if bound and (shape is None or len(shape) != spatial_dims):
            raise ValueError(
                f"variant={variant!r} needs shape, the size of the images along each axis, got {shape}"
            )
        if variant == "conv_local_sparse" and (region is None or len(region) != spatial_dims):
            raise ValueError(f"variant={variant!r} needs region, its size along each axis, got {region}")
        self.variant, self.n_draws, self.interpolates = variant, n_draws, interpolates
        self.multiple = 2 ** (len(channels) - 1)
        self.sparse = variant.endswith("sparse")
        self.encoder = SparseEncoder(spatial_dims, 2 if variant == "conv_interp_wmask" else 1, channels)
        self.decoder = Decoder(spatial_dims, 1, channels)
        coarse = [-(-n // self.multiple) for n in shape] if bound and shape is not None else []
        if variant == "conv_FC_sparse":
            self.bottleneck: _Bottleneck = LinearBottleneck(channels[-1], coarse, n_latents)
        elif variant == "conv_local_sparse":
            assert region is not None
            self.bottleneck = LocalBottleneck(channels[-1], tuple(coarse), tuple(region), n_latents)
        else:
            self.bottleneck = ConvolutionalBottleneck(spatial_dims, channels[-1], n_latents)
        mean_shape = list(shape) if variant == "conv_mean" and shape is not None else [1] * spatial_dims
        self.mean_image: Tensor
        self.times_observed: Tensor
        self.register_buffer("mean_image", torch.zeros(1, 1, *mean_shape))
        if variant == "conv_mean":
            self.register_buffer("times_observed", torch.zeros(1, 1, *mean_shape))
        self.log_sigma = nn.Parameter(torch.tensor(float(sigma)).log(), requires_grad=learned_sigma)

    def forward(self, x: Tensor) -> Tensor:
        """Image of the posterior's mean; in training mode (images of K draws, mean, log-variance, log σ).

        Args:
            x: image and mask, (batch, 2, *spatial).

        Returns:
            (batch, 1, *spatial); the images of K draws are (batch, K, *spatial).
        """
        if not torch.jit.is_scripting() and self.training:
            if self.variant == "conv_mean":
                self.observe_mean(x)
            mean, log_variance = self.posterior(x)
            pred = posterior_draws(self.decode, mean, log_variance, n=self.n_draws, shape=list(x.shape[2:]))
            return pred, mean, log_variance, self.log_sigma  # type: ignore[return-value]
        mean, log_variance = self.posterior(x)
        return self.decode(mean, list(x.shape[2:]))

    @torch.jit.export
    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the code, given image and mask, (batch, 2, *spatial)."""
        y, mask = x[:, :1], x[:, 1:]
        if self.variant == "conv_mean":
            y = torch.where(mask > 0, y, self.mean_image)
        elif self.variant == "conv_zero":
            y = torch.where(mask > 0, y, torch.zeros_like(y))
        seen = mask if self.sparse else torch.ones_like(mask)
        y, _ = pad_to_multiple(y, self.multiple)
        mask, _ = pad_to_multiple(mask, self.multiple)
        if self.interpolates and self.variant.startswith("conv_interp"):
            y = fill_holes(y, mask)
        if self.variant == "conv_interp_wmask":
            y = torch.cat([y, mask], 1)
        # Beyond the border nothing was observed. The ordinary convolution, too, does not count it.
        seen, _ = pad_to_multiple(seen, self.multiple)
        h, seen = self.encoder(y, seen)
        mean, log_variance = self.bottleneck(h, seen)
        return mean, log_variance

    @torch.jit.export
    def decode(self, z: Tensor, shape: list[int]) -> Tensor:
        """Image of a code, (batch, 1, *shape)."""
        return crop_to_shape(self.decoder(self.bottleneck.decode(z)), shape)

    @torch.jit.unused
    @torch.no_grad()
    def observe_mean(self, x: Tensor) -> None:
        """Let the mean image take in more images.

        Args:
            x: image and mask, (batch, 2, *spatial).
        """
        y, mask = x[:, :1], x[:, 1:].to(self.mean_image.dtype)
        seen = mask.sum(0, keepdim=True)
        # Zero times NaN would not remove what stands in a hole.
        total = torch.where(mask > 0, y, torch.zeros_like(y)).sum(0, keepdim=True)
        self.times_observed += seen
        self.mean_image += (total - seen * self.mean_image) / self.times_observed.clamp(min=1)

    @torch.jit.unused
    def impute(self, x: Tensor, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Several completions of each image, drawn from the posterior (eq. 5, without its pixel noise).

        Args:
            x: image and mask, (batch, 2, *spatial).
            n: number of completions, at least 1.
            generator: source of the random numbers, on the device of ``x``.

        Returns:
            (n, batch, 1, *spatial).
        """
        if n < 1:
            raise ValueError(f"n={n} completions: at least 1")
        mean, log_variance = self.posterior(x)
        std = torch.exp(0.5 * log_variance)
        draws = []
        for _ in range(n):
            noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
            draws.append(self.decode(mean + noise * std, list(x.shape[2:])))
        return torch.stack(draws)

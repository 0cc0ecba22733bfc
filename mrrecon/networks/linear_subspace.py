"""Linear subspace of images, found and used through observed entries alone: the baseline of every other."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mrrecon.networks.completions import drawn_completions
from mrrecon.networks.posterior_draws import posterior_draws
from mrrecon.networks.sparse_linear import SparseLinear


class LinearSubspace(nn.Module):
    r"""Image from its observed part, by a factor model with one covariance for all images.

    $$ y = W x + \mu + \epsilon, \qquad
       \hat y = W (W_o^T W_o + \sigma^2 I)^{-1} W_o^T (y_o - \mu_o) + \mu $$

    (eq. 13 and 15.) Trained by gradients like a ``SparseVAE``, or by expectation maximisation
    (``solvers.factor_em``, ``engines.FactorSteps``). It knows images of one size. Others are put in the
    middle of a frame of that size, nothing observed around them, or cropped to it; what lies outside is 0.

    Args:
        shape: spatial size of the images.
        n_latents: dimensions of the subspace, d.
        sigma: σ, in units of the image.
        learned_sigma: whether it is a parameter, which starts there.
        n_draws: K of eq. 9, codes drawn for each image in training.

    Attributes:
        linear: the layer that holds W, (voxels, d), and μ, (voxels,).
        spatial_dims: number of the axes of an image.

    Raises:
        ValueError: ``sigma`` is not above 0; ``n_draws`` is below 1.

    Example:
        >>> LinearSubspace((4, 6), 3).eval()(torch.ones(1, 2, 4, 6)).shape
        torch.Size([1, 1, 4, 6])

    Reference:
        Tipping, Bishop. Probabilistic principal component analysis. J R Stat Soc B, 1999.
        https://doi.org/10.1111/1467-9868.00196
    """

    def __init__(
        self,
        shape: Sequence[int],
        n_latents: int = 10,
        *,
        sigma: float = 0.1,
        learned_sigma: bool = True,
        n_draws: int = 1,
    ) -> None:
        super().__init__()
        if not sigma > 0:
            raise ValueError(f"sigma={sigma} must be above 0")
        if n_draws < 1:
            raise ValueError(f"n_draws={n_draws} must be at least 1")
        self.shape, self.n_draws = list(shape), n_draws
        self.spatial_dims = len(self.shape)
        self.multiple = 1
        n_voxels = 1
        for n in shape:
            n_voxels *= n
        self.linear = SparseLinear(n_voxels, n_latents, ridge=sigma**2, learned_ridge=learned_sigma)

    @property
    def log_sigma(self) -> Tensor:
        """Natural logarithm of σ."""
        return 0.5 * self.linear.log_ridge

    def forward(self, x: Tensor) -> Tensor:
        """Image of the posterior's mean; in training mode (images of K draws, mean, log-variance, log σ).

        Args:
            x: image and mask, (batch, 2, *shape).

        Returns:
            (batch, 1, *shape); the images of K draws are (batch, K, *shape).
        """
        mean, log_variance = self.posterior(x)
        if not torch.jit.is_scripting() and self.training:
            pred = posterior_draws(self.decode, mean, log_variance, n=self.n_draws, shape=list(x.shape[2:]))
            return pred, mean, log_variance, self.log_sigma  # type: ignore[return-value]
        return self.decode(mean, list(x.shape[2:]))

    @torch.jit.export
    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (eq. 14: the diagonal of σ² times the inverse) of the coordinates."""
        x = F.pad(x, self._frame(list(x.shape[2:])))
        mean, inverse = self.linear.posterior(x[:, 0].flatten(1), x[:, 1].flatten(1))
        return mean, inverse.log() + self.linear.log_ridge

    @torch.jit.export
    def decode(self, z: Tensor, shape: list[int]) -> Tensor:
        """Image of coordinates, (batch, 1, *shape)."""
        y = self.linear.decode(z).unsqueeze(1).unflatten(2, self.shape)
        return F.pad(y, [-n for n in self._frame(shape)])

    @torch.jit.unused
    def encode(self, x: Tensor) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Mean of the coordinates, [a square root of their covariance], [the masks], for ``draw``."""
        framed = F.pad(x, self._frame(list(x.shape[2:])))
        mean, _ = self.linear.posterior(framed[:, 0].flatten(1), framed[:, 1].flatten(1))
        lower = self.linear.factor(framed[:, 1].flatten(1))
        eye = torch.eye(lower.shape[-1], dtype=lower.dtype, device=lower.device).expand_as(lower)
        # The covariance is σ² (L L^T)^{-1}.
        root = torch.linalg.solve_triangular(lower.mT, eye, upper=True) * self.log_sigma.exp()
        return mean, [root.to(mean.dtype)], [x[:, 1:]]

    @torch.jit.unused
    def noise(self, features: list[Tensor], generator: torch.Generator | None = None) -> list[Tensor]:
        """Random numbers for one completion."""
        return [
            torch.randn(root.shape[:2], generator=generator, device=root.device, dtype=root.dtype)
            for root in features
        ]

    @torch.jit.unused
    def draw(self, mean: Tensor, features: list[Tensor], masks: list[Tensor], noise: list[Tensor]) -> Tensor:
        """One completion, from what ``encode`` gave and from random numbers."""
        z = mean + (features[0] @ noise[0].unsqueeze(2)).squeeze(2)
        return self.decode(z, list(masks[0].shape[2:]))

    @torch.jit.unused
    def impute(self, x: Tensor, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Several completions of each image, drawn from the posterior (eq. 5, without its pixel noise).

        The posterior is the exact one: the coordinates are drawn with all of their covariance.

        Args:
            x: image and mask, (batch, 2, *spatial).
            n: number of completions, at least 1.
            generator: source of the random numbers, on the device of ``x``.

        Returns:
            (n, batch, 1, *spatial).
        """
        return drawn_completions(self, x, n, generator)

    def _frame(self, shape: list[int]) -> list[int]:
        """What ``pad`` adds to an image, last axis first, to put it in the middle of the frame."""
        pads: list[int] = []
        for axis in range(len(shape) - 1, -1, -1):
            lacking = self.shape[axis] - shape[axis]
            before = lacking // 2
            pads += [before, lacking - before]
        return pads

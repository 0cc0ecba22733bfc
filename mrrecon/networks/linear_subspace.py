"""Linear subspace of images, found and used through observed entries alone: the baseline of every other."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mrrecon.networks.sparse_linear import SparseLinear


class LinearSubspace(nn.Module):
    r"""Image from its observed part, by a factor model with one covariance for all images.

    $$ y = W x + \mu + \epsilon, \qquad
       \hat y = W (W_o^T W_o + \sigma^2 I)^{-1} W_o^T (y_o - \mu_o) + \mu $$

    (eq. 13 and 15.) Trained by gradients like a ``SparseVAE``, or fitted by ``solvers.factor_em``. It works
    at the one size that it was built for.

    Args:
        shape: spatial size of the images.
        n_latents: dimensions of the subspace, d.
        sigma: σ, in units of the image.
        learned_sigma: whether it is a parameter, which starts there.

    Attributes:
        linear: the layer that holds W, (voxels, d), and μ, (voxels,).

    Raises:
        ValueError: ``sigma`` is not above 0.

    Example:
        >>> LinearSubspace((4, 6), 3).eval()(torch.ones(1, 2, 4, 6)).shape
        torch.Size([1, 1, 4, 6])

    Reference:
        Tipping, Bishop. Probabilistic principal component analysis. J R Stat Soc B, 1999.
        https://doi.org/10.1111/1467-9868.00196
    """

    def __init__(
        self, shape: Sequence[int], n_latents: int = 10, *, sigma: float = 0.1, learned_sigma: bool = True
    ) -> None:
        super().__init__()
        if not sigma > 0:
            raise ValueError(f"sigma={sigma} must be above 0")
        n_voxels = 1
        for n in shape:
            n_voxels *= n
        self.linear = SparseLinear(n_voxels, n_latents, ridge=sigma**2, learned_ridge=learned_sigma)

    @property
    def log_sigma(self) -> Tensor:
        """Natural logarithm of σ."""
        return 0.5 * self.linear.log_ridge

    def forward(self, x: Tensor) -> Tensor:
        """Image of the posterior's mean; in training mode (image of one draw, mean, log-variance, log σ).

        Args:
            x: image and mask, (batch, 2, *shape).

        Returns:
            (batch, 1, *shape).
        """
        mean, log_variance = self.posterior(x)
        if not torch.jit.is_scripting() and self.training:
            z = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
            pred = self.decode(z, list(x.shape[2:]))
            return pred, mean, log_variance, self.log_sigma  # type: ignore[return-value]
        return self.decode(mean, list(x.shape[2:]))

    @torch.jit.export
    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (eq. 14: the diagonal of σ² times the inverse) of the coordinates."""
        mean, inverse = self.linear.posterior(x[:, 0].flatten(1), x[:, 1].flatten(1))
        return mean, inverse.log() + self.linear.log_ridge

    @torch.jit.export
    def decode(self, z: Tensor, shape: list[int]) -> Tensor:
        """Image of coordinates, (batch, 1, *shape)."""
        return self.linear.decode(z).unsqueeze(1).unflatten(2, shape)

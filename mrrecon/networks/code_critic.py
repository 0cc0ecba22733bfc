"""Critic of the codes of an α-WGAN (Kwon et al. 2019)."""

from torch import Tensor, nn

__all__ = ["CodeCritic"]


class CodeCritic(nn.Module):
    """Three fully connected layers that score a code: high for draws from N(0, 1), low for the encoder's.

    Args:
        latent: numbers of a code.
        hidden: width of the two hidden layers.
        norm: "batch" as published, or "none".
        negative_slope: slope of the leaky ReLU below zero.

    Shapes:
        (batch, latent) -> (batch, 1).

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> import torch
        >>> CodeCritic(10, hidden=8)(torch.zeros(2, 10)).shape
        torch.Size([2, 1])

    Reference:
        Kwon, Han, Kim. Generation of 3D brain MRI using auto-encoding generative adversarial networks. MICCAI
        2019. https://doi.org/10.1007/978-3-030-32248-9_14
    """

    def __init__(
        self, latent: int = 1000, *, hidden: int = 4096, norm: str = "batch", negative_slope: float = 0.2
    ) -> None:
        super().__init__()
        if min(latent, hidden) < 1:
            raise ValueError(f"latent={latent} and hidden={hidden} must be at least 1")
        if norm not in ("batch", "none"):
            raise ValueError(f"norm={norm!r} is not known: use 'batch' or 'none'")

        def layer(n_in: int) -> nn.Sequential:
            normalised = nn.BatchNorm1d(hidden) if norm == "batch" else nn.Identity()
            return nn.Sequential(nn.Linear(n_in, hidden), normalised, nn.LeakyReLU(negative_slope))

        self.layers = nn.Sequential(layer(latent), layer(hidden))
        self.head = nn.Linear(hidden, 1)

    def forward(self, z: Tensor) -> Tensor:
        """Scores of a batch of codes."""
        return self.head(self.layers(z))

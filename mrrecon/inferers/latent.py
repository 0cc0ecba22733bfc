"""Image to one vector and back."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from monai.inferers import Inferer
from torch import Tensor

__all__ = ["LatentInferer"]


@runtime_checkable
class LatentNetwork(Protocol):
    """What the inferer asks of a network."""

    def encode(self, x: Tensor) -> Tensor:
        """Images (batch, 1, side, side, side) in [0, 1] -> codes (batch, latent)."""

    def decode(self, z: Tensor) -> Tensor:
        """Codes -> images."""


class LatentInferer(Inferer):
    """Inferer that takes an image to its code and back, for a ``CompressionEvaluator``.

    Args:
        amp: whether the network runs under bfloat16 autocast.

    Example:
        >>> from mrrecon.networks import AlphaWGAN
        >>> network = AlphaWGAN(channels=(2, 4), latent=3).eval()
        >>> LatentInferer()(torch.zeros(1, 1, 16, 16, 16), network).shape
        torch.Size([1, 1, 16, 16, 16])
    """

    def __init__(self, *, amp: bool = False) -> None:
        super().__init__()
        self.amp = amp

    def __call__(self, inputs: Tensor, network: Any, *args: Any, **kwargs: Any) -> Tensor:  # noqa: ARG002
        """Reconstruction of images (batch, 1, side, side, side)."""
        return self.decode(self.encode(inputs, network), network, inputs.shape[2:])

    def encode(self, image: Tensor, network: LatentNetwork) -> tuple[Tensor, ...]:
        """Images -> one field: codes (batch, latent), float32."""
        with torch.autocast(image.device.type, torch.bfloat16, enabled=self.amp):
            return (network.encode(image).float(),)

    def decode(self, codes: tuple[Tensor, ...], network: LatentNetwork, shape: Sequence[int]) -> Tensor:
        """The field of codes -> images, float32.

        Raises:
            ValueError: the network makes images of another shape.
        """
        with torch.autocast(codes[0].device.type, torch.bfloat16, enabled=self.amp):
            image = network.decode(codes[0]).float()
        if image.shape[2:] != torch.Size(shape):
            raise ValueError(f"shape={tuple(shape)} is asked for, the network makes {tuple(image.shape[2:])}")
        return image

"""Training loss of a network with a codebook."""

from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["VQVAELoss"]


class VQVAELoss(nn.Module):
    """Reconstruction loss plus the commitment loss that the network hands over with its reconstruction.

    Args:
        reconstruction: loss ``(pred, target) -> scalar``, for example ``BaurLoss`` or ``AdaptiveLoss``.
            Parameters that it has are parameters of this module.

    Attributes:
        components: the addends of the last call, detached, for the log: ``"reconstruction"`` and, if the
            network gave one, ``"commitment"``.

    Example:
        >>> import torch
        >>> loss = VQVAELoss(nn.L1Loss())
        >>> loss((torch.ones(1, 1, 2, 2, 2), torch.tensor(0.25)), torch.zeros(1, 1, 2, 2, 2))
        tensor(1.2500)
        >>> loss.components
        {'reconstruction': tensor(1.), 'commitment': tensor(0.2500)}
    """

    def __init__(self, reconstruction: nn.Module) -> None:
        super().__init__()
        self.reconstruction = reconstruction
        self.components: dict[str, Tensor] = {}

    def forward(
        self, output: tuple[Tensor, Tensor] | Tensor, target: Float[Tensor, "batch channels *spatial"]
    ) -> Float[Tensor, ""]:
        """Loss of a batch.

        Args:
            output: (reconstruction, commitment) of a network in training mode, or the reconstruction alone.
            target: image to be reconstructed.
        """
        pred, commitment = (output, None) if isinstance(output, Tensor) else output
        loss: Tensor = self.reconstruction(pred, target)
        self.components = {"reconstruction": loss.detach()}
        if commitment is not None:
            self.components["commitment"] = commitment.detach()
            loss = loss + commitment
        return loss

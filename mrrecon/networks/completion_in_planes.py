"""A network for slices that completes volumes."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mrrecon.networks.completion_network import CompletionNetwork


class CompletionInPlanes(nn.Module):
    r"""Volume from the planes of two of its directions, each completed by a network for slices, averaged.

    $$ x = \tfrac12 (x_0 + x_1) $$

    where x_0 is put together from planes across the first axis of ``axes``, x_1 from those across the second.
    For a volume of which whole slices are missing those are the two axes within the slices: each plane then
    shows a line of every slice that is there. ``ImputationInferer`` looks for these axes itself, and draws
    completions of the volume.

    Args:
        channels: features of each level of the network for slices, a ``CompletionNetwork``.
        n_noise: its channels of random numbers.
        axes: axes of space across which the planes lie.
        batch_size: planes that are completed at once.

    Attributes:
        of_planes: the network for slices.

    Raises:
        ValueError: ``axes`` are not among 0, 1 and 2.

    Example:
        >>> CompletionInPlanes(channels=[4, 8]).eval()(torch.ones(1, 2, 6, 5, 9)).shape
        torch.Size([1, 1, 6, 5, 9])
    """

    def __init__(
        self,
        *,
        channels: Sequence[int] = (16, 32, 64, 96, 128),
        n_noise: int = 2,
        axes: Sequence[int] = (0, 1),
        batch_size: int = 8,
    ) -> None:
        super().__init__()
        if not axes or not set(axes) <= {0, 1, 2}:
            raise ValueError(f"axes={tuple(axes)} must be among 0, 1 and 2")
        self.of_planes = CompletionNetwork(2, channels=channels, n_noise=n_noise)
        self.axes = [int(axis) for axis in axes]
        self.batch_size = batch_size

    def forward(self, x: Tensor) -> Tensor:
        """Volume without random numbers.

        Args:
            x: image and mask, (batch, 2, x, y, z).

        Returns:
            (batch, 1, x, y, z).
        """
        total, weights = torch.zeros_like(x[:, :1]), torch.zeros_like(x[:, :1])
        for axis in self.axes:
            planes = x.movedim(axis + 2, 1)
            flat = planes.flatten(0, 1)
            done: list[Tensor] = []
            for first in range(0, flat.shape[0], self.batch_size):
                done.append(self.of_planes(flat[first : first + self.batch_size].contiguous()))
            volume = torch.cat(done).unflatten(0, [planes.shape[0], planes.shape[1]])
            # A plane in which nothing was observed has no say.
            heard = planes[:, :, 1:].flatten(2).any(2).to(x.dtype)[:, :, None, None, None]
            total = total + (volume * heard).movedim(1, axis + 2)
            weights = weights + heard.movedim(1, axis + 2)
        return total / weights.clamp(min=1.0)

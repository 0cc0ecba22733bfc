"""An image blurred, with larger voxels, with holes, in plain torch, for TorchScript."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["PlainImage"]


class PlainImage(nn.Module):
    r"""What is seen of an image: Gaussian blur, means over blocks of voxels, holes.

    Along each axis the blur and the means are one matrix; what stands past the edge is the mirror image. A
    voxel that is not finite is a hole.

    Args:
        factor: fine voxels that a coarse one covers, along each axis.
        fwhm: full width at half maximum of the blur along each axis, in fine voxels; 0: no blur.
        keep_observed: whether in an image with holes what was seen is put back as it was.

    Raises:
        ValueError: a factor is below 1 or a width negative, or their numbers differ.

    Example:
        >>> y, constants = PlainImage([2, 1], [0.0, 0.0]).split(torch.tensor([[[[1.0, math.nan]]]]))
        >>> y, constants[0].shape
        (tensor([[[[1., 0.]]]]), torch.Size([1, 1, 1, 2]))
    """

    def __init__(self, factor: Sequence[int], fwhm: Sequence[float], *, keep_observed: bool = False) -> None:
        super().__init__()
        if len(factor) != len(fwhm) or not factor or min(factor) < 1 or min(fwhm) < 0:
            raise ValueError(
                f"factor={tuple(factor)} and fwhm={tuple(fwhm)} must have a number for each axis, at least 1 "
                "and 0"
            )
        self.factor: list[int] = [int(f) for f in factor]
        self.sigma: list[float] = [float(width) / (2 * math.sqrt(2 * math.log(2))) for width in fwhm]
        self.keep_observed = keep_observed

    def split(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The image with zeros in its holes; where it was seen, and a matrix for each axis.

        Raises:
            ValueError: the image has another number of axes.
        """
        if image.dim() != 2 + len(self.factor):
            raise ValueError("image must have the axes batch, channel and one of space for each factor")
        mask = torch.isfinite(image)
        constants = [mask.to(image.dtype)]
        for axis in range(len(self.factor)):
            constants.append(self._matrix(axis, image.shape[axis + 2] * self.factor[axis], image))
        return torch.where(mask, image, torch.zeros_like(image)), constants

    def start(self, y: Tensor, constants: list[Tensor]) -> Tensor:  # noqa: ARG002 - one interface
        """Each coarse voxel given to all fine ones it covers."""
        for axis in range(len(self.factor)):
            y = y.repeat_interleave(self.factor[axis], axis + 2)
        return y

    def adjoint(self, y: Tensor, constants: list[Tensor]) -> Tensor:
        """Transpose of the measurement."""
        x = y * constants[0]
        for axis in range(len(self.factor)):
            x = (x.movedim(axis + 2, -1) @ constants[axis + 1]).movedim(-1, axis + 2)
        return x

    def gram(self, x: Tensor, constants: list[Tensor]) -> Tensor:
        """Seen and given back."""
        for axis in range(len(self.factor)):
            x = (x.movedim(axis + 2, -1) @ constants[axis + 1].t()).movedim(-1, axis + 2)
        return self.adjoint(x, constants)

    def bound(self, constants: list[Tensor], x: Tensor) -> Tensor:  # noqa: ARG002 - one interface
        """1 / product of the factors: the norm of the means over blocks, squared."""
        product = 1
        for f in self.factor:
            product *= f
        return torch.full([1] * x.dim(), 1.0 / product, dtype=x.dtype, device=x.device)

    def finish(self, x: Tensor, y: Tensor, constants: list[Tensor]) -> Tensor:
        """The image, with what was seen put back where that is wanted."""
        if not self.keep_observed:
            return x
        seen = constants[0] > 0
        has_holes = ~seen.flatten(1).all(1)
        for _ in range(x.dim() - 1):
            has_holes = has_holes.unsqueeze(-1)
        return torch.where(seen & has_holes, y, x)

    def _matrix(self, axis: int, n: int, like: Tensor) -> Tensor:
        """Blur and means along an axis, (coarse, fine)."""
        sigma, f = self.sigma[axis], self.factor[axis]
        radius = int(math.ceil(4 * sigma))  # noqa: RUF046 - TorchScript has floats
        rows = torch.arange(n, device=like.device)
        matrix = torch.zeros(n, n, dtype=torch.float64, device=like.device)
        total = 0.0
        for tap in range(-radius, radius + 1):
            weight = math.exp(-0.5 * (tap / sigma) ** 2) if sigma > 0 else 1.0
            total += weight
            place = (rows + tap) % (2 * n)
            place = torch.where(place < n, place, 2 * n - 1 - place)
            ones = torch.full([n, 1], weight, dtype=torch.float64, device=like.device)
            matrix = matrix.scatter_add(1, place.unsqueeze(1), ones)
        return (matrix / total).reshape(n // f, f, n).mean(1).to(like.dtype)

"""What a solver found, and how."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Inexact
from torch import Tensor

from mrrecon.operators import LinearOperator
from mrrecon.solvers import History

__all__ = ["Solution", "joined", "relative_residual", "stacked"]


@dataclass(frozen=True)
class Solution:
    """An image and its making.

    Args:
        image: the image, (batch, channels, *space).
        start: first estimate (zero-filled, back-projected, as measured) of the same shape.
        histories: course of each problem of the batch; none where nothing is iterated.
        residual: what the image leaves unexplained, ‖A x − y‖ / ‖y‖.
        model: A, as a formula.
        pixel_spacing: mm, of rows and columns, where the solver decides on it.

    Example:
        >>> Solution(torch.ones(1, 1, 2), torch.ones(1, 1, 2), (), 0.1, "Identity").iterations
        0
    """

    image: Tensor
    start: Tensor
    histories: tuple[History, ...]
    residual: float
    model: str
    pixel_spacing: tuple[float, ...] | None = None

    @property
    def iterations(self) -> int:
        """The most that a problem of the batch took."""
        return max((history.iterations for history in self.histories), default=0)

    @property
    def converged(self) -> bool:
        """Whether all problems of the batch came down to their tolerance."""
        return all(history.converged for history in self.histories)


def relative_residual(
    A: LinearOperator, x: Inexact[Tensor, "*image"], y: Inexact[Tensor, "*measurement"]
) -> float:
    """‖A x − y‖ / ‖y‖.

    Args:
        A: operator.
        x: image.
        y: measurement.

    Example:
        >>> from mrrecon.operators import Identity
        >>> relative_residual(Identity(), torch.zeros(2), torch.ones(2))
        1.0
    """
    with torch.no_grad():
        return float(torch.linalg.vector_norm(A(x) - y) / torch.linalg.vector_norm(y))


def stacked(parts: Sequence[Solution]) -> Solution:
    """Solutions of problems as that of one batch.

    Args:
        parts: at least one, each a batch of any size.

    Example:
        >>> one = Solution(torch.ones(1, 1, 2), torch.ones(1, 1, 2), (), 0.1, "Identity")
        >>> stacked([one, one]).image.shape
        torch.Size([2, 1, 2])
    """
    return Solution(
        image=torch.cat([part.image for part in parts]),
        start=torch.cat([part.start for part in parts]),
        histories=tuple(history for part in parts for history in part.histories),
        residual=sum(part.residual for part in parts) / len(parts),
        model=parts[0].model,
        pixel_spacing=parts[0].pixel_spacing,
    )


def joined(slices: Sequence[Solution], axis: int) -> Solution:
    """Solutions of the slices of a volume as that of the volume.

    Args:
        slices: each of a batch of one.
        axis: axis of the volume, of all its axes, across which they lie.

    Example:
        >>> one = Solution(torch.ones(1, 1, 2, 3), torch.ones(1, 1, 2, 3), (), 0.1, "Identity")
        >>> joined([one, one], 3).image.shape
        torch.Size([1, 1, 2, 2, 3])
    """
    together = stacked(slices)
    image, start = (x.movedim(0, axis - 1)[None] for x in (together.image, together.start))
    return replace(together, image=image, start=start)

"""Some slices of a volume, as they are."""

from collections.abc import Sequence
from numbers import Integral

import torch
from jaxtyping import Inexact
from torch import Tensor

from mrrecon.operators.linear_operator import LinearOperator

__all__ = ["SliceSelect"]


class SliceSelect(LinearOperator):
    """Slices of a volume, in the order in which they are named; the adjoint puts them back among zeros.

    Args:
        depth: number of slices of the volume, the length of its third last axis.
        every: distance of the slices that are kept, at least 1. Give this or ``indices``.
        offset: first of them, from 0 to ``every - 1``.
        indices: any slices instead, each from 0 to ``depth - 1`` and at most once.

    Raises:
        TypeError: a number is not whole.
        ValueError: a number is out of range or named twice, none is left, both or neither of ``every`` and
            ``indices`` are given, or a tensor has another depth.

    Example:
        >>> SliceSelect(5, every=2)(torch.arange(5.0).reshape(5, 1, 1)).flatten()
        tensor([0., 2., 4.])
    """

    def __init__(
        self,
        depth: int,
        *,
        every: int | None = None,
        offset: int = 0,
        indices: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        if depth < 1:
            raise ValueError(f"depth={depth} must be at least 1")
        if (every is None) == (indices is None):
            raise ValueError(f"either every={every} or indices={indices} must be given, and not both")
        if every is not None:
            if every < 1 or not 0 <= offset < min(every, depth):
                raise ValueError(
                    f"every={every} must be at least 1, and offset={offset} from 0 to every - 1 and "
                    f"below depth={depth}"
                )
            indices = range(offset, depth, every)
        elif offset:
            raise ValueError(f"offset={offset} has no meaning beside indices")
        chosen = tuple(indices or ())
        if any(isinstance(index, bool) or not isinstance(index, Integral) for index in chosen):
            raise TypeError(f"indices={chosen} must be whole numbers")
        if not chosen or len(set(chosen)) < len(chosen) or any(not 0 <= i < depth for i in chosen):
            raise ValueError(f"indices={chosen} must be different slices from 0 to {depth - 1}, at least one")
        self.depth = depth
        self.indices = tuple(int(index) for index in chosen)

    def forward(self, x: Inexact[Tensor, "*batch depth h w"]) -> Inexact[Tensor, "*batch chosen h w"]:
        """The slices of ``x``."""
        self._check("x", x, self.depth)
        return x.index_select(-3, self._indices(x))

    def adjoint(self, y: Inexact[Tensor, "*batch chosen h w"]) -> Inexact[Tensor, "*batch depth h w"]:
        """The volume that has the slices ``y``, and zeros elsewhere."""
        self._check("y", y, len(self.indices))
        x = y.new_zeros((*y.shape[:-3], self.depth, *y.shape[-2:]))
        return x.index_copy(-3, self._indices(y), y)

    @property
    def norm_bound(self) -> float:
        """1, the norm."""
        return 1.0

    @property
    def unitary(self) -> bool:
        """Whether all slices are kept."""
        return len(self.indices) == self.depth

    def _indices(self, x: Tensor) -> Tensor:
        return torch.tensor(self.indices, device=x.device)

    def _check(self, name: str, tensor: Tensor, slices: int) -> None:
        if tensor.dim() < 3 or tensor.shape[-3] != slices:
            raise ValueError(f"{name} must have {slices} slices, got the shape {tuple(tensor.shape)}")

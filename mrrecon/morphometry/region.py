"""Voxels that are computed, and around them those on which they depend."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

__all__ = ["Region"]


@dataclass(frozen=True)
class Region:
    """Some voxels of a volume, those wanted first, then shell by shell what surrounds them.

    Args:
        shape: of the volume.
        voxels: index of each voxel.
        counts: the first ``counts[d]`` voxels are those at most d steps away from one that is wanted.
    """

    shape: tuple[int, int, int]
    voxels: Int[Tensor, "3 n"]
    counts: tuple[int, ...]

    @classmethod
    def around(cls, mask: Bool[Tensor, "x y z"], *, n_shells: int) -> "Region":
        """Region that wants the voxels of a mask; a step goes to one of six neighbours.

        Example:
            >>> mask = torch.zeros(5, 5, 5, dtype=torch.bool)
            >>> mask[2, 2, 2] = True
            >>> Region.around(mask, n_shells=2).counts
            (1, 7, 25)
        """
        shells, reached = [mask.nonzero()], mask
        for _ in range(n_shells):
            grown = reached.clone()
            for axis, n in enumerate(mask.shape):
                grown.narrow(axis, 1, n - 1).logical_or_(reached.narrow(axis, 0, n - 1))
                grown.narrow(axis, 0, n - 1).logical_or_(reached.narrow(axis, 1, n - 1))
            shells.append((grown & ~reached).nonzero())
            reached = grown
        counts = torch.tensor([len(shell) for shell in shells]).cumsum(0)
        shape = (mask.shape[0], mask.shape[1], mask.shape[2])
        return cls(shape, torch.cat(shells).T, tuple(counts.tolist()))

    def places(self) -> Int[Tensor, " n"]:
        """Index of each voxel in the flattened volume, with a layer of voxels around it."""
        _, y, z = (n + 2 for n in self.shape)
        i, j, k = self.voxels + 1
        return (i * y + j) * z + k

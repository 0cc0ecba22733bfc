"""Least squares of each voxel over the images that observed it, all voxels at once."""

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["voxelwise_least_squares"]


def voxelwise_least_squares(
    y: Float[Tensor, "images voxels"],
    mask: Float[Tensor, "images voxels"],
    *,
    codes: Float[Tensor, "images codes"],
    moments: Float[Tensor, "images codes codes"],
    ridge: float = 1e-9,
    chunk: int = 1024,
) -> Float[Tensor, "voxels codes"]:
    r"""Weights that make the observed values of each voxel out of the codes of the images.

    $$ w_j = \Big(\sum_{i: j \in O_i} E[x_i x_i^T]\Big)^{-1} \sum_{i: j \in O_i} y_{ij} E[x_i] $$

    The sums of all voxels are one product of matrices, ``mask^T`` times the moments.

    Args:
        y: images, 0 where not observed.
        mask: 1 where observed, 0 where missing.
        codes: E[x].
        moments: E[x x^T].
        ridge: added to the diagonal, relative to its mean. Where fewer images observed a voxel than it has
            weights, it picks the shortest solution; where none did, the weights are 0.
        chunk: voxels worked on at a time, which bounds the memory.

    Example:
        >>> x = torch.tensor([[1.0], [2.0]])
        >>> y, mask = 3 * x, torch.ones(2, 1)
        >>> voxelwise_least_squares(y, mask, codes=x, moments=(x * x)[:, :, None])
        tensor([[3.]])
    """
    d = codes.shape[1]
    found = []
    for values, seen in zip(y.split(chunk, 1), mask.split(chunk, 1), strict=True):
        left = (seen.T @ moments.flatten(1)).unflatten(1, (d, d)).double()
        jitter = ridge * left.diagonal(dim1=1, dim2=2).mean(1) + 1e-30
        left = left + torch.diag_embed(jitter[:, None].expand(-1, d))
        right = (values.T @ codes).double()[..., None]
        found.append(torch.linalg.solve(left, right)[..., 0].to(y.dtype))
    return torch.cat(found)

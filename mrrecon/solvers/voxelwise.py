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

    The sums of all voxels are one product of matrices, ``mask^T`` times the lower triangles of the moments.

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
    # All sums are symmetric: the lower triangles alone are computed and factorised.
    rows, columns = torch.tril_indices(d, d, device=codes.device)
    triangles = moments[:, rows, columns]
    found = []
    for values, seen in zip(y.split(chunk, 1), mask.split(chunk, 1), strict=True):
        left = torch.zeros(values.shape[1], d, d, dtype=torch.float64, device=y.device)
        left[:, rows, columns] = (seen.T @ triangles).double()
        diagonal = left.diagonal(dim1=1, dim2=2)
        diagonal += ridge * diagonal.mean(1, keepdim=True) + 1e-30
        right = (values.T @ codes).double()[..., None]
        lower, failed = torch.linalg.cholesky_ex(left)
        weights = torch.cholesky_solve(right, lower)
        # Where rounding has made a sum indefinite, elimination still solves it.
        odd = failed > 0
        if bool(odd.any()):
            whole = left[odd] + left[odd].tril(-1).transpose(1, 2)
            weights[odd] = torch.linalg.solve(whole, right[odd])
        found.append(weights[..., 0].to(y.dtype))
    return torch.cat(found)

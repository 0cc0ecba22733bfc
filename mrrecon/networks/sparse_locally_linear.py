"""Locally connected layer for volumes of which only a part was observed."""

import torch
from torch import Tensor, nn


class SparseLocallyLinear(nn.Module):
    r"""A ``SparseLinear`` for each subregion of an image: broad correlations at a bounded size.

    $$ r_l = (W_{l,o}^T W_{l,o} + \sigma^2 I)^{-1} W_{l,o}^T (y_{l,o} - \mu_{l,o}) $$

    for the regions ``l``, boxes that tile the image. A layer of one ``W`` over all of a volume would need
    ``(channels x voxels) x coordinates`` numbers; this one needs that divided by the number of regions
    (paper, section 3.4.1).

    Args:
        shape: spatial size of the features, a multiple of ``region`` along each axis.
        channels: channels of the features.
        region: size of a region, one number per spatial axis.
        out_features: coordinates of one region, d.
        ridge: σ², in units of the squared entries of ``W``.
        jitter: ridge relative to the mean of the diagonal, see ``SparseLinear``.

    Attributes:
        weight: (regions, channels x voxels of a region, out_features).
        mean: (regions, channels x voxels of a region).

    Raises:
        ValueError: ``region`` has another number of axes than ``shape`` or does not divide it.

    Example:
        >>> layer = SparseLocallyLinear((4, 4), 3, (2, 2), 5)
        >>> layer(torch.ones(1, 3, 4, 4), torch.ones(1, 1, 4, 4)).shape
        torch.Size([1, 5, 2, 2])

    Reference:
        Dalca, Guttag, Sabuncu. Unsupervised data imputation via variational inference of deep subspaces.
        2019. https://doi.org/10.48550/arXiv.1903.03503
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        channels: int,
        region: tuple[int, ...],
        out_features: int,
        *,
        ridge: float = 0.0,
        jitter: float = 1e-5,
    ) -> None:
        super().__init__()
        if len(region) != len(shape) or any(n % size for n, size in zip(shape, region, strict=False)):
            raise ValueError(f"region={tuple(region)} must divide shape={tuple(shape)} along every axis")
        if ridge < 0:
            raise ValueError(f"ridge={ridge} must be at least 0")
        self.ridge = ridge
        self.jitter = jitter
        self.region = list(region)
        self.entries = [channels, *region]
        self.grid = [n // size for n, size in zip(shape, region, strict=True)]
        n_regions, n_entries = 1, channels
        for n, size in zip(self.grid, self.region, strict=True):
            n_regions *= n
            n_entries *= size
        self.weight = nn.Parameter(torch.randn(n_regions, n_entries, out_features) * out_features**-0.5)
        self.mean = nn.Parameter(torch.zeros(n_regions, n_entries))

    def forward(self, y: Tensor, mask: Tensor) -> Tensor:
        """Coordinates of each region.

        Args:
            y: features, (batch, channels, *shape).
            mask: 1 where observed, 0 where missing, (batch, 1, *shape).

        Returns:
            (batch, out_features, *regions along each axis).
        """
        if torch.jit.is_scripting() or torch.compiler.is_compiling():
            return self._coordinates(y, mask)
        else:
            # Under autocast the sums would be rounded until they are no longer positive definite.
            with torch.autocast(y.device.type, enabled=False):
                return self._coordinates(y.to(self.weight.dtype), mask)

    def decode(self, r: Tensor) -> Tensor:
        """``W r + μ`` of each region: features, (batch, channels, *shape), of (batch, d, *regions)."""
        r = r.flatten(2).transpose(1, 2)
        y = torch.einsum("blj,lij->bli", r, self.weight) + self.mean
        y = y.unflatten(2, self.entries)
        if len(self.grid) == 2:
            return y.unflatten(1, self.grid).permute(0, 3, 1, 4, 2, 5).flatten(4, 5).flatten(2, 3)
        y = y.unflatten(1, self.grid).permute(0, 4, 1, 5, 2, 6, 3, 7)
        return y.flatten(6, 7).flatten(4, 5).flatten(2, 3)

    def _coordinates(self, y: Tensor, mask: Tensor) -> Tensor:
        mask = self._regions(mask.expand_as(y)).to(self.weight.dtype)
        y = self._regions(y)
        rest = torch.where(mask > 0, y - self.mean, torch.zeros_like(y)) * mask
        right = torch.einsum("bli,lij->blj", rest, self.weight)
        gram = torch.matmul(self.weight.transpose(1, 2) * mask.unsqueeze(2), self.weight).double()
        diagonal = gram.diagonal(dim1=-2, dim2=-1)
        ridge = self.ridge + self.jitter * diagonal.mean(-1, keepdim=True) + 1e-30
        lower = torch.linalg.cholesky(gram + torch.diag_embed(ridge.expand_as(diagonal)))
        r = torch.cholesky_solve(right.to(lower.dtype).unsqueeze(-1), lower).squeeze(-1).to(y.dtype)
        return r.transpose(1, 2).unflatten(2, self.grid)

    def _regions(self, y: Tensor) -> Tensor:
        """(batch, channels, *shape) to (batch, regions, channels x voxels of a region)."""
        if len(self.grid) == 2:
            y = y.unflatten(3, [self.grid[1], self.region[1]]).unflatten(2, [self.grid[0], self.region[0]])
            return y.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)
        y = y.unflatten(4, [self.grid[2], self.region[2]])
        y = y.unflatten(3, [self.grid[1], self.region[1]]).unflatten(2, [self.grid[0], self.region[0]])
        return y.permute(0, 2, 4, 6, 1, 3, 5, 7).flatten(4).flatten(1, 3)

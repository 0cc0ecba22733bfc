"""Fully connected layer for images of which only a part was observed."""

import torch
from torch import Tensor, nn


class SparseLinear(nn.Module):
    r"""Least-squares coordinates of an image in a linear subspace, from its observed entries alone.

    $$ r = (W_o^T W_o + \sigma^2 I)^{-1} W_o^T (y_o - \mu_o) $$

    where ``W_o`` are the rows of ``W`` that belong to observed entries (eq. 10; with the ridge of eq. 15). An
    ordinary layer would compute ``W^T y`` with zeros for what is missing, which shrinks and mixes the
    coordinates; here they are those that explain best what was seen. ``decode`` is the way back, with the
    same ``W`` and μ: ``y = W r + μ``.

    Where fewer entries are observed than there are coordinates, many explain them; a small ridge relative to
    the mean of the diagonal of ``W_o^T W_o`` picks the shortest of them, as well as the
    precision allows. Where nothing is observed, ``r = 0``.

    Args:
        in_features: entries of an image, D.
        out_features: coordinates, d.
        ridge: σ², in units of the squared entries of ``W``; 0 is eq. 10. Below 0 makes no sense.
        learned_ridge: whether σ² is a parameter, which starts at ``ridge`` (then above 0).
        jitter: the relative ridge, about the square root of the precision of float32.

    Attributes:
        weight: W, (in_features, out_features).
        mean: μ, (in_features,).

    Raises:
        ValueError: a size is below 1, or the ridge is negative, or 0 and learned.

    Example:
        >>> layer = SparseLinear(3, 1)
        >>> _ = layer.weight.data.copy_(torch.tensor([[1.0], [2.0], [3.0]]))
        >>> layer(torch.tensor([[2.0, 0.0, 0.0]]), torch.tensor([[1.0, 0.0, 0.0]])).round(decimals=3).tolist()
        [[2.0]]

    Reference:
        Dalca, Guttag, Sabuncu. Unsupervised data imputation via variational inference of deep subspaces.
        2019. https://doi.org/10.48550/arXiv.1903.03503
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        ridge: float = 0.0,
        learned_ridge: bool = False,
        jitter: float = 1e-5,
    ) -> None:
        super().__init__()
        for name, value in (("in_features", in_features), ("out_features", out_features)):
            if value < 1:
                raise ValueError(f"{name}={value} must be at least 1")
        if ridge < 0 or (learned_ridge and ridge == 0):
            raise ValueError(f"ridge={ridge} must be at least 0, and above 0 where it is learned")
        self.jitter = jitter
        # With coordinates of unit variance an entry of the image has unit variance too.
        self.weight = nn.Parameter(torch.randn(in_features, out_features) * out_features**-0.5)
        self.mean = nn.Parameter(torch.zeros(in_features))
        log_ridge = torch.tensor(float(ridge)).log()
        self.log_ridge = nn.Parameter(log_ridge, requires_grad=learned_ridge)

    def forward(self, y: Tensor, mask: Tensor) -> Tensor:
        """Coordinates of images.

        Args:
            y: images, (batch, in_features). What stands at missing entries has no influence.
            mask: 1 where observed, 0 where missing, (batch, in_features).

        Returns:
            (batch, out_features).
        """
        return self.posterior(y, mask)[0]

    def posterior(self, y: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Coordinates of images, and the diagonal of ``(W_o^T W_o + σ² I)^{-1}`` (eq. 14 without its σ²).

        Args:
            y: images, (batch, in_features).
            mask: 1 where observed, 0 where missing, (batch, in_features).

        Returns:
            Both (batch, out_features).
        """
        if torch.jit.is_scripting() or torch.compiler.is_compiling():
            return self._posterior(y, mask)
        else:
            # Under autocast the sums would be rounded until they are no longer positive definite.
            with torch.autocast(y.device.type, enabled=False):
                return self._posterior(y.to(self.weight.dtype), mask)

    def decode(self, r: Tensor) -> Tensor:
        """``W r + μ``: images, (batch, in_features), of coordinates, (batch, out_features)."""
        return r @ self.weight.T + self.mean

    def factor(self, mask: Tensor) -> Tensor:
        """Cholesky factors of ``W_o^T W_o + σ² I``, (batch, d, d), in float64: the matrices may be flat."""
        if torch.jit.is_scripting() or torch.compiler.is_compiling():
            return self._factor(mask)
        else:
            with torch.autocast(mask.device.type, enabled=False):
                return self._factor(mask.to(self.weight.dtype))

    def _posterior(self, y: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        mask = mask.to(self.weight.dtype)
        # The values of missing entries may be NaN: zero times NaN would not remove them.
        rest = torch.where(mask > 0, y - self.mean, torch.zeros_like(y)) * mask
        lower = self._factor(mask)
        right = (rest @ self.weight).to(lower.dtype).unsqueeze(-1)
        r = torch.cholesky_solve(right, lower).squeeze(-1)
        # Diagonal of the inverse of L L^T: the squared columns of L^{-1}.
        eye = torch.eye(lower.shape[-1], dtype=lower.dtype, device=lower.device)
        inverse = torch.linalg.solve_triangular(lower, eye.expand_as(lower), upper=False)
        return r.to(y.dtype), inverse.square().sum(-2).to(y.dtype)

    def _factor(self, mask: Tensor) -> Tensor:
        n_features, n_coordinates = self.weight.shape
        if n_features * n_coordinates * n_coordinates <= 2**25:
            # One matrix product with the D outer products of W's rows.
            products = self.weight.unsqueeze(2) * self.weight.unsqueeze(1)
            gram = (mask @ products.flatten(1)).unflatten(1, [n_coordinates, n_coordinates])
        else:
            # One image after the other, of whose rows only the observed count: of 23,040 voxels and 200
            # coordinates all masked copies of W would be 18 MB an image.
            grams: list[Tensor] = []
            for seen in mask:
                rows = seen.nonzero().squeeze(1)
                observed = self.weight[rows]
                grams.append((observed * seen[rows].unsqueeze(1)).T @ observed)
            gram = torch.stack(grams)
        gram = gram.double()
        diagonal = gram.diagonal(dim1=-2, dim2=-1)
        # The last addend is for images without any observed entry: their gram is zero.
        ridge = self.log_ridge.double().exp() + self.jitter * diagonal.mean(-1, keepdim=True) + 1e-30
        return torch.linalg.cholesky(gram + torch.diag_embed(ridge.expand_as(diagonal)))

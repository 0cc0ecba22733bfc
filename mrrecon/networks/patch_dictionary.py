"""Image from its observed part, patch by patch, each a sum of few atoms."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def pursue(y: Tensor, mask: Tensor, atoms: Tensor, n_nonzero: int, ridge: float, chunk: int) -> Tensor:
    """``solvers.matching_pursuit`` once more, in plain annotations so that it scripts, and with a ridge.

    Args:
        y: images, (images, voxels), finite.
        mask: 1 where observed, 0 where missing, (images, voxels).
        atoms: D, (voxels, atoms).
        n_nonzero: atoms an image may use.
        ridge: what the square of a weight costs, in squared units of the image, at least 0.
        chunk: images worked on at a time.

    Returns:
        Weights of the atoms, (images, atoms).
    """
    codes: list[Tensor] = []
    for images, masks in zip(y.split(chunk), mask.split(chunk)):  # noqa: B905 - TorchScript knows no strict
        codes.append(_pursue(images, (masks > 0).to(y.dtype), atoms, n_nonzero, ridge))
    return torch.cat(codes)


def _pursue(y: Tensor, seen: Tensor, atoms: Tensor, n_nonzero: int, ridge: float) -> Tensor:
    y = y * seen
    squares = seen @ atoms.square()
    # An atom that is not seen at all explains nothing.
    squares = torch.where(squares > 1e-12 * squares.amax(1, keepdim=True), squares, torch.inf)
    lengths = (squares + ridge).sqrt()
    energy = y.square().sum(1)
    chosen = torch.zeros([y.shape[0], 0], dtype=torch.long, device=y.device)
    taken = torch.zeros([y.shape[0], atoms.shape[1]], dtype=torch.bool, device=y.device)
    code = torch.zeros([y.shape[0], atoms.shape[1]], dtype=y.dtype, device=y.device)
    rest, active = y, energy > 0
    for _ in range(n_nonzero):
        best = ((rest @ atoms).abs() / lengths).masked_fill(taken, -1.0).argmax(1, keepdim=True)
        taken = taken.scatter(1, best, torch.ones_like(best, dtype=torch.bool))
        chosen = torch.cat([chosen, best], 1)
        columns = atoms.T[chosen] * seen.unsqueeze(1)
        gram = torch.matmul(columns, columns.transpose(1, 2)).double()
        # With ridge 0 the jitter alone keeps atoms apart that look alike through the mask.
        jitter = 1e-10 * gram.diagonal(dim1=1, dim2=2).mean(1, keepdim=True) + 1e-30 + ridge
        gram = gram + torch.diag_embed(jitter.expand(-1, gram.shape[1]))
        right = torch.matmul(columns, y.unsqueeze(2)).double()
        weights = torch.linalg.solve(gram, right).to(y.dtype)
        found = torch.zeros_like(code).scatter(1, chosen, weights.squeeze(2))
        code = torch.where(active.unsqueeze(1), found, code)
        rest = y - (columns * weights).sum(1)
        active = active & (rest.square().sum(1) > 1e-12 * energy)
    return code


class PatchDictionary(nn.Module):
    r"""Image whose patches are sums of few atoms of a dictionary, found from what was observed of each.

    $$ \hat p = D \hat x + \mu, \qquad \hat x = \arg\min_x \| M (p - \mu - D x) \|^2 + \lambda \|x\|^2
       \quad \text{such that} \quad \|x\|_0 \le k $$

    by orthogonal matching pursuit, for patches that overlap; each voxel is the mean of the patches that cover
    it, weighed by how much of them was observed. The image may have any size: it is padded with unobserved
    voxels. D and μ come from ``solvers.learn_dictionary`` or ``engines.DictionarySteps``; they have no
    gradients.

    Args:
        patch: height and width of a patch, in voxels.
        n_atoms: number of atoms.
        n_nonzero: k, atoms that a patch may use, from 1 to ``n_atoms``.
        ridge: λ, in squared units of the image, at least 0. Where few lines cross a patch it keeps atoms that
            are hardly seen from large weights.
        stride: voxels between one patch and the next, from 1 to the smaller side of a patch.
        chunk: patches worked on at a time, which bounds the memory.

    Attributes:
        atoms: D, (voxels of a patch, n_atoms), of unit length.
        mean: μ, (voxels of a patch,).
        spatial_dims: number of the axes of an image.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> PatchDictionary((4, 4), 5, n_nonzero=2, stride=2)(torch.ones(1, 2, 9, 7)).shape
        torch.Size([1, 1, 9, 7])

    Reference:
        Elad, Aharon. Image denoising via sparse and redundant representations over learned dictionaries. IEEE
        Transactions on Image Processing 2006. https://doi.org/10.1109/TIP.2006.881969
    """

    def __init__(
        self,
        patch: Sequence[int] = (16, 16),
        n_atoms: int = 256,
        *,
        n_nonzero: int = 6,
        ridge: float = 0.0,
        stride: int = 4,
        chunk: int = 1024,
    ) -> None:
        super().__init__()
        if len(patch) != 2 or min(patch) < 1:
            raise ValueError(f"patch={tuple(patch)} must be height and width, at least 1 voxel each")
        if not 1 <= n_nonzero <= n_atoms:
            raise ValueError(f"n_nonzero={n_nonzero} must lie between 1 and n_atoms={n_atoms}")
        if not ridge >= 0:
            raise ValueError(f"ridge={ridge} must be at least 0")
        if not 1 <= stride <= min(patch):
            raise ValueError(
                f"stride={stride} must lie between 1 and the smaller side of patch={tuple(patch)}"
            )
        if chunk < 1:
            raise ValueError(f"chunk={chunk} must be at least 1")
        self.spatial_dims = 2
        self.patch = list(patch)
        self.n_nonzero = n_nonzero
        self.ridge = ridge
        self.stride = stride
        self.chunk = chunk
        n_voxels = patch[0] * patch[1]
        atoms = torch.randn(n_voxels, n_atoms)
        self.atoms = nn.Parameter(atoms / atoms.square().sum(0).sqrt(), requires_grad=False)
        self.mean = nn.Parameter(torch.zeros(n_voxels), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Image of the codes.

        Args:
            x: image and mask, (batch, 2, height, width). What stands at missing entries has no influence.

        Returns:
            (batch, 1, height, width).
        """
        height, width = x.shape[2], x.shape[3]
        below, right = self._missing(height, 0), self._missing(width, 1)
        x = F.pad(x, [0, right, 0, below])
        patches, seen = self.patches(x)
        code = self.code(patches, seen)
        found = code @ self.atoms.T + self.mean
        # Nothing observed counts for next to nothing, and yet for something where there is nothing else.
        weight = seen.mean(1, keepdim=True) + 1e-4
        shape = [height + below, width + right]
        total = self._folded(found * weight, x.shape[0], shape)
        share = self._folded(weight.expand_as(found), x.shape[0], shape)
        return (total / share)[:, :, :height, :width]

    @torch.jit.export
    def code(self, patches: Tensor, seen: Tensor) -> Tensor:
        """Weights of the atoms, (patches, n_atoms), of patches and their masks, (patches, voxels) both."""
        rest = torch.where(seen > 0, patches - self.mean, torch.zeros_like(patches))
        return pursue(rest, seen, self.atoms, self.n_nonzero, self.ridge, self.chunk)

    @torch.jit.export
    def patches(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Patches of images and of their masks, both (batch x patches, voxels), of (batch, 2, h, w)."""
        windows = F.unfold(x, self.patch, stride=self.stride).transpose(1, 2)  # type: ignore[arg-type]
        n_voxels = self.patch[0] * self.patch[1]
        return windows[:, :, :n_voxels].flatten(0, 1), windows[:, :, n_voxels:].flatten(0, 1)

    def _missing(self, size: int, axis: int) -> int:
        """Voxels that an axis lacks to be covered by whole patches."""
        rest = max(size - self.patch[axis], 0)
        return self.patch[axis] + (rest + self.stride - 1) // self.stride * self.stride - size

    def _folded(self, patches: Tensor, batch: int, shape: list[int]) -> Tensor:
        """Sum of patches in their places, (batch, 1, *shape)."""
        columns = patches.unflatten(0, [batch, -1]).transpose(1, 2)
        return F.fold(columns, shape, self.patch, stride=self.stride)  # type: ignore[arg-type]

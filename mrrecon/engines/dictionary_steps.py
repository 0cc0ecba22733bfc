"""Atoms of a patch dictionary, learned from the incomplete patches of a batch of images at a time."""

import torch
from torch import Tensor
from torch.optim import Optimizer

from mrrecon.networks import PatchDictionary, fill_holes

__all__ = ["DictionarySteps"]


class DictionarySteps(Optimizer):
    r"""Steps of dictionary learning for a ``PatchDictionary``, an optimiser for a ``FitTrainer``.

    $$ A_j \leftarrow (1 - \gamma_t) A_j + \gamma_t \sum_{i: j \in O_i} x_i x_i^T, \qquad
       b_j \leftarrow (1 - \gamma_t) b_j + \gamma_t \sum_{i: j \in O_i} p_{ij} x_i, \qquad
       d_j = A_j^{-1} b_j $$

    for the rows $d_j$ of D, one a voxel of a patch; x are the codes of the patches of the batch by matching
    pursuit, which sees what was observed alone. It is ``solvers.learn_dictionary`` with patches that pass by
    and are gone: memory is bounded by ``voxels x atoms²`` numbers, however many patches there are. An atom
    that no patch uses is replaced by the patch that is explained worst.

    Args:
        network: the dictionary; its D and μ are changed in place.
        lr: γ, at least, above 0 and at most 1; $\gamma_t = \max(\gamma, 1/t)$.
        n_patches: the most patches of a batch that are used, drawn at random.
        content: intensity above which a voxel shows something; patches of which less than a third of the
            observed voxels do so are passed over.
        observed: least part of a patch that was observed.
        ridge: added to the diagonal of A, relative to its mean.

    Raises:
        ValueError: an argument is out of its range.

    Reference:
        Mairal, Bach, Ponce, Sapiro. Online learning for matrix factorization and sparse coding. JMLR 2010.
        https://www.jmlr.org/papers/v11/mairal10a.html
    """

    def __init__(
        self,
        network: PatchDictionary,
        *,
        lr: int | float = 0.1,
        n_patches: int = 2048,
        content: int | float = 0.05,
        observed: int | float = 0.08,
        ridge: int | float = 1e-3,
    ) -> None:
        if not 0 < lr <= 1:
            raise ValueError(f"lr={lr} must be above 0 and at most 1")
        if n_patches < 1:
            raise ValueError(f"n_patches={n_patches} must be at least 1")
        if not 0 <= observed < 1:
            raise ValueError(f"observed={observed} must be a part of a patch, from 0 to below 1")
        self.network = network
        self.n_patches = n_patches
        self.content = float(content)
        self.observed = float(observed)
        self.ridge = float(ridge)
        super().__init__([network.atoms, network.mean], {"lr": float(lr)})

    @torch.no_grad()
    def fit(self, x: Tensor) -> Tensor:
        """One step.

        Args:
            x: image and mask, (batch, 2, height, width).

        Returns:
            Mean squared error of what was observed, by the atoms before the step.

        Raises:
            ValueError: no patch of the batch shows enough.
        """
        network = self.network
        patches, seen = self._patches(x)
        state = self.state[network.atoms]
        if not state:
            self._start(patches, seen)
            n_voxels, n_atoms = network.atoms.shape
            state["step"] = 0
            state["left"] = patches.new_zeros(n_voxels, n_atoms, n_atoms)
            state["right"] = patches.new_zeros(n_voxels, n_atoms)
        state["step"] += 1
        gamma = max(float(self.param_groups[0]["lr"]), 1 / state["step"])
        code = network.code(patches, seen)
        rest = torch.where(seen > 0, patches - network.mean, 0)
        left, right = state["left"], state["right"]
        left.mul_(1 - gamma)
        right.mul_(1 - gamma).add_(rest.T @ code, alpha=gamma)
        d = code.shape[1]
        for some, masks in zip(code.split(256), seen.split(256), strict=True):
            moments = (some.unsqueeze(2) * some.unsqueeze(1)).flatten(1)
            left.add_((masks.T @ moments).unflatten(1, (d, d)), alpha=gamma)
        residual = rest - (code @ network.atoms.T) * seen
        jitter = self.ridge * left.diagonal(dim1=1, dim2=2).mean(1, keepdim=True) + 1e-12
        atoms = torch.linalg.solve(left + torch.diag_embed(jitter.expand(-1, d)), right.unsqueeze(2)).squeeze(
            2
        )
        unused = (left.diagonal(dim1=1, dim2=2).sum(0) < 1e-9).nonzero().squeeze(1)
        worst = residual.square().sum(1).topk(min(len(unused), len(patches))).indices
        atoms[:, unused[: len(worst)]] = self._filled(rest[worst], seen[worst]).T
        network.atoms.data.copy_(atoms / atoms.square().sum(0).sqrt().clamp(min=1e-12))
        return residual.square().sum() / seen.sum()

    def _patches(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Patches that show enough, and their masks, in random order."""
        patches, seen = self.network.patches(x)
        seen = (seen > 0).to(patches.dtype)
        patches = torch.where(seen > 0, patches, 0)
        n_seen = seen.sum(1)
        shows = ((patches > self.content) * seen).sum(1)
        good = (
            ((n_seen >= max(self.observed * seen.shape[1], 1)) & (3 * shows >= n_seen)).nonzero().squeeze(1)
        )
        if len(good) == 0:
            raise ValueError(
                f"no patch of the batch was observed by observed={self.observed} and shows more than "
                f"content={self.content}: give larger batches, or lower them"
            )
        good = good[torch.randperm(len(good), device=good.device)[: self.n_patches]]
        return patches[good], seen[good]

    def _start(self, patches: Tensor, seen: Tensor) -> None:
        """Mean of the patches, and some of them, their holes filled, as the first atoms."""
        network = self.network
        n_atoms = network.atoms.shape[1]
        network.mean.data.copy_((patches * seen).sum(0) / seen.sum(0).clamp(min=1))
        which = torch.arange(n_atoms, device=patches.device) % len(patches)
        atoms = self._filled(patches[which] - network.mean, seen[which]).T
        atoms = atoms + 1e-3 * atoms.std() * torch.randn(atoms.shape).to(atoms)
        network.atoms.data.copy_(atoms / atoms.square().sum(0).sqrt().clamp(min=1e-12))

    def _filled(self, patches: Tensor, seen: Tensor) -> Tensor:
        images, masks = (part.unflatten(1, (1, *self.network.patch)) for part in (patches, seen))
        return fill_holes(images, masks).flatten(1)

"""Images as sums of few atoms, from observed entries alone: codes by matching pursuit, and the atoms."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mrrecon.solvers.voxelwise import voxelwise_least_squares

__all__ = ["Dictionary", "learn_dictionary", "matching_pursuit"]


def matching_pursuit(
    y: Float[Tensor, "images voxels"],
    mask: Float[Tensor, "images voxels"],
    *,
    atoms: Float[Tensor, "voxels atoms"],
    n_nonzero: int,
    chunk: int = 64,
) -> Float[Tensor, "images atoms"]:
    r"""Orthogonal matching pursuit on the observed entries of each image.

    $$ \min_x \| M (y - D x) \|^2 \quad \text{such that} \quad \|x\|_0 \le k, $$

    greedily: the atom that explains most of what is left, seen through the mask, joins; then the weights of
    all chosen atoms are found anew by least squares. An image that is explained before ``k`` atoms stops.

    Args:
        y: images. What stands at missing entries has no influence.
        mask: 1 where observed, 0 where missing.
        atoms: D, one atom a column.
        n_nonzero: k, from 1 to the number of atoms.
        chunk: images worked on at a time, which bounds the memory to ``chunk x voxels x k`` numbers.

    Raises:
        ValueError: ``n_nonzero`` is out of range.

    Example:
        >>> D = torch.eye(3)
        >>> matching_pursuit(torch.tensor([[0.0, 2.0, 1.0]]), torch.ones(1, 3), atoms=D, n_nonzero=1)
        tensor([[0., 2., 0.]])

    Reference:
        Pati, Rezaiifar, Krishnaprasad. Orthogonal matching pursuit. Asilomar 1993.
        https://doi.org/10.1109/ACSSC.1993.342465
    """
    n_atoms = atoms.shape[1]
    if not 1 <= n_nonzero <= n_atoms:
        raise ValueError(f"n_nonzero={n_nonzero} must lie between 1 and the number of atoms, {n_atoms}")
    parts = zip(y.split(chunk), mask.split(chunk), strict=True)
    return torch.cat([_pursue(images, seen, atoms, n_nonzero) for images, seen in parts])


def _pursue(y: Tensor, mask: Tensor, atoms: Tensor, n_nonzero: int) -> Tensor:
    n = y.shape[0]
    rows = torch.arange(n, device=y.device)
    seen = (mask > 0).to(y.dtype)
    y = torch.where(mask > 0, y, torch.zeros_like(y))
    # Lengths of the atoms as seen through each mask; an atom that is not seen at all explains nothing.
    lengths = (seen @ atoms.square()).sqrt()
    lengths = torch.where(lengths > 1e-6 * lengths.amax(1, keepdim=True), lengths, torch.inf)
    energy = y.square().sum(1)
    chosen = torch.zeros(n, 0, dtype=torch.long, device=y.device)
    taken = torch.zeros(n, atoms.shape[1], dtype=torch.bool, device=y.device)
    code = torch.zeros(n, atoms.shape[1], dtype=y.dtype, device=y.device)
    rest, active = y, energy > 0
    for _ in range(n_nonzero):
        gain = ((rest @ atoms).abs() / lengths).masked_fill(taken, -1.0)
        best = gain.argmax(1)
        taken[rows, best] = True
        chosen = torch.cat([chosen, best[:, None]], 1)
        columns = atoms.T[chosen] * seen[:, None]
        gram = (columns @ columns.transpose(1, 2)).double()
        jitter = 1e-10 * gram.diagonal(dim1=1, dim2=2).mean(1) + 1e-30
        gram = gram + torch.diag_embed(jitter[:, None].expand(-1, gram.shape[1]))
        weights = torch.linalg.solve(gram, (columns @ y[..., None]).double()).to(y.dtype)
        found = torch.zeros_like(code).scatter_(1, chosen, weights[..., 0])
        code = torch.where(active[:, None], found, code)
        rest = y - (columns * weights).sum(1)
        active = active & (rest.square().sum(1) > 1e-12 * energy)
        if not bool(active.any()):
            break
    return code


@dataclass(frozen=True)
class Dictionary:
    """Atoms of unit length around a mean image.

    Args:
        atoms: D, (voxels, atoms).
        mean: mean image, (voxels,).
        error: mean squared error of the observed entries after each iteration.
    """

    atoms: Float[Tensor, "voxels atoms"]
    mean: Float[Tensor, " voxels"]
    error: list[float]


def learn_dictionary(
    y: Float[Tensor, "images voxels"],
    mask: Float[Tensor, "images voxels"],
    *,
    n_atoms: int,
    n_nonzero: int,
    max_iterations: int = 30,
    generator: torch.Generator | None = None,
    callback: Callable[[int, float], None] | None = None,
) -> Dictionary:
    """Atoms of which few explain each image, learned from observed entries alone.

    Codes by ``matching_pursuit`` and atoms by the least squares of each voxel take turns (the method of
    optimal directions, with a mask). An atom that no image uses is replaced by the image that is explained
    worst.

    Args:
        y: images. What stands at missing entries has no influence.
        mask: 1 where observed, 0 where missing.
        n_atoms: number of atoms, at least 1.
        n_nonzero: atoms an image may use, from 1 to ``n_atoms``.
        max_iterations: number of turns.
        generator: source of the images that the atoms start from.
        callback: called with the iteration and the error.

    Raises:
        ValueError: shapes differ, nothing is observed, or a number is out of range.

    Example:
        >>> y = torch.eye(4).repeat(5, 1)
        >>> learn_dictionary(y, torch.ones_like(y), n_atoms=4, n_nonzero=1).atoms.shape
        torch.Size([4, 4])

    Reference:
        Engan, Aase, Husøy. Method of optimal directions for frame design. ICASSP 1999.
        https://doi.org/10.1109/ICASSP.1999.760624
    """
    if y.shape[0] < 1 or not bool((mask > 0).any()):
        raise ValueError("mask observes nothing: at least one entry must be 1")
    if not 1 <= n_nonzero <= n_atoms:
        raise ValueError(f"n_nonzero={n_nonzero} must lie between 1 and n_atoms={n_atoms}")
    seen = (mask > 0).to(y.dtype)
    y = torch.where(mask > 0, y, torch.zeros_like(y))
    mean = y.sum(0) / seen.sum(0).clamp(min=1)
    rest = (y - mean) * seen
    first = torch.randint(len(y), (n_atoms,), generator=generator)
    noise = torch.randn(n_atoms, y.shape[1], generator=generator, dtype=y.dtype).to(y.device)
    atoms = _unit((rest[first.to(y.device)] + 1e-3 * float(rest.std()) * noise).T)
    errors: list[float] = []
    for iteration in range(max_iterations):
        code = matching_pursuit(rest, seen, atoms=atoms, n_nonzero=n_nonzero)
        moments = code[:, :, None] * code[:, None]
        atoms = voxelwise_least_squares(rest, seen, codes=code, moments=moments, ridge=1e-4)
        residual = (rest - code @ atoms.T) * seen
        errors.append(float(residual.double().square().sum() / seen.sum()))
        unused = code.abs().sum(0) == 0
        worst = residual.square().sum(1).topk(min(int(unused.sum()), len(y))).indices
        atoms[:, unused.nonzero()[: len(worst), 0]] = rest[worst].T
        atoms = _unit(atoms)
        if callback is not None:
            callback(iteration, errors[-1])
    return Dictionary(atoms, mean, errors)


def _unit(atoms: Tensor) -> Tensor:
    return atoms / atoms.square().sum(0).sqrt().clamp(min=1e-12)

"""Total variation with dense matrices, and the optimum of small problems by the method of multipliers."""

import itertools
import math

import numpy as np
from torch import Tensor

from mrrecon.operators import LinearOperator


class DenseImage(LinearOperator):
    """``matrix @ x`` for images of a given shape, measured to vectors."""

    def __init__(self, matrix: Tensor, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.matrix = matrix
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(-len(self.shape)) @ self.matrix.mT

    def adjoint(self, y: Tensor) -> Tensor:
        return (y @ self.matrix.conj()).unflatten(-1, self.shape)


def differences(shape: tuple[int, ...], *, periodic: bool) -> np.ndarray:
    """Matrices, one an axis, that take the difference of each voxel to the next one, voxel by voxel."""
    number = np.arange(math.prod(shape)).reshape(shape)
    D = np.zeros((len(shape), number.size, number.size))
    for axis, place in itertools.product(range(len(shape)), np.ndindex(shape)):
        after = list(place)
        after[axis] = (place[axis] + 1) % shape[axis] if periodic else min(place[axis] + 1, shape[axis] - 1)
        D[axis, number[place], number[tuple(after)]] += 1
        D[axis, number[place], number[place]] -= 1
    return D


def objective(
    M: np.ndarray, y: np.ndarray, x: np.ndarray, weight: float, D: np.ndarray, *, isotropic: bool
) -> float:
    """Half the squared residual, and the weighted sum of lengths or of magnitudes of differences."""
    g = np.abs(D @ x.ravel())
    variation = np.sqrt((g**2).sum(0)).sum() if isotropic else g.sum()
    return 0.5 * (np.abs(M @ x.ravel() - y) ** 2).sum() + weight * variation


def optimum(
    M: np.ndarray, y: np.ndarray, weight: float, D: np.ndarray, *, isotropic: bool, rho: float = 1.0
) -> np.ndarray:
    """Image of least objective, by alternating directions with an exact linear solve."""
    inverse = np.linalg.inv(M.conj().T @ M + rho * sum(d.T @ d for d in D))
    z = u = np.zeros((len(D), len(inverse)), M.dtype)
    for _ in range(20_000):
        x = inverse @ (M.conj().T @ y + rho * sum(d.T @ (a - b) for d, a, b in zip(D, z, u, strict=True)))
        g = D @ x + u
        length = np.sqrt((np.abs(g) ** 2).sum(0)) if isotropic else np.abs(g)
        before, z = z, g * np.maximum(1 - weight / rho / np.maximum(length, 1e-300), 0)
        u = g - z
        if np.abs(D @ x - z).max() + np.abs(z - before).max() < 1e-11:
            return x
    raise AssertionError("the reference has not converged")

"""A matrix as an operator, and problems small enough to be solved by linear algebra."""

import torch
from torch import Tensor

from mrrecon.operators import LinearOperator


class Dense(LinearOperator):
    """``matrix @ x`` along the last axis; a matrix may have the batch's axes in front."""

    def __init__(self, matrix: Tensor) -> None:
        super().__init__()
        self.matrix = matrix

    def forward(self, x: Tensor) -> Tensor:
        return (self.matrix @ x[..., None])[..., 0]

    def adjoint(self, y: Tensor) -> Tensor:
        return (self.matrix.mH @ y[..., None])[..., 0]


class Recipe(LinearOperator):
    """An operator given by two functions."""

    def __init__(self, forward: object, adjoint: object) -> None:
        super().__init__()
        self.functions = (forward, adjoint)

    def forward(self, x: Tensor) -> Tensor:
        return self.functions[0](x)

    def adjoint(self, y: Tensor) -> Tensor:
        return self.functions[1](y)


def problem(
    rows: int, columns: int, *, dtype: torch.dtype = torch.float64, batch: tuple[int, ...] = ()
) -> tuple[Dense, Tensor]:
    """A random matrix and a random measurement, from torch's own generator."""
    matrix, y = torch.randn(*batch, rows, columns, dtype=dtype), torch.randn(*batch, rows, dtype=dtype)
    return Dense(matrix), y


DTYPES = [torch.float32, torch.float64, torch.complex64, torch.complex128]

"""Designs of studies: which subject has what, as the matrix of a linear model."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Integer, Real
from torch import Tensor

__all__ = ["Contrast", "Covariates", "Design", "one_sample_design", "paired_design", "two_sample_design"]

Contrast = Mapping[str, float | int] | Sequence[float | int]
"""Weights of the columns of a design: by name, the others 0, or one for each column."""

Covariates = Mapping[str, Sequence[float | int | None] | Real[np.ndarray, " maps"]]
"""One number a map, by the name of the covariate."""

_DEPENDENT = 1e-9  # of the greatest singular value, columns scaled to length 1


@dataclass(frozen=True)
class Design:
    r"""Linear model $y = X \beta + \epsilon$ of the values of the maps at each voxel.

    Args:
        matrix: X, a row a map.
        names: of the columns.
        exchange: what leaves the errors' distribution as it is, for permutation tests: ``"rows"`` are
            exchanged, or the ``"signs"`` of blocks turned.
        blocks: number of the block of each map, whose signs turn together; by default each map is its own.

    Raises:
        ValueError: names and columns do not match, a value is not finite, columns are linearly dependent, or
            no degree of freedom is left.

    Example:
        >>> Design(torch.tensor([[1.0, 0], [1, 1], [1, 2]]), ("mean", "age")).degrees_of_freedom
        1
    """

    matrix: Float[Tensor, "maps columns"]
    names: tuple[str, ...]
    exchange: Literal["rows", "signs"] = "rows"
    blocks: Integer[Tensor, " maps"] | None = None

    def __post_init__(self) -> None:
        n_maps, n_columns = self.matrix.shape
        if len(self.names) != n_columns or len(set(self.names)) != n_columns:
            raise ValueError(f"names={self.names} must name {n_columns} columns, each differently")
        if not self.matrix.isfinite().all():
            row, column = (~self.matrix.isfinite()).nonzero()[0].tolist()
            raise ValueError(
                f"matrix must be finite, got {self.matrix[row, column].item()} in row {row} of "
                f"{self.names[column]!r}: leave that subject out"
            )
        if n_maps <= n_columns:
            raise ValueError(
                f"{n_maps} maps are too few for the {n_columns} columns of the design: "
                f"at least {n_columns + 1} are needed"
            )
        object.__setattr__(self, "matrix", self.matrix.detach().to("cpu", torch.float64))
        _refuse_dependent(self.matrix, self.names)

    @property
    def degrees_of_freedom(self) -> int:
        """Maps minus columns."""
        return self.matrix.shape[0] - self.matrix.shape[1]

    def row_vector(self, contrast: Contrast) -> Float[Tensor, " columns"]:
        """Weight of each column in a contrast.

        Args:
            contrast: weights by name of the column, or one for each.

        Raises:
            ValueError: there is no such column, the number of weights is wrong, or all are 0.

        Example:
            >>> two_sample_design(["b", "a", "a", "b"]).row_vector({"a": 1, "b": -1}).tolist()
            [-1.0, 1.0]
        """
        if isinstance(contrast, Mapping):
            unknown = sorted(set(contrast) - set(self.names))
            if unknown:
                raise ValueError(f"contrast names {unknown[0]!r}, the design has {', '.join(self.names)}")
            contrast = [contrast.get(name, 0.0) for name in self.names]
        weights = torch.tensor([float(weight) for weight in contrast], dtype=torch.float64)
        if len(weights) != len(self.names) or not weights.isfinite().all() or not weights.any():
            raise ValueError(
                f"contrast={weights.tolist()} must weigh the {len(self.names)} columns "
                f"{', '.join(self.names)} with finite numbers, one of them not 0"
            )
        return weights


def two_sample_design(groups: Sequence[str], covariates: Covariates | None = None) -> Design:
    """Two groups of subjects, a column each, in the order in which they first appear.

    The covariates are centred, so that a group's coefficient is its mean at the average covariates. The
    contrast ``{"patient": 1, "control": -1}`` is the difference.

    Args:
        groups: name of the group of each map.
        covariates: numbers of each map, by name, for example age in years and intracranial volume in ml.

    Raises:
        ValueError: there are not two groups, a covariate is missing, or the design is refused by ``Design``.

    Example:
        >>> design = two_sample_design(["ill", "well", "well", "ill"], {"age": [60, 50, 70, 55]})
        >>> design.names, design.degrees_of_freedom
        (('ill', 'well', 'age'), 1)
    """
    names = list(dict.fromkeys(groups))
    if len(names) != 2:
        found = ", ".join(map(repr, names)) or "none"
        raise ValueError(f"groups must hold two groups, neither empty, got {found}")
    columns = [[float(group == name) for group in groups] for name in names]
    return _with_covariates(columns, names, covariates, n_maps=len(groups))


def paired_design(n_pairs: int, covariates: Covariates | None = None) -> Design:
    """Two maps of each subject: first those of all subjects before, then in the same order all after.

    The contrast ``{"after": 1}`` is the mean of after minus before. The other columns are the subjects.

    Args:
        n_pairs: subjects, at least 2.
        covariates: numbers of each of the ``2 n_pairs`` maps; only what differs within a subject can matter.

    Raises:
        ValueError: there are too few pairs, a covariate is missing or the same before and after.

    Example:
        >>> paired_design(3).degrees_of_freedom
        2
    """
    if n_pairs < 2:
        raise ValueError(f"n_pairs={n_pairs} must be at least 2")
    columns = [[0.0] * n_pairs + [1.0] * n_pairs]
    columns += [[float(row % n_pairs == subject) for row in range(2 * n_pairs)] for subject in range(n_pairs)]
    names = ["after", *(f"subject {subject}" for subject in range(n_pairs))]
    blocks = torch.arange(n_pairs).repeat(2)
    return _with_covariates(columns, names, covariates, n_maps=2 * n_pairs, blocks=blocks)


def one_sample_design(n_maps: int, covariates: Covariates | None = None) -> Design:
    """Maps whose mean may be 0, such as differences; the contrast ``{"mean": 1}`` is the mean.

    Args:
        n_maps: subjects, at least 2.
        covariates: numbers of each map, by name; centred.

    Raises:
        ValueError: there are too few maps, or a covariate is missing.

    Example:
        >>> one_sample_design(12).names
        ('mean',)
    """
    return _with_covariates(
        [[1.0] * n_maps], ["mean"], covariates, n_maps=n_maps, blocks=torch.arange(n_maps)
    )


def _with_covariates(
    columns: list[list[float]],
    names: list[str],
    covariates: Covariates | None,
    *,
    n_maps: int,
    blocks: Tensor | None = None,
) -> Design:
    columns, names = list(columns), list(names)
    for name, values in (covariates or {}).items():
        if len(values) != n_maps:
            raise ValueError(f"covariates[{name!r}] has {len(values)} values for {n_maps} maps")
        numbers = [math.nan if value is None else float(value) for value in values]
        missing = [row for row, number in enumerate(numbers) if not math.isfinite(number)]
        if missing:
            listed = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
            raise ValueError(
                f"covariates[{name!r}] is missing for the maps {listed}: leave them out, or the covariate"
            )
        mean = math.fsum(numbers) / n_maps
        columns.append([number - mean for number in numbers])
        names.append(name)
    matrix = torch.tensor(columns, dtype=torch.float64).T
    return Design(matrix, tuple(names), "rows" if blocks is None else "signs", blocks)


def _refuse_dependent(matrix: Tensor, names: tuple[str, ...]) -> None:
    lengths = matrix.norm(dim=0)
    if not lengths.all():
        name = names[int((lengths == 0).nonzero()[0])]
        raise ValueError(f"the column {name!r} of the design is constantly 0: leave it out")
    left, values, right = torch.linalg.svd(matrix / lengths, full_matrices=False)
    del left
    if values[-1] > _DEPENDENT * values[0]:
        return
    involved = [name for name, weight in zip(names, right[-1].tolist(), strict=True) if abs(weight) > 1e-6]
    listed = ", ".join(involved[:6]) + (", ..." if len(involved) > 6 else "")
    raise ValueError(f"the columns {listed} of the design are linearly dependent: leave one out")

"""A linear operator: the ``A`` of ``y = A x + n``, and its algebra."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import chain
from typing import Any, cast

import torch
from torch import Tensor, nn

from mrrecon.operators.frozen import Frozen

__all__ = ["Adjoint", "Composition", "LinearOperator", "Scaled", "Sum"]


class LinearOperator(nn.Module, ABC, metaclass=Frozen):
    r"""Linear map between images and measurements, with its adjoint.

    $$ \langle A x, y \rangle = \langle x, A^H y \rangle $$

    An operator is built once and never changes: setting an attribute afterwards raises. It acts on the last
    axes of a tensor, whatever axes stand before them are a batch. Its constants follow the device and the
    precision of what it is given. It is differentiable, and the backward pass is the adjoint.

    Subclasses give ``forward`` and ``adjoint``; those that know better override ``gram``, ``norm_bound`` and
    ``unitary``, and ``formula`` where the class's name is not what one would write on paper.

    Example:
        >>> from mrrecon.operators import Identity
        >>> A = 2 * Identity()
        >>> A.H(A(torch.ones(2)))
        tensor([4., 4.])
    """

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Measurement of an image, ``A x``."""

    @abstractmethod
    def adjoint(self, y: Tensor) -> Tensor:
        """Adjoint applied to a measurement, ``A^H y``: an image."""

    def gram(self, x: Tensor) -> Tensor:
        """``A^H A x``: what solvers apply again and again, often cheaper than its two halves."""
        return x if self.unitary else self.adjoint(self(x))

    @property
    def H(self) -> "LinearOperator":  # noqa: N802
        """The adjoint as an operator. ``A.H.H is A``."""
        return Adjoint(self)

    @property
    def norm_bound(self) -> float | None:
        """A number that the spectral norm does not exceed, or None where none is known without computing."""
        return 1.0 if self.unitary else None

    @property
    def unitary(self) -> bool:
        """Whether ``A^H A = A A^H = 1``."""
        return False

    def formula(self) -> str:
        """The operator as one would write it in an equation."""
        return type(self).__name__

    def __matmul__(self, other: "LinearOperator") -> "LinearOperator":
        if not isinstance(other, LinearOperator):
            return NotImplemented
        return Composition([self, other])

    def __add__(self, other: "LinearOperator") -> "LinearOperator":
        if not isinstance(other, LinearOperator):
            return NotImplemented
        return Sum([self, other])

    def __sub__(self, other: "LinearOperator") -> "LinearOperator":
        if not isinstance(other, LinearOperator):
            return NotImplemented
        return Sum([self, -other])

    def __mul__(self, scalar: int | float | complex) -> "LinearOperator":
        if not isinstance(scalar, int | float | complex):
            return NotImplemented
        return Scaled(scalar, self)

    __rmul__ = __mul__

    def __neg__(self) -> "LinearOperator":
        return Scaled(-1, self)

    def __repr__(self) -> str:
        return self.formula()

    def __setattr__(self, name: str, value: Any) -> None:
        # nn.Module.train sets ``training`` in the ordinary way, everything else in its own dictionaries.
        if self.__dict__.get("_complete", False) and name != "training":
            raise AttributeError(
                f"{type(self).__name__}.{name} cannot be set: an operator never changes, build another one"
            )
        super().__setattr__(name, value)


class Adjoint(LinearOperator):
    """``A^H`` of an operator ``A``.

    Args:
        operator: ``A``.
    """

    def __init__(self, operator: LinearOperator) -> None:
        super().__init__()
        self.operator = operator

    def forward(self, x: Tensor) -> Tensor:
        """``A^H x``."""
        return self.operator.adjoint(x)

    def adjoint(self, y: Tensor) -> Tensor:
        """``A y``."""
        return cast(Tensor, self.operator(y))

    @property
    def H(self) -> LinearOperator:  # noqa: N802
        """The operator itself."""
        return self.operator

    @property
    def norm_bound(self) -> float | None:
        """The operator's own."""
        return self.operator.norm_bound

    @property
    def unitary(self) -> bool:
        """Whether the operator is."""
        return self.operator.unitary

    def formula(self) -> str:
        """``A.H``."""
        return f"{_in_brackets(self.operator)}.H"


class Composition(LinearOperator):
    """``A B C x``: the last operator acts first.

    Args:
        operators: from left to right, as written in the formula; at least one.

    Raises:
        ValueError: there is none.
    """

    def __init__(self, operators: Sequence[LinearOperator]) -> None:
        super().__init__()
        if not operators:
            raise ValueError("operators=[] must name at least one operator")
        factors = [each.factors if isinstance(each, Composition) else [each] for each in operators]
        self.operators = nn.ModuleList(chain.from_iterable(factors))

    @property
    def factors(self) -> list[LinearOperator]:
        """The operators from left to right."""
        return cast(list[LinearOperator], list(self.operators))

    def forward(self, x: Tensor) -> Tensor:
        """Each operator in turn, the last one first."""
        for operator in reversed(self.factors):
            x = operator(x)
        return x

    def adjoint(self, y: Tensor) -> Tensor:
        """Each adjoint in turn, that of the first operator first."""
        for operator in self.factors:
            y = operator.adjoint(y)
        return y

    def gram(self, x: Tensor) -> Tensor:
        """``C^H B^H (A^H A) B C x``, by the gram of the first operator."""
        first, *others = self.factors
        for operator in reversed(others):
            x = operator(x)
        x = first.gram(x)
        for operator in others:
            x = operator.adjoint(x)
        return x

    @property
    def norm_bound(self) -> float | None:
        """Product of the bounds."""
        product = 1.0
        for operator in self.factors:
            bound = operator.norm_bound
            if bound is None:
                return None
            product *= bound
        return product

    @property
    def unitary(self) -> bool:
        """Whether every operator is."""
        return all(operator.unitary for operator in self.factors)

    def formula(self) -> str:
        """``A @ B @ C``."""
        return " @ ".join(_in_brackets(operator) for operator in self.factors)


class Sum(LinearOperator):
    """``A x + B x``.

    Args:
        operators: the terms; at least one.

    Raises:
        ValueError: there is none.
    """

    def __init__(self, operators: Sequence[LinearOperator]) -> None:
        super().__init__()
        if not operators:
            raise ValueError("operators=[] must name at least one operator")
        terms = [each.terms if isinstance(each, Sum) else [each] for each in operators]
        self.operators = nn.ModuleList(chain.from_iterable(terms))

    @property
    def terms(self) -> list[LinearOperator]:
        """The operators that are added."""
        return cast(list[LinearOperator], list(self.operators))

    def forward(self, x: Tensor) -> Tensor:
        """Sum of what each makes of ``x``."""
        return cast(Tensor, sum(operator(x) for operator in self.terms))

    def adjoint(self, y: Tensor) -> Tensor:
        """Sum of the adjoints."""
        return cast(Tensor, sum(operator.adjoint(y) for operator in self.terms))

    @property
    def norm_bound(self) -> float | None:
        """Sum of the bounds."""
        bounds = [operator.norm_bound for operator in self.terms]
        return None if None in bounds else sum(cast(list[float], bounds))

    def formula(self) -> str:
        """``A + B``."""
        return " + ".join(operator.formula() for operator in self.terms)


class Scaled(LinearOperator):
    """``α A x``.

    Args:
        scalar: α, real or complex, finite. A complex one needs complex images.
        operator: ``A``.

    Raises:
        ValueError: α is not finite.
    """

    def __init__(self, scalar: int | float | complex, operator: LinearOperator) -> None:
        super().__init__()
        # abs() of a complex number is finite exactly where both of its parts are.
        if not abs(scalar) < float("inf"):
            raise ValueError(f"scalar={scalar} must be finite")
        inner = operator.operator if isinstance(operator, Scaled) else operator
        self.scalar: int | float | complex = (
            scalar * operator.scalar if isinstance(operator, Scaled) else scalar
        )
        self.operator: LinearOperator = inner

    def forward(self, x: Tensor) -> Tensor:
        """``α A x``."""
        return cast(Tensor, self.scalar * self.operator(x))

    def adjoint(self, y: Tensor) -> Tensor:
        """``A^H`` times the conjugate of α."""
        return torch.mul(self.operator.adjoint(y), self.scalar.conjugate())

    def gram(self, x: Tensor) -> Tensor:
        """``|α|² A^H A x``."""
        return abs(self.scalar) ** 2 * self.operator.gram(x)

    @property
    def norm_bound(self) -> float | None:
        """``|α|`` times the operator's."""
        bound = self.operator.norm_bound
        return None if bound is None else abs(self.scalar) * bound

    @property
    def unitary(self) -> bool:
        """Whether the operator is and α lies exactly on the unit circle."""
        return abs(self.scalar) == 1 and self.operator.unitary

    def formula(self) -> str:
        """``α * A``."""
        return f"{self.scalar:g} * {_in_brackets(self.operator)}"


def _in_brackets(operator: LinearOperator) -> str:
    text = operator.formula()
    return f"({text})" if isinstance(operator, Composition | Sum | Scaled) else text

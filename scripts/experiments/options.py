"""What an option may be: an error names it, its value and what would do."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Kind(Protocol):
    """Values that an option may have; as text, what they are."""

    def __contains__(self, value: Any) -> bool: ...


@dataclass(frozen=True)
class Whole:
    """Whole numbers.

    Args:
        least: the smallest.
        most: the largest; None where there is none.
    """

    least: int = 1
    most: int | None = None

    def __contains__(self, value: Any) -> bool:
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return self.least <= value and (self.most is None or value <= self.most)

    def __str__(self) -> str:
        if self.most is None:
            return f"a whole number of at least {self.least}"
        return f"a whole number from {self.least} to {self.most}"


PERCENT = Whole(1, 99)
"""Of pixels that are missing: neither none nor all."""


@dataclass(frozen=True)
class Real:
    """Numbers above 0, and 0 itself where it will do."""

    zero: bool = False

    def __contains__(self, value: Any) -> bool:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return False
        return math.isfinite(value) and (value > 0 or (self.zero and value == 0))

    def __str__(self) -> str:
        return "a number of at least 0" if self.zero else "a number above 0"


@dataclass(frozen=True)
class Text:
    """Texts.

    Args:
        like: an example.
        empty: whether the empty text will do.
    """

    like: str
    empty: bool = False

    def __contains__(self, value: Any) -> bool:
        return isinstance(value, str) and (self.empty or bool(value))

    def __str__(self) -> str:
        return f"text such as '{self.like}'"


@dataclass(frozen=True)
class Flag:
    """True and False."""

    def __contains__(self, value: Any) -> bool:
        return isinstance(value, bool)

    def __str__(self) -> str:
        return "True or False"


@dataclass(frozen=True)
class OneOf:
    """One of a few names."""

    names: Sequence[str]

    def __contains__(self, value: Any) -> bool:
        return isinstance(value, str) and value in self.names

    def __str__(self) -> str:
        return f"one of {', '.join(self.names)}"


@dataclass(frozen=True)
class ListOf:
    """Lists.

    Args:
        item: what may stand in the list.
        like: an example.
        n: how many stand in it; None for any number.
        empty: whether the empty list will do.
    """

    item: Kind
    like: str
    n: int | None = None
    empty: bool = False

    def __contains__(self, value: Any) -> bool:
        if not isinstance(value, list | tuple) or not (value or self.empty):
            return False
        return self.n in (None, len(value)) and all(item in self.item for item in value)

    def __str__(self) -> str:
        number = "" if self.n is None else f" of {self.n}"
        return f"a list{number} such as {self.like}, each {self.item}"


def check(owner: object, **wanted: Kind) -> None:
    """Refuse an option that is not what it may be.

    Args:
        owner: has the options as attributes.
        wanted: what each may be, by its name.

    Raises:
        ValueError: one is not.

    Example:
        >>> from types import SimpleNamespace
        >>> check(SimpleNamespace(steps=0), steps=Whole())
        Traceback (most recent call last):
            ...
        ValueError: steps=0 must be a whole number of at least 1
    """
    for name, kind in wanted.items():
        value = getattr(owner, name)
        if value not in kind:
            raise ValueError(f"{name}={value!r} must be {kind}")

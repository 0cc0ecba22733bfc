"""Classes whose objects are complete when they are built."""

from abc import ABCMeta
from typing import Any

__all__ = ["Frozen"]


class Frozen(ABCMeta):
    """Metaclass that marks an object complete behind the last line of the last ``__init__``.

    Its class looks at the mark, ``_complete`` in the object's dictionary, before it lets an attribute be set.

    Example:
        >>> class Thing(metaclass=Frozen):
        ...     pass
        >>> vars(Thing())
        {'_complete': True}
    """

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """The object, built and marked."""
        thing = super().__call__(*args, **kwargs)
        thing.__dict__["_complete"] = True
        return thing

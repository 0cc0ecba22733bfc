"""A failed command ends with one sentence, not with a page of traceback."""

import os
import sys
import traceback
from types import TracebackType

__all__ = ["explain_errors", "root_cause"]


def explain_errors() -> None:
    """From now on, let an error that ends the program print the sentence of its first cause.

    MONAI wraps an error of a transform or of a config in others, each with its own traceback; what the user needs is
    the innermost sentence. The exit code stays non-zero. ``MRRECON_TRACEBACK=1`` in the environment brings the
    traceback back.

    Example:
        >>> hook = sys.excepthook
        >>> explain_errors()
        >>> sys.excepthook is hook
        False
        >>> sys.excepthook = hook
    """
    sys.excepthook = _print_sentence


def root_cause(error: BaseException) -> BaseException:
    """The first error of a chain of causes.

    Example:
        >>> try:
        ...     raise RuntimeError("while loading") from ValueError("no such scan")
        ... except RuntimeError as error:
        ...     root_cause(error)
        ValueError('no such scan')
    """
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error


def _print_sentence(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if os.environ.get("MRRECON_TRACEBACK", "0") not in ("", "0"):
        traceback.print_exception(kind, error, trace)
    if isinstance(error, KeyboardInterrupt):
        print("stopped by the keyboard: finished scans are kept, no half-written file", file=sys.stderr)  # noqa: T201
        return
    cause = root_cause(error)
    print(f"error: {str(cause) or type(cause).__name__}", file=sys.stderr)  # noqa: T201

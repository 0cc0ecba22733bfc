"""A failed command ends with one sentence, not with a page of traceback."""

import logging
import os
import re
import sys
import traceback
from types import TracebackType

__all__ = ["decisive_error", "explain_errors", "sentence"]

# MONAI tries several readers or writers, and puts their tracebacks, as text, into the message of its own
# error.
_NO_READER = re.compile(r"LoadImage cannot find a suitable reader for file: (?P<path>.*?)\.\n", re.DOTALL)
_NO_WRITER = re.compile(r"SaveImage cannot find a suitable writer for (?P<path>.*?)\.\n", re.DOTALL)
_RAISED = re.compile(r"^(?:\w+\.)*\w*(?:[Ee]rror|Exception): (?P<said>.+)$", re.MULTILINE)


def explain_errors() -> None:
    """From now on, let an error that ends the program print one sentence on the standard error stream.

    MONAI wraps an error of a transform or of a config in others, each with its own traceback, and ignite logs
    it once more on the way; what the user needs is the sentence of the error that decided. The exit code
    stays non-zero. ``MRRECON_TRACEBACK=1`` in the environment brings all of it back.

    Example:
        >>> hook, sys.excepthook = sys.excepthook, sys.__excepthook__
        >>> explain_errors()
        >>> sys.excepthook is sys.__excepthook__
        False
        >>> sys.excepthook = hook
    """
    sys.excepthook = _print_sentence
    # ignite logs "Current run is terminating due to exception" twice, with the whole message each time.
    engines = logging.getLogger("ignite.engine.engine")
    if not _wants_traceback() and engines.level == logging.NOTSET:
        engines.setLevel(logging.CRITICAL)


def decisive_error(error: BaseException) -> BaseException:
    """The error of a chain that says most: the outermost raised by this package, else the first cause.

    Example:
        >>> error = RuntimeError("while loading")
        >>> error.__cause__ = ValueError("no such scan")
        >>> decisive_error(error)
        ValueError('no such scan')
    """
    while not _is_ours(error):
        inner = error.__cause__
        if inner is None and not error.__suppress_context__:
            inner = error.__context__
        if inner is None:
            break
        error = inner
    return error


def sentence(error: BaseException) -> str:
    """What an error says, in one line.

    Example:
        >>> sentence(OSError(28, "No space left on device", "codes.npz"))
        "[Errno 28] No space left on device: 'codes.npz'"
    """
    error = decisive_error(error)
    text = str(error).strip()
    if isinstance(error, KeyError):
        text = f"{text} is not there"
    said = _RAISED.findall(text)
    if match := _NO_READER.search(text):
        return f"{match['path']} cannot be read as an image{': ' + said[0] if said else ''}"
    if match := _NO_WRITER.search(text):
        return f"{match['path']} cannot be written{': ' + said[-1] if said else ''}"
    return text.splitlines()[0] if text else type(error).__name__


def _is_ours(error: BaseException) -> bool:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and str(trace.tb_frame.f_globals.get("__name__")).startswith("mrrecon.")


def _wants_traceback() -> bool:
    return os.environ.get("MRRECON_TRACEBACK", "0") not in ("", "0")


def _print_sentence(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if _wants_traceback():
        traceback.print_exception(kind, error, trace)
    if isinstance(error, KeyboardInterrupt):
        text = "stopped by the keyboard: finished scans are kept, no half-written file is left"
    else:
        # A sentence may go over several lines where this package says so (a list of scans).
        decisive = decisive_error(error)
        text = f"error: {str(decisive).strip() if _is_ours(decisive) else sentence(error)}"
    print(f"\n{text}", file=sys.stderr)  # noqa: T201

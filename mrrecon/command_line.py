"""Options of ``python -m monai.bundle run`` that no config knows: MONAI lets them pass in silence."""

import difflib
import inspect
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fire.parser import DefaultParseValue
from monai.bundle import ConfigParser, run

__all__ = ["refuse_unknown_options"]

_OF_RUN = frozenset(inspect.signature(run).parameters) - {"override"}
_OURS = frozenset({"imports", "initialize", "run"})
"""Entries that every config has, and nobody gives as an option."""


def refuse_unknown_options(arguments: Sequence[str] | None = None) -> None:
    """Pass in silence if each option of the command line is an entry of its configs, and refuse otherwise.

    MONAI takes an option of any name for a new entry, which nothing reads: with a slip of the pen in
    ``--dataset_dir`` a bundle would run on its embedded example, and say nothing. A bundle calls this in
    ``initialize``, after ``explain_errors``. Where Python was started by something else than
    ``python -m monai.bundle run`` there is nothing to check.

    Args:
        arguments: the program and its arguments; None: those of this process.

    Raises:
        ValueError: an option is no entry of the configs, nor an argument of ``run``.

    Example:
        >>> refuse_unknown_options(["monai/bundle/__main__.py", "run", "--config_file", ""])
    """
    program, *rest = sys.argv if arguments is None else arguments
    if not Path(program).as_posix().endswith("monai/bundle/__main__.py") or rest[:1] != ["run"]:
        return
    given = dict(_options(rest[1:]))
    files = _files(given.get("config_file")) + _files(given.get("meta_file"))
    if "args_file" in given:
        told = ConfigParser.load_config_file(given["args_file"])
        files += _files(told.get("config_file"))
    if not files:
        return
    entries = {name for file in files for name in ConfigParser.load_config_file(file)}
    known = entries | _OF_RUN | {ConfigParser.meta_key}
    unknown = [name for name in given if name.replace("#", "::").split("::")[0] not in known]
    if unknown:
        raise ValueError(_refusal(unknown, sorted(known - _OURS), files))


def _refusal(unknown: Sequence[str], known: Sequence[str], files: Sequence[str]) -> str:
    close = {name: difflib.get_close_matches(name.split("::")[0], known, n=1) for name in unknown}
    meant = [f"--{found[0]}" for found in close.values() if found]
    verb = "is no option" if len(unknown) == 1 else "are no options"
    names = ", ".join(f"--{name}" for name in unknown)
    hint = f"did you mean {', '.join(meant)}?" if meant else "the options are the entries of that config"
    return f"{names} {verb} of {' and '.join(files)}: {hint}"


def _options(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Name and value of each, read as fire does."""
    for here, after in zip(arguments, [*arguments[1:], "--"], strict=True):
        if here == "--":
            return
        if _is_option(here):
            name, sign, value = here.lstrip("-").partition("=")
            yield name.replace("-", "_"), value if sign else after


def _is_option(argument: str) -> bool:
    return argument.startswith("--") or (argument[:1] == "-" and argument[1:2].isalpha())


def _files(value: Any) -> list[str]:
    """Paths of a file, of a list of them, or of a list in one string, as MONAI takes them."""
    if isinstance(value, str) and value[:1] in ("[", "("):
        value = DefaultParseValue(value)
    if isinstance(value, str):
        value = [value] if Path(value).is_file() else value.split(",")
    return [str(file) for file in value or () if file]

"""The versions a bundle was made for, and a refusal in one sentence where an installed package is older."""

from collections.abc import Mapping
from importlib import metadata

from packaging.version import InvalidVersion, Version

import mrrecon

__all__ = ["require"]


def require(versions: Mapping[str, str]) -> None:
    """Pass in silence if every named package is installed and new enough, and refuse otherwise.

    A bundle calls it first in ``initialize``, with the versions its own ``metadata.json`` names, which MONAI
    keeps under ``_meta_``::

        "imports": ["$from mrrecon.compat import require"],
        "initialize": ["$require(@_meta_::required_packages_version)", ...]

    Args:
        versions: the oldest version that will do, by the package's name on the package index,
            for example ``{"mrrecon": "0.1.0", "pytorch-ignite": "0.5.1"}``.

    Raises:
        RuntimeError: a package is missing or too old. The sentence names all such packages, what was found
            and what is wanted.
        ValueError: a version is no version (PEP 440).

    Example:
        >>> require({"mrrecon": "0.1.0"})
        >>> require({"torch": "99"})
        Traceback (most recent call last):
            ...
        RuntimeError: this bundle needs torch >= 99 (found ...): run pip install --upgrade 'torch>=99'
    """
    unmet = []
    for name, wanted in versions.items():
        found = _installed(name)
        if found is None or Version(found) < _version(name, wanted):
            unmet.append((name, wanted, "not installed" if found is None else f"found {found}"))
    if unmet:
        needs = ", ".join(f"{name} >= {wanted} ({state})" for name, wanted, state in unmet)
        command = " ".join(f"'{name}>={wanted}'" for name, wanted, _ in unmet)
        raise RuntimeError(f"this bundle needs {needs}: run pip install --upgrade {command}")


def _installed(name: str) -> str | None:
    if name == "mrrecon":
        return mrrecon.__version__
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _version(name: str, wanted: str) -> Version:
    try:
        return Version(wanted)
    except InvalidVersion as error:
        raise ValueError(f"versions[{name!r}]={wanted!r} is no version: give one such as '1.6.1'") from error

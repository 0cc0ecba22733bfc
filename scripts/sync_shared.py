"""Stamps the sections that bundle configs share.

A config names which of its top-level sections are copies, and of which file in ``bundles/_shared``:

    "_shared_": {"inference.json": ["device", "preprocessing"]}

The copies are replaced character by character, so that the rest of the config keeps its layout.

    python scripts/sync_shared.py            write what differs
    python scripts/sync_shared.py --check    write nothing; list what differs and exit with 1
"""

import argparse
import json
import sys
from pathlib import Path

BUNDLES = Path(__file__).resolve().parent.parent / "bundles"
_DECODER = json.JSONDecoder()
_BLANKS = " \t\r\n"


def _skip(text: str, at: int, sign: str = "") -> int:
    """Position after blanks, one ``sign`` if any is given, and blanks again."""
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    if not sign:
        return at
    if text[at : at + 1] != sign:
        raise json.JSONDecodeError(f"expected {sign!r}", text, at)
    return _skip(text, at + 1)


def sections(text: str) -> dict[str, str]:
    """Text of the value of every top-level key of a JSON object, as it is written there.

    Args:
        text: a JSON file whose top level is an object.

    Raises:
        ValueError: the text is no JSON object, or names a key twice.
    """
    found = {}
    at = _skip(text, 0, "{")
    while text[at : at + 1] != "}":
        key, end = _DECODER.raw_decode(text, at)
        start = _skip(text, end, ":")
        _, end = _DECODER.raw_decode(text, start)
        if key in found:
            raise ValueError(f"the key {key!r} stands there twice: keep one")
        found[key] = text[start:end]
        at = _skip(text, end)
        if text[at : at + 1] != "}":
            at = _skip(text, at, ",")
    if _skip(text, at + 1) != len(text):
        raise json.JSONDecodeError("nothing may follow the object", text, at + 1)
    return found


def _replaced(text: str, key: str, value: str) -> str:
    """The same JSON text with another value under one top-level key."""
    before = sections(text)
    at = _skip(text, 0, "{")
    for name, old in before.items():
        _, end = _DECODER.raw_decode(text, at)
        start = _skip(text, end, ":")
        if name == key:
            return text[:start] + value + text[start + len(old) :]
        at = _skip(text, _skip(text, start + len(old)), ",")
    raise KeyError(key)


def stamped(config: str, masters: Path) -> tuple[str, list[str]]:
    """A config with its shared sections as their masters have them, and the names of those that differed.

    Args:
        config: text of the config.
        masters: folder of the master copies.

    Raises:
        ValueError: ``_shared_`` names a file or a section that does not exist.
    """
    here = sections(config)
    differing = []
    for name, keys in json.loads(here.get("_shared_", "{}")).items():
        if not (masters / name).is_file():
            raise ValueError(f"_shared_ names {name}, and {masters.name} has no such file")
        master = sections((masters / name).read_text(encoding="utf-8"))
        for key in keys:
            if key not in master:
                raise ValueError(
                    f"_shared_ names the section {key!r}, and {masters.name}/{name} has no such section"
                )
            if key not in here:
                raise ValueError(
                    f"_shared_ names the section {key!r}, and the config has no such section to replace"
                )
            if here[key] != master[key]:
                config = _replaced(config, key, master[key])
                differing.append(key)
    return config, differing


def _write(path: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def main(arguments: list[str] | None = None, bundles: Path = BUNDLES) -> int:
    """Exit status: 0 if every copy is as its master, or was made so; 1 otherwise."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if anything differs")
    check = parser.parse_args(arguments).check

    status = 0
    for path in sorted(bundles.glob("[!_]*/configs/*.json")):
        name = path.relative_to(bundles).as_posix()
        text = path.read_text(encoding="utf-8")
        try:
            new, differing = stamped(text, bundles / "_shared")
        except ValueError as error:
            print(f"{name}: {error}")
            status = 1
            continue
        if differing and check:
            print(
                f"{name}: differs from _shared in {', '.join(differing)}: run python scripts/sync_shared.py"
            )
            status = 1
        elif differing:
            _write(path, new)
            print(f"{name}: stamped {', '.join(differing)}")
    return status


if __name__ == "__main__":
    sys.exit(main())

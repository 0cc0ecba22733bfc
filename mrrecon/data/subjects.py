"""Splitting of scans by subject."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath

__all__ = ["split_by_subject", "subject_of"]

BIDS = r"(?<![A-Za-z0-9])sub-([A-Za-z0-9]+)"


def subject_of(path: str, *, subject: str | None = None) -> str:
    """Name of the subject whom a scan shows.

    Args:
        path: path of the scan.
        subject: regular expression searched in the path; its first group, or all of it, is the name. None for
            the BIDS entity ``sub-<name>`` and, where there is none, the file's name up to its first dot.

    Raises:
        ValueError: the given expression finds nothing.

    Example:
        >>> subject_of("sub-07/anat/sub-07_ses-2_T1w.nii.gz"), subject_of("scans/ABC.nii.gz")
        ('07', 'ABC')
    """
    found = re.search(BIDS if subject is None else subject, PurePath(path).as_posix())
    if found:
        return found[1] if found.re.groups else found[0]
    if subject is not None:
        raise ValueError(
            f"subject={subject!r} finds nothing in {path!r}: give an expression that fits every path"
        )
    return PurePath(path).name.lstrip(".").split(".")[0]


def split_by_subject(
    items: Sequence[Mapping[str, str]], *, fraction: int | float, seed: int = 0, subject: str | None = None
) -> tuple[list[Mapping[str, str]], list[Mapping[str, str]]]:
    """Two parts of a list of scans that share no subject, in the order of the list.

    Subjects are ranked by a hash of the seed and their name, and the first ones are held out: the same on
    each machine, and nearly the same when subjects are added later.

    Args:
        items: scans, with their path under ``"image"``.
        fraction: share of the subjects that is held out, in [0, 1]; rounded to whole subjects, at least one
            on either side where ``0 < fraction < 1``.
        seed: another seed, another split.
        subject: how a path names its subject, as for ``subject_of``.

    Returns:
        The scans that stay and the scans held out.

    Raises:
        ValueError: ``fraction`` is outside [0, 1], or both sides are wanted from a single subject.

    Example:
        >>> scans = [{"image": f"sub-{n}_run-{run}.nii"} for n in "ab" for run in "12"]
        >>> kept, held = split_by_subject(scans, fraction=0.5)
        >>> len(kept), len(held), subject_of(held[0]["image"]) == subject_of(held[1]["image"])
        (2, 2, True)
    """
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction={fraction} must lie in [0, 1]")
    names = [subject_of(item["image"], subject=subject) for item in items]
    ranked = sorted(set(names), key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).hexdigest())
    n_held = round(fraction * len(ranked))
    if 0 < fraction < 1:
        if len(ranked) < 2:
            raise ValueError(f"fraction={fraction} needs at least two subjects, got {ranked}")
        n_held = min(max(n_held, 1), len(ranked) - 1)
    held = set(ranked[:n_held])
    return (
        [item for item, name in zip(items, names, strict=True) if name not in held],
        [item for item, name in zip(items, names, strict=True) if name in held],
    )

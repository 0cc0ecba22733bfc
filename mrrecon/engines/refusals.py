"""What happens to scans that cannot be worked on: they are named at the end, and stop no other."""

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["raise_if_refused", "refused_items"]


def refused_items(batch: Mapping[str, Any]) -> list[dict[str, str]]:
    """Scans of a batch that could not be read (see ``ScanDataset``), with their reasons.

    Args:
        batch: of the data loader.

    Example:
        >>> refused_items({"scan": ["a.nii"], "refused": ["a.nii is no image"]})
        [{'scan': 'a.nii', 'reason': 'a.nii is no image'}]
    """
    if "refused" not in batch:
        return []
    pairs = zip(batch["scan"], batch["refused"], strict=True)
    return [{"scan": scan, "reason": reason} for scan, reason in pairs]


def raise_if_refused(refused: Sequence[Mapping[str, str]], *, of: int, what: str) -> None:
    """End a run in which scans were refused.

    Args:
        refused: the scans.
        of: how many there were in all.
        what: what could not be done with them, for example ``"read"``.

    Raises:
        RuntimeError: there are some.

    Example:
        >>> raise_if_refused([], of=3, what="read")
    """
    if len(refused) == 1 and of == 1:
        raise RuntimeError(refused[0]["reason"])
    if refused:
        head = f"{len(refused)} of {of} scans could not be {what}:"
        raise RuntimeError("\n  ".join([head, *(item["reason"] for item in refused)]))

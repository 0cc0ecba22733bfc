"""Measurements to work on, from a file, a folder or a list."""

from collections.abc import Sequence
from pathlib import Path

from mrrecon.data.datalist import scan_list
from mrrecon.data.kspace_reader import KSPACE_SUFFIXES

__all__ = ["measurement_list"]

IMAGES = (".nii", ".nii.gz", ".mha", ".mhd", ".nrrd", ".mgz")


def measurement_list(
    dataset_dir: str | Path = "", datalist: str | Path = "", *, methods: Sequence[str] | None = None
) -> list[dict[str, str]]:
    """Measurements and images as ``scan_list`` gives scans; what belongs to them lies beside them.

    ``<name>_mask``, ``<name>_maps`` and ``<name>_label`` (any ending) belong to ``<name>``, and so they are
    called in a list. Of BART's pairs the ``.cfl`` stands for both. A file that is not there, or empty, is an
    error for whoever reads it, so that it stops no other.

    Args:
        dataset_dir: as for ``scan_list``.
        datalist: as for ``scan_list``.
        methods: each measurement is listed once for each of them, under ``method``; None: once.

    Raises:
        FileNotFoundError: a path does not exist, or a folder holds no measurement.
        ValueError: a broken list, or there are no methods.

    Example:
        >>> [item["method"] for item in measurement_list(methods=["tv", "wavelet"])]
        ['tv', 'wavelet']
    """
    items = scan_list(
        dataset_dir,
        datalist,
        refuse_empty_files=False,
        suffixes=(*KSPACE_SUFFIXES, *IMAGES),
        beside=("mask", "maps", "label"),
    )
    if methods is None:
        return items
    if not methods:
        raise ValueError("methods=[] must name at least one method")
    return [{**item, "method": method} for item in items for method in methods]

"""Scans whose tissues are wanted: originals, or what a codec or a bundle made of them."""

from pathlib import Path

from mrrecon.data.datalist import scan_list
from mrrecon.data.measurement_list import IMAGES

__all__ = ["tissue_scans"]


def tissue_scans(
    dataset_dir: str | Path = "", datalist: str | Path = "", *, decoded: bool = False
) -> list[dict[str, str]]:
    """Scans as ``scan_list`` gives them, ``<name>_label`` beside them, or a bundle's results in a folder.

    Args:
        dataset_dir: a scan, or a folder of them.
        datalist: JSON or CSV list.
        decoded: take the files of the folder whose names end with ``_recon``, which are no scans otherwise.

    Raises:
        FileNotFoundError: a path does not exist, or a folder holds nothing of the kind.
        ValueError: a broken list, or ``decoded`` without a folder.

    Example:
        >>> [Path(item["image"]).name[:9] for item in tissue_scans()]
        ['mni_icbm1']
    """
    if not decoded:
        return scan_list(
            dataset_dir, datalist, refuse_empty_files=False, suffixes=IMAGES, beside=("mask", "label")
        )
    folder = Path(dataset_dir).expanduser()
    if not str(dataset_dir) or not folder.is_dir():
        raise ValueError(f"dataset_dir={str(dataset_dir)!r} must be a folder of results where decoded=True")
    names = (f"*_recon{ending}" for ending in IMAGES)
    found = sorted({path for name in names for path in folder.rglob(name)})
    if not found:
        raise FileNotFoundError(f"dataset_dir={str(folder)!r} holds no result, no file <name>_recon.nii.gz")
    return [{"image": str(path)} for path in found]

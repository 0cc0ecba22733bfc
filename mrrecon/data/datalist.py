"""Scans to work on, from a file, a folder or a list."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mrrecon.templates import template_path

__all__ = ["list_names", "scan_list"]

SUFFIXES = (".nii", ".nii.gz", ".mha", ".mhd", ".nrrd", ".nhdr", ".hdr", ".gipl", ".gipl.gz", ".mgz")
"""Endings by which a scan is recognised in a folder. A single file may have any."""

NO_SCAN = "_recon"
"""End of the names that the outputs of an earlier run have."""

DICOM_MARK_AT = 128


def scan_list(
    dataset_dir: str | Path = "",
    datalist: str | Path = "",
    *,
    key: str = "training",
    allow_empty: bool = True,
    refuse_empty_files: bool = True,
    suffixes: Sequence[str] = SUFFIXES,
    beside: Sequence[str] = ("mask",),
) -> list[dict[str, str]]:
    """Scans as MONAI's data sets want them: ``{"image": path}``, with ``"mask"`` where there is one.

    * ``dataset_dir`` a file: that scan. Any format that MONAI's readers know.
    * ``dataset_dir`` a folder that directly holds DICOM files: one scan, the folder itself.
    * ``dataset_dir`` another folder: every scan under it at any depth, sorted by path, but hidden ones.
      ``<name>_mask.nii.gz`` (any ending) is the mask of the scan ``<name>`` beside it and never a scan,
      ``<name>_recon.nii.gz`` what an earlier run made.
    * ``datalist``: a JSON list, or an object whose entry ``key`` is one (as in the Medical Segmentation
      Decathlon), of paths or of objects with ``image`` and perhaps ``mask``; or a CSV table with a column
      ``image`` and perhaps ``mask``. Relative paths start at ``dataset_dir``, or where that is empty at the
      list's own folder.
    * Neither: the embedded MNI152 template.

    Args:
        dataset_dir: file or folder, or empty.
        datalist: JSON or CSV file, or empty.
        key: entry of a JSON object that holds the list.
        allow_empty: whether both may be empty. If not, that is an error.
        refuse_empty_files: whether an empty file is an error here. If not, it is one for whoever reads it.
        suffixes: endings by which a scan is recognised in a folder.
        beside: what else may belong to a scan, in a file of its own: all that is said of ``mask`` above.

    Raises:
        FileNotFoundError: a path does not exist, or a folder holds no scan.
        ValueError: an empty file, a broken list, or nothing given although ``allow_empty`` is false.

    Example:
        >>> [Path(item["image"]).name for item in scan_list()]
        ['mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz']
    """
    if str(datalist):
        file = _existing(Path(datalist), "datalist")
        root = _existing(Path(dataset_dir), "dataset_dir") if str(dataset_dir) else file.parent
        items = [_item(entry, root=root, file=file, beside=beside) for entry in _entries(file, key)]
        return _checked(items) if refuse_empty_files else items
    if str(dataset_dir):
        place = _existing(Path(dataset_dir), "dataset_dir")
        found = [place] if place.is_file() else _scans_under(place, suffixes, beside)
        items = [_with_others(path, suffixes, beside) for path in found]
        return _checked(items) if refuse_empty_files else items
    if not allow_empty:
        raise ValueError(
            "dataset_dir and datalist are empty: give a scan, a folder of scans or a list of scans"
        )
    return [{"image": str(template_path("t1"))}]


def list_names(datalist: str | Path) -> tuple[str, ...]:
    """Names of the lists that a JSON object holds; none for a file that is one list.

    Args:
        datalist: as for ``scan_list``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a broken list.
    """
    content = _content(_existing(Path(datalist), "datalist"))
    return tuple(content) if isinstance(content, Mapping) else ()


def _existing(path: Path, argument: str) -> Path:
    path = path.expanduser()
    if not path.exists():
        raise FileNotFoundError(
            f"{argument}={str(path)!r} does not exist: give the path of a file or a folder"
        )
    return path


def _checked(items: list[dict[str, str]]) -> list[dict[str, str]]:
    for path in (Path(path) for item in items for path in item.values()):
        if path.is_file() and path.stat().st_size == 0:
            raise ValueError(f"{path} is an empty file: give a scan, or take the file away")
    return items


def _scans_under(folder: Path, suffixes: Sequence[str], beside: Sequence[str]) -> list[Path]:
    scans = []
    no_scans = (NO_SCAN, *(f"_{name}" for name in beside))
    for place in [folder, *sorted(path for path in folder.rglob("*") if path.is_dir())]:
        if any(part.startswith(".") for part in place.relative_to(folder).parts):
            continue
        files = [path for path in place.iterdir() if path.is_file() and not path.name.startswith(".")]
        if any(_is_dicom(path, suffixes) for path in files):
            scans.append(place)
        scans += [
            path for path in files if _suffix(path, suffixes) and not _stem(path, suffixes).endswith(no_scans)
        ]
    if not scans:
        raise FileNotFoundError(
            f"dataset_dir={str(folder)!r} holds no scan: wanted {', '.join(suffixes)} or a DICOM series"
        )
    return sorted(scans)


def _is_dicom(path: Path, suffixes: Sequence[str]) -> bool:
    if path.suffix.lower() in (".dcm", ".ima"):
        return True
    if _suffix(path, suffixes):
        return False
    with path.open("rb") as file:
        return file.read(DICOM_MARK_AT + 4)[DICOM_MARK_AT:] == b"DICM"


def _suffix(path: Path, suffixes: Sequence[str]) -> str:
    return max((suffix for suffix in suffixes if path.name.lower().endswith(suffix)), key=len, default="")


def _stem(path: Path, suffixes: Sequence[str]) -> str:
    return path.name[: len(path.name) - len(_suffix(path, suffixes))]


def _with_others(path: Path, suffixes: Sequence[str], beside: Sequence[str]) -> dict[str, str]:
    item = {"image": str(path)}
    if path.is_file():
        # Beside k-space in a format of its own lies a label in one of images.
        endings = dict.fromkeys([*suffixes, *SUFFIXES])
        for name in beside:
            others = (path.with_name(f"{_stem(path, suffixes)}_{name}{ending}") for ending in endings)
            if other := next((other for other in others if other.is_file()), None):
                item[name] = str(other)
    return item


def _entries(file: Path, key: str) -> Sequence[Any]:
    content = _content(file)
    if isinstance(content, Mapping):
        if key not in content:
            raise ValueError(f"datalist={str(file)!r} has no entry key={key!r}: it has {', '.join(content)}")
        content = content[key]
    if not isinstance(content, list) or not content:
        raise ValueError(f"datalist={str(file)!r} must hold a list of scans with at least one in it")
    return content


def _content(file: Path) -> Any:
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            return list(csv.DictReader(stream)) if file.suffix.lower() == ".csv" else json.load(stream)
    except (json.JSONDecodeError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"datalist={str(file)!r} is not a JSON list or a CSV table: {error}") from error


def _item(entry: object, *, root: Path, file: Path, beside: Sequence[str]) -> dict[str, str]:
    if isinstance(entry, str):
        entry = {"image": entry}
    if not isinstance(entry, Mapping) or not isinstance(entry.get("image"), str) or not entry["image"]:
        raise ValueError(
            f"datalist={str(file)!r}: the entry {entry!r} must be a path or have a path under 'image'"
        )
    item = {}
    for name in ("image", *beside):
        if value := entry.get(name):
            item[name] = str(_existing(root / str(value), f"{file.name}: {name}"))
    return item

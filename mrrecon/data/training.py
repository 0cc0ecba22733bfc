"""What a training learns from and what it is judged by."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mrrecon.data.datalist import list_names, scan_list
from mrrecon.data.subjects import split_by_subject
from mrrecon.templates import template_path

__all__ = ["TrainingScans", "training_scans"]


class TrainingScans(NamedTuple):
    """Scans of a training.

    Args:
        source: ``"scans"``, or ``"templates"`` where brains are to be synthesised.
        training: ``{"image": path}``, with ``"mask"`` where it is wanted; or ``{"t1", "gm", "wm": paths}``.
        validation: the same, of other subjects.
    """

    source: str
    training: list[Mapping[str, str]]
    validation: list[Mapping[str, str]]


def training_scans(
    dataset_dir: str = "",
    datalist: str = "",
    *,
    val_fraction: int | float = 0.1,
    seed: int = 0,
    subject: str | None = None,
    brain_mask: bool = False,
    own_masks: bool = False,
    n_val_brains: int = 8,
) -> TrainingScans:
    """Scans of a folder or a list, split by subject; the embedded templates where neither is given.

    A JSON list with the entries ``training`` and ``validation`` is split already, and stays as it is.

    Args:
        dataset_dir: as for ``scan_list``.
        datalist: as for ``scan_list``.
        val_fraction: share of the subjects that is kept for validation, between 0 and 1.
        seed: another seed, another split.
        subject: how a path names its subject, as for ``split_by_subject``.
        brain_mask: whether each scan needs its mask.
        own_masks: whether a scan that has a mask keeps it.
        n_val_brains: length of the list for validation where brains are synthesised.

    Raises:
        ValueError: ``val_fraction`` leaves nothing to one side, a mask that is needed is missing, or a list
            has a scan on both sides.

    Example:
        >>> scans = training_scans(n_val_brains=2)
        >>> scans.source, list(scans.training[0]), len(scans.validation)
        ('templates', ['t1', 'gm', 'wm'], 2)
    """
    if not (dataset_dir or datalist):
        if brain_mask:
            raise ValueError("brain_mask=True needs scans with masks: give dataset_dir or datalist")
        templates: Mapping[str, str] = {name: str(template_path(name)) for name in ("t1", "gm", "wm")}
        return TrainingScans("templates", [templates], [templates] * n_val_brains)
    if not 0 < val_fraction < 1:
        raise ValueError(f"val_fraction={val_fraction} must lie between 0 and 1")
    split = bool(datalist) and "validation" in list_names(datalist)
    held_out = scan_list(dataset_dir, datalist, key="validation") if split else []
    scans = scan_list(dataset_dir, datalist)
    training, validation = (_wanted(part, brain_mask, own_masks) for part in (scans, held_out))
    if not split:
        training, validation = split_by_subject(training, fraction=val_fraction, seed=seed, subject=subject)
    elif both := [scan["image"] for scan in validation if scan in training]:
        raise ValueError(f"datalist={datalist!r} has {both[0]} in training and in validation: keep it in one")
    return TrainingScans("scans", training, validation)


def _wanted(scans: Sequence[Mapping[str, str]], brain_mask: bool, own_masks: bool) -> list[Mapping[str, str]]:
    keys = ("image", "mask") if brain_mask else ("image",)
    missing = [scan["image"] for scan in scans if any(key not in scan for key in keys)]
    if missing:
        raise ValueError(
            f"brain_mask=True, but {len(missing)} of {len(scans)} scans have no mask, first {missing[0]}: "
            "put <name>_mask.nii.gz beside each scan"
        )
    keys = ("image", "mask") if own_masks else keys
    return [{key: scan[key] for key in keys if key in scan} for scan in scans]

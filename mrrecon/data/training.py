"""What a training learns from and what it is judged by."""

from collections.abc import Mapping
from typing import NamedTuple

from mrrecon.data.datalist import scan_list
from mrrecon.data.subjects import split_by_subject
from mrrecon.data.templates import template_path

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
    n_val_brains: int = 8,
) -> TrainingScans:
    """Scans of a folder or a list, split by subject; the embedded templates where neither is given.

    Args:
        dataset_dir: as for ``scan_list``.
        datalist: as for ``scan_list``.
        val_fraction: share of the subjects that is kept for validation, between 0 and 1.
        seed: another seed, another split.
        subject: how a path names its subject, as for ``split_by_subject``.
        brain_mask: whether each scan needs its mask.
        n_val_brains: length of the list for validation where brains are synthesised.

    Raises:
        ValueError: ``val_fraction`` leaves nothing to one side, or a mask that is needed is missing.

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
    keys = ("image", "mask") if brain_mask else ("image",)
    scans = scan_list(dataset_dir, datalist)
    missing = [scan["image"] for scan in scans if any(key not in scan for key in keys)]
    if missing:
        raise ValueError(
            f"brain_mask=True, but {len(missing)} of {len(scans)} scans have no mask, first {missing[0]}: "
            "put <name>_mask.nii.gz beside each scan"
        )
    wanted = [{key: scan[key] for key in keys} for scan in scans]
    training, validation = split_by_subject(wanted, fraction=val_fraction, seed=seed, subject=subject)
    return TrainingScans("scans", training, validation)

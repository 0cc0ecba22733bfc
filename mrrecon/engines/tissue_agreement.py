"""How well the tissues of scans survive codecs: a row a scan and codec, and what the rows say together."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch

from mrrecon.engines.study_scans import TISSUE_FILE, StudyScan
from mrrecon.morphometry import TISSUES, bland_altman, dice, soft_dice, tissue_volumes, volume_error

__all__ = ["agreement_rows", "agreement_summary", "wilcoxon_of_best"]

Row = dict[str, Any]


def agreement_rows(scan: StudyScan) -> list[Row]:
    """Dice (hard: the most probable tissue; soft), volumes in ml and their error, for each codec.

    Args:
        scan: with the files of its tissues.

    Returns:
        One row a codec, and one for the original with volumes alone.

    Raises:
        ValueError: a file is no map of three tissues, or the grids differ.
    """
    maps, affine = read_tissues(scan.original)
    volumes = tissue_volumes(maps, affine)
    rows = [{"scan": scan.name, "codec": "", **_ml(volumes)}]
    for codec, stem in scan.decoded.items():
        other, there = read_tissues(stem)
        if other.shape != maps.shape or not np.allclose(affine, there, atol=1e-3):
            raise ValueError(
                f"{scan.name}: {codec} has the grid {tuple(other.shape[1:])}, the original "
                f"{tuple(maps.shape[1:])}, or another affine: compare scans in one geometry"
            )
        found = tissue_volumes(other, there)
        errors = volume_error(found, volumes)
        row: Row = {"scan": scan.name, "codec": codec}
        for kind, values in (("dice", dice(maps, other)), ("soft_dice", soft_dice(maps, other))):
            row |= {f"{kind}_{name}": float(value) for name, value in zip(TISSUES, values, strict=True)}
        rows.append(row | _ml(found) | {f"{name}_error": error for name, error in errors.items()})
    return rows


def read_tissues(stem: Path) -> tuple[torch.Tensor, np.ndarray]:
    """Tissues (3, x, y, z) and affine of the file that belongs to a stem.

    Raises:
        ValueError: the file cannot be read, or is no map of three tissues.
    """
    return read_maps(stem.with_name(stem.name + TISSUE_FILE))


def read_maps(path: Path) -> tuple[torch.Tensor, np.ndarray]:
    """Three maps (3, x, y, z) and affine of a 4-D file.

    Raises:
        ValueError: the file cannot be read, or does not hold three maps.
    """
    try:
        image: Any = nibabel.load(path)
        values = np.asarray(image.dataobj, dtype=np.float32)
    except (OSError, EOFError, nibabel.filebasedimages.ImageFileError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if values.ndim != 4 or values.shape[3] != len(TISSUES):
        raise ValueError(f"{path} of shape {values.shape} must hold {len(TISSUES)} maps along a fourth axis")
    maps = torch.from_numpy(np.ascontiguousarray(np.moveaxis(values, 3, 0)))
    return maps, np.asarray(image.affine, dtype=np.float64)


def _ml(volumes: dict[str, float]) -> Row:
    return {f"{name}_ml": volume for name, volume in volumes.items()} | {"all_ml": sum(volumes.values())}


def agreement_summary(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """For each codec: mean and standard deviation of each number, and Bland and Altman's of the volumes.

    Args:
        rows: of ``agreement_rows``, of all scans.
    """
    originals = {row["scan"]: row for row in rows if not row["codec"]}
    summary: dict[str, dict[str, Any]] = {}
    for codec in dict.fromkeys(row["codec"] for row in rows if row["codec"]):
        own = [row for row in rows if row["codec"] == codec]
        numbers: dict[str, Any] = {}
        for key in own[0]:
            values = [row[key] for row in own]
            if isinstance(values[0], float):
                spread = statistics.stdev(values) if len(values) > 1 else 0.0
                numbers[key] = {"mean": statistics.fmean(values), "sd": spread, "n": len(values)}
        if len(own) >= 3:
            for name in TISSUES:
                pairs = [(row[f"{name}_ml"], originals[row["scan"]][f"{name}_ml"]) for row in own]
                decoded, original = np.asarray(pairs).T
                found = bland_altman(decoded, original)
                numbers[f"bland_altman_{name}"] = vars(found)
        summary[codec] = numbers
    return summary


def wilcoxon_of_best(rows: Sequence[Row], key: str) -> dict[str, float]:
    """Probability, for each codec but the best, that it is as good: Wilcoxon's signed ranks over scans.

    Args:
        rows: of ``agreement_rows``, of all scans.
        key: the number that is compared; the best codec has the greatest mean.

    Returns:
        By codec; the best has no entry. Empty where fewer than six scans or two codecs are compared: no
        result of five pairs is below 0.05.

    Reference:
        Wilcoxon. Individual comparisons by ranking methods. Biometrics Bulletin 1945.
        https://doi.org/10.2307/3001968
    """
    from scipy.stats import wilcoxon

    values: dict[str, dict[str, float]] = {}
    for row in rows:
        if row["codec"] and key in row:
            values.setdefault(row["codec"], {})[row["scan"]] = row[key]
    shared = sorted(set.intersection(*(set(own) for own in values.values()))) if values else []
    if len(values) < 2 or len(shared) < 6:
        return {}
    columns = {codec: np.asarray([own[scan] for scan in shared]) for codec, own in values.items()}
    best = max(columns, key=lambda codec: float(columns[codec].mean()))
    others = {codec: column for codec, column in columns.items() if codec != best}
    return {
        codec: 1.0 if np.array_equal(column, columns[best]) else float(wilcoxon(columns[best], column).pvalue)
        for codec, column in others.items()
    }

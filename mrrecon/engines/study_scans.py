"""Scans of a study: the same subjects before and after a codec, with what is known of each."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["StudyScan", "plain_name", "study_scans"]

TISSUE_FILE = "_tissues.nii.gz"
MADE = "_recon"


@dataclass(frozen=True)
class StudyScan:
    """A scan, what the codecs made of it, and what is known of its subject.

    Args:
        name: of the scan, without endings.
        original: stem of the files of its tissues.
        decoded: such stems, by codec.
        group: of the subject; empty without participants.
        covariates: numbers of the subject, by name.
    """

    name: str
    original: Path
    decoded: Mapping[str, Path] = field(default_factory=dict)
    group: str = ""
    covariates: Mapping[str, float] = field(default_factory=dict)


def study_scans(
    originals: str | Path,
    decoded: Mapping[str, str | Path],
    *,
    participants: str | Path = "",
    key: str = "participant_id",
    group: str = "group",
    covariates: Sequence[str] = (),
) -> tuple[list[StudyScan], list[dict[str, str]]]:
    """Scans that every codec has, and those that had to be left out, with the reason.

    Args:
        originals: folder with ``<name>_tissues.nii.gz`` of each scan.
        decoded: such a folder for each codec, whose files may be called ``<name>_recon_tissues.nii.gz``.
        participants: CSV or TSV table of the subjects; empty: groups and covariates are not known.
        key: its column with what is part of the scans' names, such as ``sub-03``.
        group: its column of groups.
        covariates: its columns of numbers.

    Returns:
        The scans in order of their names, and a list of {"scan", "reason"}.

    Raises:
        FileNotFoundError: a folder does not exist or holds no tissues, or there is no table.
        ValueError: the table lacks a column, no scan is left, or codecs have unusable names.
    """
    names = [plain_name(codec) for codec in decoded]
    if len(set(names)) < len(names) or not all(names) or "original" in names:
        raise ValueError(
            f"decoded={list(decoded)} must name codecs differently, by letters and digits, none 'original'"
        )
    found = _tissues(originals, "originals")
    made = {codec: _tissues(folder, f"decoded[{codec!r}]") for codec, folder in decoded.items()}
    table = _table(participants, [key, group, *covariates]) if str(participants) else None
    scans, left_out = [], []
    for name, stem in found.items():
        lacking = [codec for codec, stems in made.items() if name not in stems]
        if lacking:
            left_out.append({"scan": name, "reason": f"{name}: {lacking[0]} has no tissues of it"})
            continue
        stems = {codec: stems[name] for codec, stems in made.items()}
        if table is None:
            scans.append(StudyScan(name, stem, stems))
            continue
        rows = [row for row in table if _is_part(row[key], name)]
        reason = _reason(rows, name, key=key, group=group, covariates=covariates)
        if reason:
            left_out.append({"scan": name, "reason": reason})
            continue
        numbers = {covariate: float(rows[0][covariate]) for covariate in covariates}
        scans.append(StudyScan(name, stem, stems, rows[0][group], numbers))
    if not scans:
        raise ValueError(
            f"no scan of originals={str(originals)!r} can take part: "
            + "; ".join(item["reason"] for item in left_out[:3])
        )
    return scans, left_out


def plain_name(words: str) -> str:
    """Words as a part of a file's name.

    Example:
        >>> plain_name("α-WGAN, half size")
        'α-WGAN_half_size'
    """
    return re.sub(r"[^\w.+-]+", "_", words).strip("_")


def _tissues(folder: str | Path, argument: str) -> dict[str, Path]:
    place = Path(folder).expanduser()
    if not place.is_dir():
        raise FileNotFoundError(f"{argument}={str(folder)!r} is no folder: give one with tissues of scans")
    stems = {}
    for path in sorted(place.rglob(f"*{TISSUE_FILE}")):
        stem = path.with_name(path.name.removesuffix(TISSUE_FILE))
        stems[str(stem.relative_to(place)).removesuffix(MADE)] = stem
    if not stems:
        raise FileNotFoundError(f"{argument}={str(folder)!r} holds no file <name>{TISSUE_FILE}")
    return stems


def _table(path: str | Path, columns: Sequence[str]) -> list[dict[str, str]]:
    file = Path(path).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f"participants={str(path)!r} does not exist: give a CSV or TSV table")
    with file.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream, delimiter="\t" if file.suffix == ".tsv" else ",")
        rows = list(reader)
        missing = [column for column in columns if column not in (reader.fieldnames or [])]
    if missing:
        there = ", ".join(reader.fieldnames or []) or "none"
        raise ValueError(f"participants={str(path)!r} has no column {missing[0]!r}; there are {there}")
    return [{name: value or "" for name, value in row.items() if name} for row in rows]


def _is_part(key: str, name: str) -> bool:
    """Whether the name of a scan holds the key, not as a part of a longer one: sub-1 is not in sub-10."""
    return bool(key) and re.search(rf"(?<![A-Za-z0-9]){re.escape(key)}(?![A-Za-z0-9])", name) is not None


def _reason(
    rows: Sequence[Mapping[str, str]], name: str, *, key: str, group: str, covariates: Sequence[str]
) -> str:
    """Why a scan cannot take part; empty if it can."""
    if len(rows) != 1:
        return f"{name}: {len(rows) or 'no'} rows of participants have a {key} that is part of its name"
    if not rows[0][group]:
        return f"{name}: participants does not say its {group}"
    for covariate in covariates:
        try:
            float(rows[0][covariate])
        except ValueError:
            return f"{name}: {covariate}={rows[0][covariate]!r} is no number"
    return ""

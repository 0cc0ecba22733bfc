"""Voxel-based morphometry of originals and of decoded scans: the same maps, the same tests, compared."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch
from torch import Tensor

from mrrecon.engines.study_scans import StudyScan, plain_name
from mrrecon.engines.tissue_agreement import read_maps
from mrrecon.files import atomic_path
from mrrecon.morphometry import (
    TISSUES,
    FamilyWise,
    TMap,
    analysis_mask,
    cluster_overlap,
    false_discovery,
    family_wise,
    find_clusters,
    map_correlation,
    paired_design,
    smooth_maps,
    t_map,
    two_sample_design,
)

__all__ = ["ORIGINAL", "GroupMaps", "change_maps", "compare_maps", "make_maps", "peak_threshold"]

ORIGINAL = "original"
PEAK = 0.001
"""Uncorrected probability above whose t voxels form clusters."""


@dataclass(frozen=True)
class GroupMaps:
    """Smoothed maps of a tissue on the template's grid, as files.

    Args:
        files: a file a scan, for the originals (``"original"``) and each codec.
        intracranial: ml of all tissues of each scan, likewise.
        mask: where the mean of the originals is large enough.
        affine: voxel indices to mm.
    """

    files: Mapping[str, Sequence[Path]]
    intracranial: Mapping[str, Sequence[float]]
    mask: Tensor
    affine: np.ndarray


def make_maps(
    scans: Sequence[StudyScan],
    folder: str | Path,
    *,
    tissue: str = "gm",
    fwhm: float | int = 8.0,
    above: float | int = 0.1,
    on_file: Callable[[str], None] | None = None,
) -> GroupMaps:
    """Smooth the modulated maps of all scans, one at a time, into a folder.

    Args:
        scans: subjects; ``<stem>_template.nii.gz`` lies beside the tissues.
        folder: where the smoothed maps go: ``<folder>/<codec>/<scan>.nii``.
        tissue: one of ``TISSUES``.
        fwhm: full width at half maximum of the smoothing, in mm.
        above: least mean tissue of a voxel that is tested, fraction of a voxel.
        on_file: called with the name of each map.

    Raises:
        ValueError: no such tissue, a map is missing or on another grid.
    """
    if tissue not in TISSUES:
        raise ValueError(f"tissue={tissue!r} must be one of {', '.join(TISSUES)}")
    sources = [ORIGINAL, *scans[0].decoded]
    files: dict[str, list[Path]] = {source: [] for source in sources}
    totals: dict[str, list[float]] = {source: [] for source in sources}
    affine = np.eye(4)
    for source in sources:
        for scan in scans:
            stem = scan.original if source == ORIGINAL else scan.decoded[source]
            maps, affine = read_maps(stem.with_name(stem.name + "_template.nii.gz"))
            # Modulated: the sum over space is that of the scan itself.
            voxel = abs(float(np.linalg.det(affine[:3, :3]))) / 1000
            totals[source].append(voxel * float(maps.double().sum()))
            smoothed = smooth_maps(maps[TISSUES.index(tissue)], affine, fwhm=fwhm)
            path = Path(folder) / plain_name(source) / f"{scan.name}.nii"
            _save(path, smoothed, affine)
            files[source].append(path)
            if on_file is not None:
                on_file(f"{source} {scan.name}")
    return GroupMaps(files, totals, analysis_mask(files[ORIGINAL], above=float(above)), affine)


def compare_maps(
    scans: Sequence[StudyScan],
    maps: GroupMaps,
    *,
    contrasts: Mapping[str, Mapping[str, float]],
    n_permutations: int = 1000,
    alpha: float = 0.05,
    seed: int = 0,
) -> tuple[list[dict[str, Any]], dict[tuple[str, str], FamilyWise]]:
    """The t-maps of each contrast, of originals and of each codec, and how far the second are the first.

    The model has the groups, the covariates of the scans and the intracranial volume, which is taken from the
    same scans as the maps: a study that has the decoded scans alone has no other.

    Args:
        scans: subjects with groups.
        maps: of ``make_maps``, in the same order.
        contrasts: weights of groups and covariates, by a name.
        n_permutations: for the family-wise corrected probability.
        alpha: its level, and that of false discoveries.
        seed: of the permutations.

    Returns:
        A row a contrast and source, and the maps by contrast and source. Rows of codecs have ``correlation``
        with the map of the originals, ``overlap`` (Dice of the voxels with p < 0.001, uncorrected; absent
        where there are none) and ``rms_change`` (root mean square difference of t).

    Raises:
        ValueError: the groups or covariates do not make a design.
    """
    rows: list[dict[str, Any]] = []
    found: dict[tuple[str, str], FamilyWise] = {}
    for contrast, weights in contrasts.items():
        for source, files in maps.files.items():
            covariates: dict[str, list[float]] = {
                name: [scan.covariates[name] for scan in scans] for name in scans[0].covariates
            }
            covariates["intracranial_ml"] = list(maps.intracranial[source])
            design = two_sample_design([scan.group for scan in scans], covariates)
            result = family_wise(
                list(files),
                design,
                weights,
                generator=torch.Generator().manual_seed(seed),
                n_permutations=n_permutations,
                mask=maps.mask,
            )
            found[contrast, source] = result
            row = {"contrast": contrast, "source": source, **_findings(result, maps, alpha)}
            if source != ORIGINAL:
                row |= _likeness(found[contrast, ORIGINAL].map, result.map)
            rows.append(row)
    return rows, found


def change_maps(maps: GroupMaps) -> dict[str, TMap]:
    """Paired t-map of decoded minus original, for each codec: where the codec itself makes a difference."""
    n = len(maps.files[ORIGINAL])
    return {
        codec: t_map([*maps.files[ORIGINAL], *files], paired_design(n), {"after": 1}, mask=maps.mask)
        for codec, files in maps.files.items()
        if codec != ORIGINAL
    }


def peak_threshold(result: TMap) -> float:
    """T above which voxels form clusters: p < 0.001 on either side, uncorrected."""
    from scipy.stats import t as student

    return float(student.isf(PEAK / 2, result.degrees_of_freedom))


def _findings(result: FamilyWise, maps: GroupMaps, alpha: float) -> dict[str, Any]:
    t, limit = result.map.t, peak_threshold(result.map)
    q = false_discovery(result.map.p_values(), mask=maps.mask)
    clusters = find_clusters(t, maps.affine, threshold=limit)
    greatest = int(t.abs().argmax())
    return {
        "subjects": len(next(iter(maps.files.values()))),
        "degrees_of_freedom": result.map.degrees_of_freedom,
        "t_max": float(t.flatten()[greatest]),
        "p_family_wise": float(result.p.min()),
        "voxels_family_wise": int((result.p <= alpha).sum()),
        "voxels_false_discovery": int(((q <= alpha) & maps.mask).sum()),
        "clusters": len(clusters),
        "largest_cluster_ml": max((cluster.ml for cluster in clusters), default=0.0),
    }


def _likeness(original: TMap, decoded: TMap) -> dict[str, float]:
    mask, limit = original.mask, peak_threshold(original)
    change = (decoded.t - original.t)[mask]
    found = {
        "correlation": map_correlation(original.t, decoded.t, mask=mask),
        "rms_change": float(change.double().square().mean().sqrt()),
    }
    if bool((original.t.abs() > limit).any()) or bool((decoded.t.abs() > limit).any()):
        found["overlap"] = cluster_overlap(original.t, decoded.t, threshold=limit)
    return found


def _save(path: Path, values: Tensor, affine: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        nibabel.save(nibabel.Nifti1Image(values.numpy().astype(np.float32), affine), temporary)

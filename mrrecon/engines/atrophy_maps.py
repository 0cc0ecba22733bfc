"""Tissues of scans before and after simulated atrophies: the files of each codec, and their maps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Real
from torch import Tensor

from mrrecon.engines.study_scans import MADE
from mrrecon.engines.tissue_agreement import read_maps
from mrrecon.morphometry import TISSUES, smooth_maps, voxel_volume

__all__ = ["AtrophySpace", "SourceMaps", "atrophy_files", "ball", "open_space", "read_source"]

ENDING = "_template.nii.gz"

Files = Mapping[str, Path]
"""File of a scan's tissues on the template's grid, by the name of the scan."""


@dataclass(frozen=True)
class AtrophySpace:
    """Where maps are compared, and where tissue was lost.

    Args:
        affine: voxel indices of the template's grid to mm.
        mask: where the originals have enough of the tissue: what is tested.
        core: the balls that lost tissue.
        reach: balls of twice the radius: beyond them nothing was changed.
        beyond: farther than the smoothing carries a change out of ``reach``.
        tissue: whose maps, one of ``TISSUES``.
        fwhm: of the smoothing, mm.
    """

    affine: np.ndarray
    mask: Bool[Tensor, "x y z"]
    core: Bool[Tensor, "x y z"]
    reach: Bool[Tensor, "x y z"]
    beyond: Bool[Tensor, "x y z"]
    tissue: str
    fwhm: float

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel, ml."""
        return voxel_volume(self.affine) / 1000


@dataclass(frozen=True)
class SourceMaps:
    """Maps of the same subjects from one source: the originals or a codec, at one percentage.

    Args:
        smoothed: the tissue, smoothed, in the voxels of the mask.
        core_ml: of the tissue in the balls, as it is.
        intracranial_ml: of all tissues.
    """

    smoothed: Float[Tensor, "subjects voxels"]
    core_ml: Float[Tensor, " subjects"]
    intracranial_ml: Float[Tensor, " subjects"]


def atrophy_files(tissues: str | Path) -> tuple[dict[float, dict[str, dict[str, Path]]], list[str]]:
    """Files ``<percent>/<codec>/<name>_template.nii.gz`` below a folder, or ``<name>_recon_template.nii.gz``.

    Args:
        tissues: folder with a folder for each percentage, ``0`` among them.

    Returns:
        Files by percentage (rising), codec and scan; and a sentence for each folder that is not used.

    Raises:
        FileNotFoundError: the folder is not there, holds no percentage, or lacks the scans as they were.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for percent in ("0", "12.5"):
        ...     (folder / percent / "AV1").mkdir(parents=True)
        ...     (folder / percent / "AV1" / "a_recon_template.nii.gz").touch()
        >>> files, _ = atrophy_files(folder)
        >>> [(percent, list(codecs["AV1"])) for percent, codecs in files.items()]
        [(0.0, ['a']), (12.5, ['a'])]
    """
    place = Path(tissues).expanduser()
    if not place.is_dir():
        raise FileNotFoundError(
            f"tissues={str(tissues)!r} is no folder: give <percent>/<codec>/ with tissues"
        )
    found: dict[float, dict[str, dict[str, Path]]] = {}
    unused = []
    for folder in sorted(path for path in place.iterdir() if path.is_dir()):
        percent = _percent(folder.name)
        if percent is None or percent in found:
            unused.append(f"{folder.name}: no percentage from 0 to 100, or one that is there already")
            continue
        codecs = {path.name: _scans(path) for path in sorted(folder.iterdir()) if path.is_dir()}
        unused += [
            f"{folder.name}/{codec} holds no file <name>{ENDING}" for codec in codecs if not codecs[codec]
        ]
        found[percent] = {codec: scans for codec, scans in codecs.items() if scans}
    if not found.get(0.0):
        raise FileNotFoundError(
            f"tissues={str(tissues)!r} must hold 0/<codec>/<name>{ENDING}: scans as they were"
        )
    if len(found) < 2:
        raise FileNotFoundError(
            f"tissues={str(tissues)!r} holds no atrophy: give <percent>/<codec>/ beside 0"
        )
    return dict(sorted(found.items())), unused


def _percent(name: str) -> float | None:
    try:
        percent = float(name)
    except ValueError:
        return None
    return percent if 0 <= percent <= 100 else None


def _scans(folder: Path) -> dict[str, Path]:
    paths = sorted(folder.glob(f"*{ENDING}"))
    return {path.name.removesuffix(ENDING).removesuffix(MADE): path for path in paths}


def ball(
    shape: Sequence[int],
    affine: Real[np.ndarray, "4 4"],
    *,
    centres: Sequence[Sequence[float | int]],
    radius: float | int,
) -> Bool[Tensor, "x y z"]:
    """Voxels whose middle is no farther than a radius from one of some places.

    Args:
        shape: of the grid.
        affine: voxel indices to mm.
        centres: three coordinates each, mm.
        radius: mm.

    Example:
        >>> int(ball((5, 5, 5), np.eye(4), centres=[(2, 2, 2)], radius=1).sum())
        7
    """
    matrix = torch.as_tensor(np.asarray(affine), dtype=torch.float64)
    indices = torch.stack(torch.meshgrid(*(torch.arange(float(n)).double() for n in shape), indexing="ij"))
    mm = torch.einsum("ij,jxyz->ixyz", matrix[:3, :3], indices) + matrix[:3, 3, None, None, None]
    inside = torch.zeros(tuple(shape), dtype=torch.bool)
    for centre in centres:
        place = torch.tensor([float(at) for at in centre], dtype=torch.float64)[:, None, None, None]
        inside |= (mm - place).norm(dim=0) <= radius * (1 + 1e-9)
    return inside


def open_space(
    originals: Files,
    *,
    centres: Sequence[Sequence[float | int]],
    radius: float | int,
    tissue: str = "gm",
    fwhm: float | int = 8.0,
    above: float | int = 0.1,
) -> AtrophySpace:
    """The grid of the originals, what is tested there, and where tissue was lost.

    Args:
        originals: files of the scans as they were.
        centres: of the balls, mm of the template.
        radius: of each, mm; the deformation reaches twice as far.
        tissue: one of ``TISSUES``.
        fwhm: of the smoothing, mm.
        above: least mean tissue of a voxel that is tested, fraction of a voxel.

    Raises:
        ValueError: a file cannot be read or is on another grid, there is no such tissue, no voxel is tested,
            or none of them is in the balls.
    """
    if tissue not in TISSUES:
        raise ValueError(f"tissue={tissue!r} must be one of {', '.join(TISSUES)}")
    if not centres or not all(len(centre) == 3 for centre in centres) or not radius > 0:
        raise ValueError(f"centres={centres}, radius={radius} must be places of three mm each, and a length")
    total, first = None, None
    for path in originals.values():
        maps, affine = read_maps(path)
        first = first or (tuple(maps.shape[1:]), affine)
        _same_grid(path, maps, affine, first)
        smoothed = smooth_maps(maps[TISSUES.index(tissue)], affine, fwhm=fwhm).double()
        total = smoothed if total is None else total.add_(smoothed)
    if first is None or total is None:
        raise ValueError("originals must hold at least one scan, got none")
    shape, affine = first
    mask = total / len(originals) > above
    if not mask.any():
        raise ValueError(
            f"above={above} leaves no voxel: the mean {tissue} of the originals is nowhere so high"
        )
    core, reach, far = (
        ball(shape, affine, centres=centres, radius=mm) for mm in (radius, 2 * radius, 2 * radius + fwhm)
    )
    if not (core & mask).any():
        raise ValueError(
            f"centres={[list(at) for at in centres]}, radius={radius} mm hold no {tissue} of the scans"
        )
    return AtrophySpace(affine, mask, core, reach, ~far, tissue, float(fwhm))


def read_source(files: Sequence[Path], space: AtrophySpace) -> SourceMaps:
    """Maps of some scans, in the order of their files.

    Args:
        files: a scan each.
        space: where they are compared.

    Raises:
        ValueError: a file cannot be read, is on another grid or not finite.
    """
    number = TISSUES.index(space.tissue)
    values, core, whole = [], [], []
    for path in files:
        maps, affine = read_maps(path)
        _same_grid(path, maps, affine, (tuple(space.mask.shape), space.affine))
        if not maps.isfinite().all():
            raise ValueError(f"{path} must be finite, it holds NaN or infinity")
        values.append(smooth_maps(maps[number], affine, fwhm=space.fwhm)[space.mask])
        core.append(maps[number].double()[space.core].sum() * space.voxel_ml)
        whole.append(maps.double().sum() * space.voxel_ml)
    return SourceMaps(torch.stack(values), torch.stack(core), torch.stack(whole))


def _same_grid(
    path: Path, maps: Tensor, affine: np.ndarray, grid: tuple[tuple[int, ...], np.ndarray]
) -> None:
    shape, expected = grid
    if tuple(maps.shape[1:]) != shape or not np.allclose(affine, expected, atol=1e-3):
        raise ValueError(
            f"{path} has the grid {tuple(maps.shape[1:])}, the other scans {shape}, or another affine: "
            "take all tissues with one template_spacing"
        )

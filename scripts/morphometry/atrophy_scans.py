"""Scans of which some have lost a known part of a region: a study whose answer is known.

    python scripts/morphometry/atrophy_scans.py --dataset_dir SCANS --percent 20 --output_dir shrunk
    python scripts/morphometry/atrophy_scans.py --dataset_dir SCANS --percent 0 5 10 --output_dir scans

A ball around a place of the MNI152 template, by default in the left hippocampus, is shrunk in every second
scan, or in all, by a smooth deformation that is the identity two radii away
(`mrrecon.simulate.shrink_region`); `--centre` may be given several times. Writes `<name>.nii.gz` of all
scans, those of the other group as they were, and `participants.csv` with their groups, for `--participants`
of `study.json`; of several percentages, each into a folder of its own. A scan whose file is there already is
not made again.
"""

import argparse
import sys
from functools import cache
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch

from mrrecon.data import common_folder, scan_list
from mrrecon.files import atomic_path, output_stem, write_table
from mrrecon.morphometry import segment_tissues
from mrrecon.simulate import LEFT_HIPPOCAMPUS, shrink_region


def main() -> None:
    """Writes the scans and the tables."""
    options = _options()
    scans = scan_list(options.dataset_dir, options.datalist)
    root, rows = common_folder(scans), []
    alone = len(options.percent) == 1
    folders = {p: options.output_dir / ("" if alone else f"{p:g}") for p in options.percent}
    for number, scan in enumerate(scans):
        ill = options.everyone or number % 2 == 0
        image: Any = nibabel.load(scan["image"])
        values = np.asarray(image.dataobj)
        places = cache(lambda v=values, a=image.affine: places_in(v, a, options.centre))
        for percent, folder in folders.items():
            stem = Path(output_stem(scan["image"], folder, root))
            if not Path(f"{stem}.nii.gz").exists():
                lost = percent if ill else 0
                written = shrunk(values, image.affine, places(), options.radius, lost) if lost else values
                with atomic_path(f"{stem}.nii.gz") as temporary:
                    nibabel.save(nibabel.Nifti1Image(written, image.affine), temporary)
        rows.append({"participant_id": stem.name, "group": "atrophy" if ill else "control"})
        print(f"{number + 1}/{len(scans)} {stem.name}: {rows[-1]['group']}", file=sys.stderr, flush=True)
    for folder in folders.values():
        write_table(folder / "participants.csv", rows)


def places_in(values: np.ndarray, affine: np.ndarray, centres: list[list[float]] | None) -> list[list[float]]:
    """Where the places of the template lie in a scan, mm."""
    alignment = segment_tissues(values.astype(np.float32), affine).alignment
    if alignment is None:
        raise ValueError("the scan could not be aligned with the template")
    places: list[list[float]] = alignment.scan_points(
        torch.tensor(centres or [LEFT_HIPPOCAMPUS]).T
    ).T.tolist()
    return places


def shrunk(
    values: np.ndarray, affine: np.ndarray, places: list[list[float]], radius: float, percent: float
) -> np.ndarray:
    """The scan, in its type, with the balls around the places smaller."""
    image = torch.from_numpy(values.astype(np.float32))
    for centre in places:
        image, _ = shrink_region(image, affine, centre=centre, radius=radius, percent=percent)
    result = image.numpy()
    if np.issubdtype(values.dtype, np.integer):
        limits = np.iinfo(values.dtype)
        result = np.rint(result).clip(limits.min, limits.max)
    # Cubic interpolation rings a little: what it leaves outside of an extracted brain is none.
    rings = (result != values) & (result < 0.02 * float(values.max())) & bool((values == 0).any())
    moved: np.ndarray = np.where(rings, 0, result).astype(values.dtype)
    return moved


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset_dir", default="", help="scan, or folder of scans")
    parser.add_argument("--datalist", default="", help="JSON or CSV list of scans")
    parser.add_argument("--output_dir", type=Path, required=True)
    parser.add_argument(
        "--centre", nargs=3, type=float, action="append", help="MNI, mm; several times: several"
    )
    parser.add_argument("--everyone", action="store_true", help="shrink it in all scans")
    parser.add_argument("--radius", type=float, default=15.0, help="mm")
    parser.add_argument("--percent", nargs="+", type=float, default=[20.0], help="of the volume of the ball")
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""Scans of which every second has lost a known part of a region: a study whose answer is known.

    python scripts/morphometry/atrophy_scans.py --dataset_dir SCANS --percent 20 --output_dir shrunk

A ball around a place of the MNI152 template, by default in the left hippocampus, is shrunk in the scans of
even number by a smooth deformation that is the identity two radii away (`mrrecon.simulate.shrink_region`).
Writes `<name>.nii.gz` of all scans, those of the other group as they were, and `participants.csv` with their
groups, for `--participants` of `study.json`.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch

from mrrecon.data import common_folder, scan_list
from mrrecon.files import atomic_path, output_stem, write_table
from mrrecon.morphometry import segment_tissues
from mrrecon.simulate import shrink_region


def main() -> None:
    """Writes the scans and the table."""
    options = _options()
    scans = scan_list(options.dataset_dir, options.datalist)
    root, rows = common_folder(scans), []
    for number, scan in enumerate(scans):
        path = scan["image"]
        image: Any = nibabel.load(path)
        stem = Path(output_stem(path, options.output_dir, root))
        ill = number % 2 == 0
        values = np.asarray(image.dataobj)
        if ill:
            values = shrunk(values, image.affine, options)
        with atomic_path(f"{stem}.nii.gz") as temporary:
            nibabel.save(nibabel.Nifti1Image(values, image.affine), temporary)
        rows.append({"participant_id": stem.name, "group": "atrophy" if ill else "control"})
        print(f"{number + 1}/{len(scans)} {stem.name}: {rows[-1]['group']}", file=sys.stderr, flush=True)
    write_table(options.output_dir / "participants.csv", rows)


def shrunk(values: np.ndarray, affine: np.ndarray, options: argparse.Namespace) -> np.ndarray:
    """The scan, in its type, with the region around the place of the template smaller."""
    alignment = segment_tissues(values.astype(np.float32), affine).alignment
    if alignment is None:
        raise ValueError("the scan could not be aligned with the template")
    place = torch.tensor(options.centre, dtype=torch.float32)[:, None]
    centre = alignment.scan_points(place)[:, 0].tolist()
    image = torch.from_numpy(values.astype(np.float32))
    found, _ = shrink_region(image, affine, centre=centre, radius=options.radius, percent=options.percent)
    result = found.numpy()
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
    parser.add_argument("--centre", nargs=3, type=float, default=[-26.0, -20.0, -16.0], help="MNI, mm")
    parser.add_argument("--radius", type=float, default=15.0, help="mm")
    parser.add_argument("--percent", type=float, default=20.0, help="of the volume of the ball")
    return parser.parse_args()


if __name__ == "__main__":
    main()

r"""Scans of the weights in bundles/vqvae3d/models: synthesises heads from label maps, and writes the lists.

    python scripts/recipes/vqvae3d_data.py --brains ds002748 --heads ixi_2mm --labels synthseg \
        --output runs/data

``scans.json`` then has four lists of scans of different subjects. Of the sorted brains every fifth (the 5th,
10th, ...) is in ``kept_brains``, for the figures of the README; of the rest the 8th and 28th are in
``validation``. Of the sorted heads the last two are in ``kept_heads``. All others and the synthesised heads
are in ``training``, the brains twice, so that a quarter of the draws are heads. The kept ones are also in
lists of their own, ``kept_brains.json`` and ``kept_heads.json``.
"""

import argparse
import csv
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import torch
from tqdm import tqdm

from mrrecon.files import atomic_path
from mrrecon.simulate import FREESURFER_TISSUES, synthesize_head

N_HEADS = 24
N_KEPT_LABELS = 4  # of the sorted label maps the last ones, for synthetic scans that no weights have seen


def main() -> None:
    """Write ``heads/*.nii.gz`` and ``scans.json``."""
    options = parse_options()
    brains = sorted(options.brains.glob("*.nii.gz"))
    kept = brains[4::5]
    rest = [path for path in brains if path not in kept]
    validation = rest[7::20]
    heads = sorted(options.heads.glob("*_ds.nii.gz"))
    lists = {
        "training": 2 * [path for path in rest if path not in validation]
        + heads[:-2]
        + synthetic_heads(options.labels, options.output / "heads"),
        "validation": validation,
        "kept_brains": kept,
        "kept_heads": heads[-2:],
    }
    content = {name: [str(path.resolve()) for path in paths] for name, paths in lists.items()}
    write(options.output / "scans.json", content)
    for name in ("kept_brains", "kept_heads"):
        write(options.output / f"{name}.json", content[name])


def write(path: Path, content: object) -> None:
    """A JSON file, whole or not there."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1))


def parse_options() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--brains", type=Path, required=True, help="folder of brain-extracted scans")
    parser.add_argument("--heads", type=Path, required=True, help="folder of whole-head scans, *_ds.nii.gz")
    parser.add_argument("--labels", type=Path, required=True, help="label maps and label_mapping.csv")
    parser.add_argument("--output", type=Path, required=True)
    return parser.parse_args()


def synthetic_heads(folder: Path, output: Path) -> list[Path]:
    """Whole heads synthesised from all label maps but the kept ones; those that are there already stay."""
    with (folder / "label_mapping.csv").open() as stream:
        values = [int(row["source_value"]) for row in csv.DictReader(stream)]
    tissues = {label: FREESURFER_TISSUES[value] for label, value in enumerate(values)}
    maps = sorted(folder.glob("*.nii.gz"))[:-N_KEPT_LABELS]
    paths = [output / f"head_{number:02d}.nii.gz" for number in range(N_HEADS)]
    for number, path in enumerate(tqdm(paths, desc="heads")):
        if not path.exists():
            scan = nib.as_closest_canonical(nib.load(maps[number % len(maps)]))
            labels = torch.from_numpy(np.ascontiguousarray(scan.dataobj))
            generator = torch.Generator().manual_seed(1000 + number)
            head = synthesize_head(labels, tissues=tissues, generator=generator).image.numpy()
            scaled = np.clip(head / np.percentile(head, 99.95) * 255, 0, 255).round().astype(np.uint8)
            with atomic_path(path) as temporary:
                nib.save(nib.Nifti1Image(scaled[box(scaled > 25)], np.eye(4)), temporary)
    return paths


def box(where: np.ndarray, *, margin: int = 4) -> tuple[slice, ...]:
    """The slices in which a mask has more than 20 voxels, and a margin."""
    sides = []
    for axis in range(3):
        count = where.sum(axis=tuple(other for other in range(3) if other != axis))
        slices = np.flatnonzero(count > 20)
        sides.append(slice(max(0, slices[0] - margin), slices[-1] + 1 + margin))
    return tuple(sides)


if __name__ == "__main__":
    main()

"""Scans as a rival codec gives them back, for the comparison of their anatomy.

    python benchmarks/rival_scans.py --datalist scans.json --codec AV1 --quality 54 --output_dir decoded/av1
    python -m monai.bundle run --config_file scripts/morphometry/tissues.json --dataset_dir decoded/av1 ...

Writes `<name>_recon.nii.gz` with the shape, the affine and the units of the scan, and `rates.csv`: the bytes
of each stream and their percent of float32. The slices are arranged for all scans as suits the first best.
Scans are scaled as the bundle `vqvae3d` scales them. Needs the extra `bench`.
"""

import argparse
import sys
from pathlib import Path

from measure import without_spinning


def main() -> None:
    """Decodes each scan that is not there yet."""
    without_spinning()
    arguments = _arguments()

    import nibabel
    import numpy as np
    from rival_codecs import RIVALS, percent_of_float32

    from mrrecon.data import common_folder, scan_list
    from mrrecon.files import atomic_path, output_stem, write_table

    rivals = [
        rival for rival in RIVALS if rival.name == arguments.codec and arguments.options in rival.options
    ]
    if not rivals:
        known = "; ".join(f"{rival.name} ({rival.options})" for rival in RIVALS)
        raise SystemExit(f"--codec {arguments.codec!r} --options {arguments.options!r}: there are {known}")
    rival, arrangement, rows = rivals[0], None, []
    scans = scan_list(arguments.dataset_dir, arguments.datalist, key=arguments.key)
    root = common_folder(scans)
    for number, scan in enumerate(scans, start=1):
        path = scan["image"]
        image = nibabel.load(path)
        values = np.asarray(image.dataobj, dtype=np.float32)
        low, high = np.percentile(values, [0.05, 99.95])
        volume = (values - low) / (high - low)
        # Slices as a radiologist's, whatever way the file stores them.
        turned = nibabel.as_closest_canonical(nibabel.Nifti1Image(volume, image.affine))
        canonical = np.ascontiguousarray(np.asarray(turned.dataobj, dtype=np.float32))
        arrangement = arrangement or rival.best_arrangement(canonical)
        coded = rival.code(canonical, arguments.quality, arrangement=arrangement)
        back = nibabel.orientations.ornt_transform(
            nibabel.io_orientation(turned.affine), nibabel.io_orientation(image.affine)
        )
        decoded = nibabel.orientations.apply_orientation(coded.image, back) * (high - low) + low
        target = output_stem(path, arguments.output_dir, root)
        with atomic_path(f"{target}_recon.nii.gz") as temporary:
            nibabel.save(nibabel.Nifti1Image(decoded.astype(np.float32), image.affine), temporary)
        percent = percent_of_float32(coded.n_bytes, volume.size)
        rows.append({"scan": Path(path).name, "bytes": coded.n_bytes, "percent": round(percent, 5)})
        print(f"{number}/{len(scans)} {rows[-1]}", file=sys.stderr, flush=True)
    write_table(arguments.output_dir / "rates.csv", rows)
    mean = sum(row["percent"] for row in rows) / len(rows)
    print(f"{rival.name}, {rival.setting(arguments.quality)}, {arrangement}: {mean:.3f} % of float32")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset_dir", default="", help="scan, or folder of scans")
    parser.add_argument("--datalist", default="", help="JSON or CSV list of scans")
    parser.add_argument("--key", default="training", help="list in it")
    parser.add_argument("--codec", required=True, help="AV1, HEVC, JPEG XL or JPEG 2000")
    parser.add_argument("--options", default="", help="part of the options of the codec: half the pixels")
    parser.add_argument("--quality", type=int, required=True)
    parser.add_argument("--output_dir", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()

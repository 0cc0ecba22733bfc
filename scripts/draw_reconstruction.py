"""The picture of a scan beside its reconstruction, as the README shows it.

python scripts/draw_reconstruction.py scan.nii.gz output/mine/scan_recon.nii.gz docs/pictures/vqvae3d.png
"""

import argparse
from pathlib import Path

import nibabel as nib
import numpy as np

from mrrecon.files import atomic_path
from mrrecon.report import reconstruction_figure, spacing_and_axes


def main() -> None:
    """Draw it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("scan", type=Path)
    parser.add_argument("reconstruction", type=Path)
    parser.add_argument("picture", type=Path)
    options = parser.parse_args()
    scan = nib.Nifti1Image.from_filename(options.scan)
    original = np.asarray(scan.dataobj, dtype=np.float32)
    reconstruction = np.asarray(
        nib.Nifti1Image.from_filename(options.reconstruction).dataobj, dtype=np.float32
    )
    spacing, axis_codes = spacing_and_axes(scan.affine)
    picture = reconstruction_figure(
        original,
        reconstruction,
        data_range=(0.0, float(np.percentile(original, 99.95))),
        spacing=spacing,
        axis_codes=axis_codes,
    )
    with atomic_path(options.picture) as temporary:
        temporary.write_bytes(picture)


if __name__ == "__main__":
    main()

r"""A scan and what its vector keeps, new brains, and the way between two scans: what a README shows.

python scripts/draw_latent.py docs/pictures/alpha_wgan3d.png OUT/scan_recon.nii.gz scan.nii.gz \
    OUT/sample_00*.nii.gz --between OUT/a_to_b.nii.gz

Reconstruction and scan lie on one grid; the first three samples are shown, and five images of the way.
"""

import argparse
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from PIL import Image

from mrrecon.files import atomic_path
from mrrecon.report.middle_slice import MiddleSlice
from mrrecon.report.strip import Picture, draw_strip

WIDTH = 1100


def main() -> None:
    """Draw it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("picture", type=Path)
    parser.add_argument("recon", type=Path)
    parser.add_argument("scan", type=Path)
    parser.add_argument("samples", type=Path, nargs="+", help="at least three")
    parser.add_argument("--between", type=Path, required=True, help="image of four axes")
    options = parser.parse_args()
    top = [panel("scan", options.scan), panel("from its vector", options.recon)]
    top += [panel(f"new brain {number}", path) for number, path in enumerate(options.samples[:3], start=1)]
    n = nib.Nifti1Image.from_filename(options.between).shape[3]
    places = np.linspace(0, n - 1, 5).round().astype(int)
    names = ["one scan", "", "half way", "", "another"]
    below = [panel(name, options.between, at=int(at)) for name, at in zip(names, places, strict=True)]
    strips = [draw_strip(row, width=WIDTH) for row in (top, below)]
    canvas = Image.new("RGB", (WIDTH, sum(strip.height for strip in strips)))
    canvas.paste(strips[0], (0, 0))
    canvas.paste(strips[1], (0, strips[0].height))
    with atomic_path(options.picture) as temporary:
        canvas.save(temporary, format="PNG", optimize=True)


def panel(name: str, path: Path, *, at: int | None = None) -> Picture:
    """The middle axial slice of an image, or of one along its fourth axis, its brightest white."""
    image: Any = nib.as_closest_canonical(nib.Nifti1Image.from_filename(path))
    values = np.asarray(image.dataobj, dtype=np.float64)
    volume = values if at is None else values[..., at]
    spacing = tuple(float(side) for side in image.header.get_zooms()[:3])
    piece = MiddleSlice(volume.shape, spacing, "RAS")
    piece.through, piece.at, piece.aspect = 2, volume.shape[2] // 2, spacing[1] / spacing[0]
    return Picture(
        name, piece.cut(volume), low=0.0, high=float(np.percentile(volume, 99.9)), aspect=piece.aspect
    )


if __name__ == "__main__":
    main()

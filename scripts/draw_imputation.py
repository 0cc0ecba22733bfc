"""One slice as it was measured, completed, and how sure it is, side by side, as the README shows it.

python scripts/draw_imputation.py docs/pictures/sparse_vae2d.png output/sparse_vae2d/scan scan.nii.gz

The outputs of a run with ``--simulate True`` are named by their common beginning; the last argument is the
complete scan, of which the slice of the outputs is found by its place.
"""

import argparse
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine
from PIL import Image, ImageDraw, ImageFont

from mrrecon.files import atomic_path

GAP = 6
CAPTION = 28


def main() -> None:
    """Draw it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("picture", type=Path)
    parser.add_argument("outputs", help="beginning of the names of the outputs, without _recon.nii.gz")
    parser.add_argument("scan", type=Path, help="the complete scan")
    parser.add_argument("--scale", type=int, default=2, help="pixels of the picture for one of the image")
    options = parser.parse_args()
    recon = nib.Nifti1Image.from_filename(f"{options.outputs}_recon.nii.gz")
    arrays = [
        np.asarray(nib.Nifti1Image.from_filename(f"{options.outputs}_{name}.nii.gz").dataobj)
        for name in ("recon", "std", "completions")
    ]
    (mean, std), draws = (flat(array) for array in arrays[:2]), np.squeeze(arrays[2])
    truth = flat(matching(nib.as_closest_canonical(nib.Nifti1Image.from_filename(options.scan)), recon))
    white = float(np.percentile(truth, 99.5))
    measured = np.where(std == 0, mean, 0)
    panels = {
        "measured": measured / white,
        "mean of completions": mean / white,
        "one completion": flat(draws[..., 0]) / white,
        "another": flat(draws[..., 1]) / white,
        f"standard deviation, x{white / np.percentile(std, 99.5):.0f}": std / np.percentile(std, 99.5),
        "truth": truth / white,
    }
    height, width = (options.scale * n for n in truth.T.shape)
    page = Image.new("L", (3 * (width + GAP) - GAP, 2 * (height + CAPTION)), 255)
    pen = ImageDraw.Draw(page)
    for number, (name, image) in enumerate(panels.items()):
        left, top = number % 3 * (width + GAP), number // 3 * (height + CAPTION)
        grey = Image.fromarray((255 * np.clip(image.T[::-1], 0, 1)).astype(np.uint8))
        page.paste(grey.resize((width, height), Image.Resampling.NEAREST), (left, top + CAPTION))
        pen.text((left + 4, top + 2), name, fill=0, font=ImageFont.load_default(20))
    with atomic_path(options.picture) as temporary:
        page.save(temporary, format="PNG", optimize=True)


def flat(image: np.ndarray) -> np.ndarray:
    """The only slice of an image."""
    return np.squeeze(image).astype(np.float64)


def matching(scan: nib.Nifti1Image, piece: nib.Nifti1Image) -> np.ndarray:
    """Voxels of a scan that lie where those of a piece of it do."""
    start = apply_affine(np.linalg.inv(scan.affine) @ piece.affine, [0, 0, 0]).round().astype(int)
    part = tuple(slice(first, first + n) for first, n in zip(start, piece.shape[:3], strict=True))
    return np.asarray(scan.dataobj)[part]


if __name__ == "__main__":
    main()

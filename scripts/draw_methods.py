"""Reconstructions of one slice side by side, as the README shows them, in the grey levels of the last one.

python scripts/draw_methods.py docs/pictures/methods.png zero-filled=a_recon.nii.gz tv=b_recon.nii.gz
"""

import argparse
from pathlib import Path

import nibabel as nib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mrrecon.files import atomic_path

GAP = 6
CAPTION = 28


def main() -> None:
    """Draw them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("picture", type=Path)
    parser.add_argument("images", nargs="+", metavar="NAME=FILE")
    parser.add_argument("--scale", type=int, default=2, help="pixels of the picture for one of the image")
    options = parser.parse_args()
    pairs = [given.split("=", 1) for given in options.images]
    slices = [np.squeeze(np.asarray(nib.Nifti1Image.from_filename(path).dataobj)) for _, path in pairs]
    white = float(np.percentile(slices[-1], 99.5))
    height, width = (options.scale * n for n in slices[0].shape)
    page = Image.new("L", (len(slices) * (width + GAP) - GAP, height + CAPTION), 255)
    draw = ImageDraw.Draw(page)
    for i, ((name, _), image) in enumerate(zip(pairs, slices, strict=True)):
        grey = Image.fromarray((255 * np.clip(image / white, 0, 1)).astype(np.uint8))
        left = i * (width + GAP)
        page.paste(grey.resize((width, height), Image.Resampling.LANCZOS), (left, CAPTION))
        draw.text((left + 4, 2), name, fill=0, font=ImageFont.load_default(20))
    with atomic_path(options.picture) as temporary:
        page.save(temporary, format="PNG", optimize=True)


if __name__ == "__main__":
    main()

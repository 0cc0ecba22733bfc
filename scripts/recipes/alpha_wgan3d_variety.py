"""How different new brains are from each other and from those of the training, and how far a mean brain gets.

    python scripts/recipes/alpha_wgan3d_variety.py --datalist runs/data/brains.json --samples OUT

``OUT`` holds ``sample_*.nii.gz`` of the run id ``sample``; the list has ``training`` and ``kept``. All images
are compared on the grid of the samples, 64 x 64 x 64 voxels of 3 mm, from 0 to 1.
"""

import argparse
import itertools
import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.transforms import Compose, LoadImaged, Orientationd
from torch import Tensor

from mrrecon.metrics import ms_ssim, psnr
from mrrecon.transforms import FieldOfViewd, ScaleIntensityRobustd


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--datalist", type=Path, required=True)
    parser.add_argument("--samples", type=Path, required=True, help="folder")
    options = parser.parse_args()
    lists = json.loads(options.datalist.read_text())
    training, kept = (views(lists[name]) for name in ("training", "kept"))
    files: list[Any] = [
        nib.Nifti1Image.from_filename(path) for path in sorted(options.samples.glob("*.nii.gz"))
    ]
    samples = [torch.from_numpy(np.asarray(file.dataobj, dtype=np.float32))[None, None] for file in files]
    mean = torch.cat(training).mean(0, keepdim=True)
    for name, images in (("samples", samples), ("kept scans", kept)):
        pairs = [float(ms_ssim(a, b, data_range=1.0)) for a, b in itertools.combinations(images, 2)]
        print(f"{name}: MS-SSIM of pairs {statistics.fmean(pairs):.3f} ± {statistics.stdev(pairs):.3f}")
        near = [max(decibels(other, image) for other in training) for image in images]
        spread = f"{min(near):.1f} to {max(near):.1f} dB, mean {statistics.fmean(near):.1f}"
        print(f"{name}: nearest training scan {spread}")
    known = statistics.fmean(decibels(mean, image) for image in kept)
    print(f"kept scans: mean training scan {known:.2f} dB")


def decibels(a: Tensor, b: Tensor) -> float:
    """PSNR, range 1."""
    return float(psnr(a, b, data_range=1.0))


def views(paths: Sequence[str]) -> list[Tensor]:
    """Scans as the network sees them."""
    view = Compose(
        [
            LoadImaged("image", ensure_channel_first=True),
            Orientationd("image", axcodes="RAS", labels=None),
            ScaleIntensityRobustd("image", lower=0.05, upper=99.95),
            FieldOfViewd("image", size=64, spacing=3.0),
        ]
    )
    return [view({"image": path})["image"].as_tensor()[None] for path in paths]


if __name__ == "__main__":
    main()

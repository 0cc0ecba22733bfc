"""Claim: a scan is best coded at its own spacing.

    python benchmarks/resampling.py --dataset_dir scans --spacing 1 1 1
    python benchmarks/resampling.py --datalist runs/data/scans.json --key kept_heads --spacing 1 1 1

For each scan the PSNR (dB, data range 1) of the reconstruction on the scan's own grid: coded as it is;
brought to the given spacing (trilinear), coded and brought back; brought there and back without code. Beside
the first two stand the bytes of the codes: a finer grid buys quality with more codes.
"""

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path

import torch
from measure import without_spinning
from torch import Tensor

WEIGHTS = Path(__file__).resolve().parents[1] / "bundles" / "vqvae3d" / "models" / "model.pt"


def main() -> None:
    """Measures and prints a table."""
    without_spinning()
    from mrrecon.data import scan_list
    from mrrecon.handlers import load_weights
    from mrrecon.networks import MultiLevelVQVAE

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset_dir", default="", help="scan or folder; default: the embedded template")
    parser.add_argument("--datalist", default="", help="list of scans")
    parser.add_argument("--key", default="training", help="entry of the list")
    parser.add_argument("--spacing", type=float, nargs=3, default=(1.5, 1.5, 1.5), help="mm")
    parser.add_argument("--weights", default=str(WEIGHTS))
    options = parser.parse_args()

    network = MultiLevelVQVAE().eval()
    load_weights(network, options.weights)
    rows = []
    print(f"{'':58}{'as it is':>18}{'resampled':>18}{'no code':>9}")
    for scan in scan_list(options.dataset_dir, options.datalist, key=options.key):
        spacing, values = compared(scan["image"], options.spacing, network)
        rows.append(values)
        own = "x".join(f"{side:.2f}" for side in spacing)
        print(f"{Path(scan['image']).name:40}{own:>18}{line(values)}", flush=True)
    print(f"{'mean':58}{line([statistics.fmean(column) for column in zip(*rows, strict=True)])}")


def line(values: Sequence[float]) -> str:
    """PSNR and bytes of both ways, and PSNR without code."""
    direct, n_direct, resampled, n_resampled, back = values
    return f"{direct:8.2f}{n_direct:10,.0f}{resampled:8.2f}{n_resampled:10,.0f}{back:9.2f}"


def compared(
    path: str, spacing: tuple[float, ...], network: torch.nn.Module
) -> tuple[list[float], list[float]]:
    """Spacing of a scan; PSNR and bytes as it is, and at ``spacing``; PSNR resampled without code."""
    from monai.transforms import Compose, LoadImage, Orientation, Spacing

    from mrrecon.metrics import psnr
    from mrrecon.transforms import ScaleIntensityRobustd

    load = Compose([LoadImage(ensure_channel_first=True), Orientation("RAS", labels=None)])
    scan = ScaleIntensityRobustd("image", lower=0.05, upper=99.95)({"image": load(path)})["image"]
    x = scan.as_tensor()[None]

    def coded(image: Tensor) -> tuple[Tensor, int]:
        with torch.inference_mode():
            return network(image), sum(field.numel() for field in network.encode(image))

    resample = Spacing(spacing, mode="bilinear", padding_mode="zeros")
    there = resample(scan)
    back = resample.inverse(there.clone()).as_tensor()[None]
    direct, n_direct = coded(x)
    pred = there.clone()
    decoded, n_resampled = coded(there.as_tensor()[None])
    pred.data = decoded[0]
    returned = resample.inverse(pred).as_tensor()[None]
    quality = [float(psnr(y, x, data_range=1.0)) for y in (direct, returned, back)]
    return [float(side) for side in scan.pixdim], [quality[0], n_direct, quality[1], n_resampled, quality[2]]


if __name__ == "__main__":
    main()

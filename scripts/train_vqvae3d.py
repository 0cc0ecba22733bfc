"""The recipe of the weights in bundles/vqvae3d/models: on a CPU, to be stopped and resumed at any time.

    python scripts/train_vqvae3d.py --brains ds002748 --heads ixi_2mm --labels synthseg --output runs/baur
    python scripts/train_vqvae3d.py ... --loss adaptive --init runs/baur/model.pt --output runs/adaptive

``train.json`` of the bundle is the paper's recipe, for a week on a large GPU. This one is for two processor
cores and a few hours: scans in memory as bytes, bfloat16, patches of 64 voxels first and of 128 at the end,
one cosine.

Scans are split by subject: of the sorted brains every fifth (the 5th, 10th, ...) is kept for the figures of
the README, and of the rest the 8th and 28th watch over the training; of the sorted heads the last two are
kept, of the label maps the last four.
"""

import argparse
import csv
import json
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mrrecon.files import atomic_path
from mrrecon.losses import AdaptiveLoss, BaurLoss
from mrrecon.networks import MultiLevelVQVAE
from mrrecon.simulate import FREESURFER_TISSUES, synthesize_head

N_HEADS = 24  # synthesised
GAIN, GAMMA = (0.8, 1.15), (0.85, 1.15)


def main() -> None:
    """Train, save ``resume.pt`` every 250 steps and ``model.pt`` at the end."""
    options = parse_options()
    options.output.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    brains, heads, watch = read_scans(options)
    network = MultiLevelVQVAE().train()
    network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    if options.init:
        network.load_state_dict(torch.load(options.init, weights_only=True))
    loss = BaurLoss(gradient_weight=1 / 3) if options.loss == "baur" else AdaptiveLoss(scale_init=0.03)
    optimiser = torch.optim.Adam(
        [{"params": network.parameters(), "scale": 1.0}, {"params": list(loss.parameters()), "scale": 10.0}]
    )
    generator = torch.Generator().manual_seed(1)
    parts = {"net": network, "opt": optimiser, "loss": loss}
    resume = options.output / "resume.pt"
    step, seconds = load(resume, parts, generator) if resume.exists() else (0, 0.0)
    started = time.monotonic() - seconds
    with (options.output / "log.jsonl").open("a") as log:
        while step < options.steps:
            x = draw_batch(brains, heads, generator, large=step >= 0.6 * options.steps)
            rate = options.lr * min(1.0, (step + 1) / 200) * cosine(step / options.steps) + 1e-5
            for group in optimiser.param_groups:
                group["lr"] = rate * group["scale"]
            report = train_step(network, loss, optimiser, x)
            step += 1
            if step % 250 == 0 or step == options.steps:
                report |= {f"psnr_{k}": psnr_of(network, scan) for k, scan in enumerate(watch)}
                save(resume, parts, generator, step, time.monotonic() - started)
            if step % 50 == 0 or step == options.steps:
                usage = [round(quantizer.perplexity(), 1) for quantizer in network.quantizers]
                report |= {"step": step, "lr": rate, "perplexity": usage}
                report |= {"seconds": round(time.monotonic() - started)}
                log.write(json.dumps(report) + "\n")
                log.flush()
                print(report, flush=True)
    export(network, options.output / "model.pt")


def parse_options() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--brains", type=Path, required=True, help="folder of brain-extracted scans")
    parser.add_argument("--heads", type=Path, required=True, help="folder of whole-head scans, *_ds.nii.gz")
    parser.add_argument("--labels", type=Path, required=True, help="label maps and label_mapping.csv")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--loss", choices=("baur", "adaptive"), default="baur")
    parser.add_argument("--init", type=Path, help="weights to start from")
    parser.add_argument("--steps", type=int, default=7000)
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def read_scans(options: argparse.Namespace) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Brains and heads to train on, and two brains to watch over the training."""
    brains = sorted(options.brains.glob("*.nii.gz"))
    kept = brains[4::5]
    rest = [path for path in brains if path not in kept]
    watch = rest[7::20]
    heads = sorted(options.heads.glob("*_ds.nii.gz"))
    training = [path for path in rest if path not in watch]
    split = {"kept": kept + heads[-2:], "watch": watch, "train": training + heads[:-2]}
    with atomic_path(options.output / "split.json") as temporary:
        names = {name: [path.name for path in paths] for name, paths in split.items()}
        temporary.write_text(json.dumps(names, indent=1))
    for name, paths in {"kept_brains": kept, "kept_heads": heads[-2:]}.items():
        with atomic_path(options.output / f"{name}.json") as temporary:  # for --datalist
            temporary.write_text(json.dumps([str(path.resolve()) for path in paths], indent=1))
    synthetic = synthetic_heads(options.labels, options.output / "heads")
    return [read(p) for p in training], [read(p) for p in heads[:-2]] + synthetic, [read(p) for p in watch]


def read(path: Path) -> Tensor:
    """Scan as bytes, in RAS, its 99.95th percentile at 255."""
    scan = nib.as_closest_canonical(nib.load(path))
    return to_bytes(np.asarray(scan.dataobj, dtype=np.float32))


def to_bytes(volume: np.ndarray) -> Tensor:
    """Bytes with the 99.95th percentile at 255."""
    scaled = np.clip(volume / np.percentile(volume, 99.95) * 255, 0, 255)
    return torch.from_numpy(scaled.round().astype(np.uint8))


def synthetic_heads(folder: Path, cache: Path) -> list[Tensor]:
    """Whole heads synthesised from all label maps but the last four; kept in ``cache``."""
    cache.mkdir(exist_ok=True)
    with (folder / "label_mapping.csv").open() as stream:
        values = [int(row["source_value"]) for row in csv.DictReader(stream)]
    tissues = {label: FREESURFER_TISSUES[value] for label, value in enumerate(values)}
    maps = sorted(folder.glob("*.nii.gz"))[:-4]
    heads = []
    for number in range(N_HEADS):
        path = cache / f"{number:02d}.npy"
        if not path.exists():
            labels = np.asarray(nib.as_closest_canonical(nib.load(maps[number % len(maps)])).dataobj)
            labels = cropped(labels, labels > 0, margin=6)
            generator = torch.Generator().manual_seed(1000 + number)
            head = synthesize_head(torch.from_numpy(labels), tissues=tissues, generator=generator)
            volume = to_bytes(head.image.numpy()).numpy()
            with atomic_path(path) as temporary:
                np.save(temporary, cropped(volume, volume > 25, margin=4))
        heads.append(torch.from_numpy(np.load(path)))
    return heads


def cropped(volume: np.ndarray, where: np.ndarray, *, margin: int) -> np.ndarray:
    """The box in which a mask has more than 20 voxels in each slice, and a margin."""
    sides = []
    for axis in range(3):
        count = where.sum(axis=tuple(other for other in range(3) if other != axis))
        slices = np.flatnonzero(count > 20)
        sides.append(slice(max(0, slices[0] - margin), slices[-1] + 1 + margin))
    return np.ascontiguousarray(volume[tuple(sides)])


def draw_batch(
    brains: Sequence[Tensor], heads: Sequence[Tensor], generator: torch.Generator, *, large: bool
) -> Tensor:
    """Eight patches of 64 voxels a side, or one of 128, a quarter of them of heads: (batch, 1, D, H, W)."""
    side, n_patches = (128, 1) if large else (64, 8)
    patches = []
    for _ in range(n_patches):
        pool = heads if torch.rand(1, generator=generator) < 0.25 else brains
        patches.append(draw_patch(pool, side, generator))
    return torch.stack(patches).contiguous(memory_format=torch.channels_last_3d)


def draw_patch(pool: Sequence[Tensor], side: int, generator: torch.Generator) -> Tensor:
    """Random patch that is not empty, mirrored and with another contrast by chance: (1, side, side, side)."""
    scan = pool[int(torch.randint(len(pool), (1,), generator=generator))]
    scan = F.pad(scan, [width for n in reversed(scan.shape) for width in (0, max(0, side - n))])
    for _ in range(4):
        corner = [int(torch.randint(n - side + 1, (1,), generator=generator)) for n in scan.shape]
        patch = scan[tuple(slice(c, c + side) for c in corner)]
        if (patch > 25).float().mean() > 0.15:
            break
    x = patch.float() / 255
    if torch.rand(1, generator=generator) < 0.5:
        x = x.flip(0)
    gain = GAIN[0] + (GAIN[1] - GAIN[0]) * torch.rand(2, generator=generator)[0]
    gamma = GAMMA[0] + (GAMMA[1] - GAMMA[0]) * torch.rand(1, generator=generator)
    return (x.pow(gamma) * gain).clamp(0, 1.15)[None]


def train_step(
    network: MultiLevelVQVAE, loss: nn.Module, optimiser: torch.optim.Optimizer, x: Tensor
) -> dict[str, Any]:
    """One step down the gradient; what it measured."""
    with torch.autocast("cpu", torch.bfloat16):
        y, commitment = network(x)
    reconstruction = loss(y.float(), x)
    optimiser.zero_grad(set_to_none=True)
    (reconstruction + commitment).backward()
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    psnr = -10 * math.log10(float(F.mse_loss(y.detach().float(), x)))
    if not math.isfinite(psnr):
        sys.exit("the loss is not finite: resume from resume.pt with a smaller --lr")
    return {"loss": float(reconstruction), "commitment": float(commitment), "psnr": psnr}


def psnr_of(network: MultiLevelVQVAE, scan: Tensor) -> float:
    """PSNR of a whole scan in dB, data range 1."""
    x = (scan.float() / 255)[None, None]
    network.eval()
    with torch.no_grad():
        error = float(F.mse_loss(network(x), x))
    network.train()
    return round(-10 * math.log10(error), 3)


def cosine(part: float) -> float:
    """1 at the start, 0 at the end."""
    return 0.5 + 0.5 * math.cos(math.pi * part)


def save(path: Path, parts: dict[str, Any], generator: torch.Generator, step: int, seconds: float) -> None:
    """Everything that the next step depends on."""
    state = {name: part.state_dict() for name, part in parts.items()}
    with atomic_path(path) as temporary:
        torch.save({**state, "gen": generator.get_state(), "step": step, "time": seconds}, temporary)


def load(path: Path, parts: dict[str, Any], generator: torch.Generator) -> tuple[int, float]:
    """Step and seconds at which ``save`` was called."""
    state = torch.load(path, weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    generator.set_state(state["gen"])
    return int(state["step"]), float(state["time"])


def export(network: nn.Module, path: Path) -> None:
    """Weights in half precision (codebooks in single): half the file, and no more than 0.01 dB lost."""
    state = {
        name: value.half() if value.is_floating_point() and not name.startswith("quantize") else value
        for name, value in network.state_dict().items()
    }
    with atomic_path(path) as temporary:
        torch.save(state, temporary)


if __name__ == "__main__":
    main()

"""Figure 4 of the paper: the sparse fully connected layer against filling the holes.

    python scripts/experiments/figure4.py --mnist FOLDER --brains FOLDER --output output/figure4

The truth is the projection of complete images onto ten principal components of complete training images.
Projected from a part of their pixels: with zeros, the mean image or a linear interpolation in the holes; by
the sparse layer (eq. 10), and by the same with the ridge of probabilistic PCA (eq. 15). Once more with the
pixels in a random order, the same for all images. Then linear autoencoders learn from observed pixels
alone: their loss on observed pixels of validation images after each epoch, and at the end the error of all
pixels. Writes ``figure4.csv``, ``figure4_curves.csv``, ``figure4.md`` and, with the extra ``bench``,
``figure4.png``.
"""

import argparse
import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from figure4_picture import draw
from images import Images, Observed, Split, brains, digits, interpolated, observe
from linear_autoencoders import AUTOENCODERS, curves
from tables import markdown
from torch import Tensor

from mrrecon.files import atomic_path
from mrrecon.networks import SparseLinear

SPARSITIES = (10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99)
FILLINGS = ("zero", "mean", "interpolation", "sparse", "sparse + ridge")
N_COMPONENTS = 10

Row = dict[str, Any]


def main() -> None:
    """Computes, prints and writes."""
    options = _options()
    torch.set_num_threads(options.threads)
    rows: list[Row] = []
    learned: list[Row] = []
    for data, split in _splits(options).items():
        for order in ("plain", "permuted"):
            rows += projections(data, split, order=order, seed=options.seed)
        learned += curves(
            data,
            split,
            sparsity=options.sparsity,
            epochs=options.epochs,
            seed=options.seed,
            lr=options.lr,
        )
    options.output.mkdir(parents=True, exist_ok=True)
    _write(options.output / "figure4.csv", rows)
    _write(options.output / "figure4_curves.csv", learned)
    text = report(rows, learned)
    with atomic_path(options.output / "figure4.md") as temporary:
        temporary.write_text(text + "\n")
    draw(rows, learned, options.output / "figure4.png")
    print(text)


def _splits(options: argparse.Namespace) -> dict[str, Split]:
    found = {}
    if options.mnist:
        found["digits"] = digits(options.mnist, n_test=options.n_digits, seed=options.seed)
    if options.brains:
        found["patches"] = brains(
            options.brains, kind="patches", n_images=options.n_patches, seed=options.seed
        )
    if not found:
        raise ValueError("no data: give --mnist or --brains")
    return found


def principal_components(x: Tensor, n: int) -> tuple[Tensor, Tensor, Tensor, float]:
    """Mean, components (pixels, n), their variances, and the mean variance of all others."""
    mean = x.mean(0)
    rest = (x - mean).double()
    _, singular, rows = torch.linalg.svd(rest, full_matrices=False)
    variances = singular.square() / len(x)
    left = float(variances[n:].sum()) / (x.shape[1] - n)
    return mean, rows[:n].T.float().contiguous(), variances[:n].float(), left


def projections(data: str, split: Split, *, order: str, seed: int) -> list[Row]:
    """Errors of the projections of one data set at each sparsity, mean over the test images."""
    shape = split.test.x.shape[1:]
    place = torch.arange(shape[0] * shape[1])
    if order == "permuted":
        place = torch.randperm(len(place), generator=torch.Generator().manual_seed(seed))
    test = Images(split.test.x.flatten(1)[:, place].unflatten(1, shape), split.test.group)
    mean, components, variances, noise = principal_components(
        split.training.x.flatten(1)[:, place], N_COMPONENTS
    )
    truth = (test.x.flatten(1) - mean) @ components
    scale = float((truth - truth.mean(0)).square().mean())
    rows = []
    for sparsity in SPARSITIES:
        observed = observe(test, sparsity=sparsity, kind="pixels", seed=seed + sparsity)
        for filling in FILLINGS:
            pred = _projected(filling, observed, mean, components, variances, noise)
            errors = (pred - truth).square().mean(1)
            rows.append(
                {
                    "data": data,
                    "pixels": order,
                    "sparsity": sparsity,
                    "filling": filling,
                    "mse": float(errors.mean()),
                    "standard_error": float(errors.std()) / len(errors) ** 0.5,
                    "relative": float(errors.mean()) / scale,
                }
            )
        print(f"{data}, {order}: {sparsity} % done", file=sys.stderr, flush=True)
    return rows


def _projected(
    filling: str, observed: Observed, mean: Tensor, components: Tensor, variances: Tensor, noise: float
) -> Tensor:
    y, mask = observed.flat
    if filling.startswith("sparse"):
        # Of probabilistic PCA: a coordinate of unit variance moves the image by a column of this W.
        scale = (variances - noise).clamp(min=1e-12).sqrt() if "ridge" in filling else torch.ones(1)
        layer = SparseLinear(*components.shape, ridge=noise if "ridge" in filling else 0.0)
        with torch.no_grad():
            layer.weight.copy_(components * scale)
            layer.mean.copy_(mean)
            return layer(y, mask) * scale
    holes = {"zero": torch.zeros_like(y), "mean": mean.expand_as(y)}
    if filling == "interpolation":
        holes[filling] = interpolated(observed, "linear").flatten(1)
    return (torch.where(mask > 0, y, holes[filling]) - mean) @ components


def report(rows: Sequence[Row], learned: Sequence[Row]) -> str:
    """Markdown: errors relative to the variance of the true projection, and the ends of the curves."""
    parts = []
    for data, order in dict.fromkeys((row["data"], row["pixels"]) for row in rows):
        here = {(r["sparsity"], r["filling"]): r for r in rows if (r["data"], r["pixels"]) == (data, order)}
        parts.append(
            f"{data}, {order} pixels: mean squared error of the projection / variance of the projection\n"
        )
        body = []
        for sparsity in SPARSITIES:
            values = [float(here[sparsity, filling]["relative"]) for filling in FILLINGS]
            text = [f"{v:.4f}" if v < 100 else f"{v:.1e}" for v in values]
            text[values.index(min(values))] = f"**{text[values.index(min(values))]}**"
            body.append([f"{sparsity} %", *text])
        parts.append(markdown(["missing", *FILLINGS], body) + "\n")
        wins = [s for s in SPARSITIES if _sparse_wins(here, s)]
        parts.append(
            f"The sparse layer without ridge beats every filling at {', '.join(map(str, wins)) or 'no'} %.\n"
        )
    for data in dict.fromkeys(row["data"] for row in learned):
        ends = [_last(learned, data, name) for name in AUTOENCODERS]
        sparsity, epochs = ends[0]["sparsity"], ends[0]["epoch"]
        parts.append(
            f"{data}, {sparsity} % missing, linear autoencoders after {epochs} epochs, validation images: "
            "mean squared error, in thousandths\n"
        )
        table = [
            [end["filling"], *(f"{1000 * end[key]:.2f}" for key in ("observed", "missing", "all"))]
            for end in ends
        ]
        parts.append(markdown(["encoder", "observed", "missing", "all"], table) + "\n")
    return "\n".join(parts)


def _sparse_wins(here: Mapping[tuple[int, str], Row], sparsity: int) -> bool:
    fillings = [here[sparsity, name]["mse"] for name in FILLINGS if not name.startswith("sparse")]
    return bool(here[sparsity, "sparse"]["mse"] < min(fillings))


def _last(learned: Sequence[Row], data: str, filling: str) -> Row:
    return [row for row in learned if row["data"] == data and row["filling"] == filling][-1]


def _write(path: Path, rows: Sequence[Row]) -> None:
    with atomic_path(path) as temporary, temporary.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mnist", default="", help="folder of the digits' idx files")
    parser.add_argument("--brains", default="", help="folder or list of scans of extracted brains")
    parser.add_argument("--output", type=Path, default=Path("output/figure4"))
    parser.add_argument("--n_digits", type=int, default=500, help="test digits; 0 for all")
    parser.add_argument("--n_patches", nargs=3, type=int, default=[2000, 300, 200])
    parser.add_argument("--sparsity", type=int, default=75, help="percent missing for the autoencoders")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--lr", type=float, default=1e-2, help="learning rate of the autoencoders")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()

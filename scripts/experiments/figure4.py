"""Figure 4 of the paper: the sparse fully connected layer against filling the holes.

    python -m monai.bundle run --config_file scripts/experiments/figure4.json --mnist FOLDER --brains FOLDER

The truth is the projection of complete images onto ten principal components of complete training images.
Projected from a part of their pixels: with zeros, the mean image or a linear interpolation in the holes; by
the sparse layer (eq. 10), and by the same with the ridge of probabilistic PCA (eq. 15). Once more with the
pixels in a random order, the same for all images. Then linear autoencoders learn from observed pixels
alone: their loss on observed pixels of validation images after each epoch, and at the end the error of all
pixels. Writes ``figure4.csv``, ``figure4_curves.csv``, ``figure4.md`` and, with the extra ``bench``,
``figure4.png``.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mrrecon.files import atomic_path, write_table
from mrrecon.networks import SparseLinear
from mrrecon.threads import torch_threads
from scripts.experiments.data_sets import FOLDER, NUMBERS
from scripts.experiments.figure4_picture import draw
from scripts.experiments.images import Images, Observed, Split, brains, digits, interpolated, observe
from scripts.experiments.linear_autoencoders import AUTOENCODERS, curves
from scripts.experiments.options import PERCENT, Real, Text, Whole, check
from scripts.experiments.tables import markdown

SPARSITIES = (10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99)
FILLINGS = ("zero", "mean", "interpolation", "sparse", "sparse + ridge")
N_COMPONENTS = 10

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Figure4:
    """The figure of digits, of patches of brains, or of both.

    Args:
        mnist: folder of the digits' idx files; "" for none.
        brains: folder or list of scans of extracted brains; "" for none.
        output_dir: folder of what is written.
        n_digits: test digits; 0 for all.
        n_patches: patches of brains in training, validation and test.
        sparsity: what is missing for the autoencoders, in percent.
        epochs: of the autoencoders.
        lr: their learning rate.
        threads: of torch.
        seed: of choice, masks and weights.

    Raises:
        ValueError: an option is not what it may be.
    """

    mnist: str
    brains: str
    output_dir: str
    n_digits: int
    n_patches: Sequence[int]
    sparsity: int
    epochs: int
    lr: float
    threads: int
    seed: int

    def __post_init__(self) -> None:
        check(
            self,
            mnist=FOLDER,
            brains=FOLDER,
            output_dir=Text("output/figure4"),
            n_digits=Whole(0),
            n_patches=NUMBERS,
            sparsity=PERCENT,
            epochs=Whole(),
            lr=Real(),
            threads=Whole(),
            seed=Whole(0),
        )

    def run(self) -> None:
        """Computes, writes and prints.

        Raises:
            FileNotFoundError: there are no images where they should be.
            ValueError: no data was given, or it will not do.
        """
        if not (self.mnist or self.brains):
            raise ValueError("no data: give --mnist or --brains")
        rows: list[Row] = []
        learned: list[Row] = []
        with torch_threads(self.threads):
            for data, split in self._splits().items():
                for order in ("plain", "permuted"):
                    rows += projections(data, split, order=order, seed=self.seed)
                learned += curves(
                    data, split, sparsity=self.sparsity, epochs=self.epochs, seed=self.seed, lr=self.lr
                )
        folder = Path(self.output_dir)
        write_table(folder / "figure4.csv", rows)
        write_table(folder / "figure4_curves.csv", learned)
        text = report(rows, learned)
        with atomic_path(folder / "figure4.md") as temporary:
            temporary.write_text(text + "\n")
        draw(rows, learned, folder / "figure4.png")
        print(text)

    def _splits(self) -> dict[str, Split]:
        found = {}
        if self.mnist:
            found["digits"] = digits(self.mnist, n_test=self.n_digits, seed=self.seed)
        if self.brains:
            found["patches"] = brains(self.brains, kind="patches", n_images=self.n_patches, seed=self.seed)
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

"""Figure 5 of the paper: what completes digits, patches and slices of which 75 or 90 % is missing.

    python scripts/experiments/figure5.py --mnist FOLDER --brains FOLDER --output output/figure5
    python scripts/experiments/figure5.py --mnist FOLDER --cells mnist2/75/conv_sparse mnist/90
    python scripts/experiments/figure5.py --report --output output/figure5

A cell is a data set, a sparsity and a method. Each is computed alone, and added to ``figure5.jsonl`` when it
is done: a run that was stopped goes on where it was. ``--cells`` takes beginnings of their names. Methods
learn from observed pixels alone, through a mask drawn once for each image; the test images are of other
digits and other subjects, and are used once. Digits have no rim: networks pad to 32 x 32 pixels with
unobserved ones, and errors are over 28 x 28. ``--select`` chooses sigma and the weight of the divergence by
the error on observed pixels of the validation images that were hidden, and never looks at the test. So does
``--atoms`` in each cell of the dictionary, of the numbers of atoms given that an image may use.
"""

import argparse
import itertools
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from operator import itemgetter
from pathlib import Path

import torch
from fitting import Recipe, held_out_error, squared_errors
from images import Observed, Split, brains, digits, observe
from methods import METHODS, Learned, Settings, learn
from orderings import report
from tables import Cell, append_cell, mean_and_error, read_cells, rounded

from mrrecon.files import atomic_path

DATA = ("mnist2", "mnist", "mnist_rot", "fashion", "patches", "slices")
"""The paper's; mnist2 holds the digit 2 alone."""

DIGITS = ("mnist2", "mnist", "mnist_rot", "fashion")
LATENTS = {"patches": 100, "slices": 200}
"""Length of the code, where it is not the 10 of digits (paper, 4.3.2 and 4.4)."""

SPARSITIES = {"slices": (83,)}
"""In percent, where they are not 75 and 90: of slices five of six lines are missing."""


def main() -> None:
    """Computes what is missing, or reports."""
    options = _options()
    torch.set_num_threads(options.threads)
    path = options.output / "figure5.jsonl"
    wanted = cell_names(options)
    if options.select:
        select(options, wanted[0])
        return
    if not options.report:
        before = {name_of(cell): cell for cell in read_cells(path)}
        done = set(before)
        for name in done.intersection(wanted):
            if not made_alike(before[name], candidates(name, options)):
                raise ValueError(f"{path} holds {name} with other settings: give another --output")
        left = [name for name in wanted if name not in done]
        print(f"{len(wanted)} cells, {len(wanted) - len(left)} done")
        started = time.perf_counter()
        for number, name in enumerate(left, start=1):
            cell = compute(name, options)
            append_cell(path, cell)
            rest = (time.perf_counter() - started) / number * (len(left) - number)
            print(
                f"{number}/{len(left)} {name}: {_words(cell)}; about {rest / 60:.0f} min to go",
                flush=True,
            )
    text = report(read_cells(path), data=DATA, methods=METHODS)
    with atomic_path(options.output / "figure5.md") as temporary:
        temporary.write_text(text + "\n")
    print(text)


def cell_names(options: argparse.Namespace) -> list[str]:
    """Names of the cells that were asked for, ``data/sparsity/method``.

    Raises:
        ValueError: none, or a method, a data set or a beginning of a name that is not known.
    """
    given = {"mnist": options.mnist, "fashion": options.fashion, "brains": options.brains}
    names = []
    for data in DATA:
        if not given["fashion" if data == "fashion" else "mnist" if data in DIGITS else "brains"]:
            continue
        for sparsity in options.sparsity or SPARSITIES.get(data, (75, 90)):
            names += [f"{data}/{sparsity}/{method}" for method in METHODS]
    for prefix in options.cells:
        if not any(_begins(name, prefix) for name in names):
            raise ValueError(f"--cells {prefix} is the beginning of no cell: {', '.join(names) or 'no data'}")
    if options.cells:
        names = [name for name in names if any(_begins(name, prefix) for prefix in options.cells)]
    if not names and not options.report:
        raise ValueError("no cell: give --mnist, --fashion or --brains")
    return names


def _begins(name: str, prefix: str) -> bool:
    return f"{name}/".startswith(f"{prefix.rstrip('/')}/")


def name_of(cell: Cell) -> str:
    """Name of a cell that was computed."""
    return f"{cell['data']}/{cell['sparsity']}/{cell['method']}"


def load(data: str, options: argparse.Namespace) -> Split:
    """A data set by its name."""
    if data in DIGITS:
        folder = options.fashion if data == "fashion" else options.mnist
        only = 2 if data == "mnist2" else None
        return digits(
            folder, only=only, rotated=data == "mnist_rot", n_test=options.n_test, seed=options.seed
        )
    numbers = options.n_patches if data == "patches" else options.n_slices
    return brains(options.brains, kind=data, n_images=numbers, seed=options.seed)


def settings_of(data: str, options: argparse.Namespace) -> Settings:
    """Sizes and budget for a data set."""
    recipe = Recipe(
        steps=options.steps,
        batch=options.batch if data in DIGITS else max(1, options.batch // 4),
        lr=options.lr,
        kl_weight=options.kl_weight,
        seed=options.seed,
    )
    n_latents = LATENTS.get(data, 10)
    return Settings(
        recipe=recipe,
        channels=options.channels,
        n_latents=n_latents,
        # Four regions of a patch and six of a slice have together about the code of the whole.
        n_local=max(10, n_latents // 4),
        sigma=options.sigma,
        iterations=options.iterations,
        n_draws=options.n_draws,
    )


def candidates(name: str, options: argparse.Namespace) -> list[Settings]:
    """Settings of a cell; of the dictionary one for each number of atoms, of which one is to be chosen."""
    data, _, method = name.split("/")
    settings = settings_of(data, options)
    if method != "dictionary":
        return [settings]
    return [replace(settings, n_nonzero=n) for n in options.atoms]


def made_alike(cell: Cell, settings: Sequence[Settings]) -> bool:
    """Whether a cell was computed with these settings: those chosen from, and then that which was chosen."""
    tried = cell.get("tried", {cell["settings"]["n_nonzero"]: None})
    numbers = {one.n_nonzero for one in settings}
    return cell["settings"] in [asdict(one) for one in settings] and {int(n) for n in tried} == numbers


def kind_of(data: str) -> str:
    """Kind of the masks of a data set."""
    return "lines" if data == "slices" else "pixels"


def compute(name: str, options: argparse.Namespace) -> Cell:
    """Let the method of a cell learn, and judge it on the test images."""
    data, percent, method = name.split("/")
    sparsity, kind, seed = int(percent), kind_of(data), options.seed
    split = load(data, options)
    training, validation, test = (
        observe(images, sparsity=sparsity, kind=kind, seed=seed + 1 + number)
        for number, images in enumerate((split.training, split.validation, split.test))
    )
    found, seconds = [], 0.0
    for settings in candidates(name, options):
        start = time.perf_counter()
        learned = _learn(name, training, kind, settings)
        seconds += time.perf_counter() - start
        found.append((held_out_error(learned.complete, validation, kind=kind, seed=seed), settings, learned))
    error, settings, learned = min(found, key=itemgetter(0))
    pred = learned.complete(test)
    everywhere, missing = squared_errors(pred, split.test.x, test.mask)
    cell: Cell = {
        "data": data,
        "sparsity": sparsity,
        "method": method,
        "all": rounded(everywhere.tolist()),
        "missing": rounded(missing.tolist()),
        "groups": split.test.group.tolist(),
        "validation": error,
        "seconds": round(seconds, 2),
        "seconds_a_step": round(learned.seconds_a_step, 4),
        "n_training": len(training.y),
        "settings": asdict(settings),
    }
    if len(found) > 1:
        cell["tried"] = {one.n_nonzero: error for error, one, _ in found}
    return cell


def _learn(name: str, training: Observed, kind: str, settings: Settings) -> Learned:
    method = name.rpartition("/")[2]
    start = time.perf_counter()

    def tell(step: int, loss: float) -> None:
        if step + 1 in (10, 100) or (step + 1) % 500 == 0:
            a_step = (time.perf_counter() - start) / (step + 1)
            rest = a_step * (settings.recipe.steps - step - 1)
            print(
                f"  {name}: step {step + 1}, loss {loss:.4f}, {a_step:.3f} s a step, {rest:.0f} s to go",
                file=sys.stderr,
                flush=True,
            )

    return learn(method, training, kind=kind, settings=settings, on_step=tell)


def select(options: argparse.Namespace, name: str) -> None:
    """Print the error of a cell's method on hidden observed pixels of the validation set."""
    data, percent, method = name.split("/")
    split, kind = load(data, options), kind_of(data)
    training, validation = (
        observe(images, sparsity=int(percent), kind=kind, seed=options.seed + 1 + number)
        for number, images in enumerate((split.training, split.validation))
    )
    for sigma, kl_weight in itertools.product(options.select, options.select_kl):
        settings = settings_of(data, options)
        settings = replace(settings, sigma=sigma, recipe=replace(settings.recipe, kl_weight=kl_weight))
        complete = learn(method, training, kind=kind, settings=settings).complete
        error = held_out_error(complete, validation, kind=kind, seed=options.seed)
        print(f"{name}: sigma {sigma:g}, kl_weight {kl_weight:g}: {1000 * error:.3f} e-3", flush=True)


def _words(cell: Cell) -> str:
    mean, error = mean_and_error(cell["missing"], cell["groups"])
    tried = ", ".join(f"{n} atoms {1000 * value:.2f}" for n, value in cell.get("tried", {}).items())
    chosen = f" (hidden: {tried})" if tried else ""
    return f"missing {1000 * mean:.2f} ± {1000 * error:.2f} e-3, {cell['seconds']:.0f} s{chosen}"


def _options(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mnist", default="", help="folder of the digits' idx files")
    parser.add_argument("--fashion", default="", help="folder of Fashion-MNIST's idx files")
    parser.add_argument("--brains", default="", help="folder or list of scans of extracted brains")
    parser.add_argument("--output", type=Path, default=Path("output/figure5"))
    parser.add_argument("--cells", nargs="*", default=[], help="beginnings of the names of the cells wanted")
    parser.add_argument("--sparsity", nargs="*", type=int, default=[], help="percent missing")
    parser.add_argument("--report", action="store_true", help="compute nothing, write the tables")
    parser.add_argument("--select", nargs="*", type=float, default=[], help="values of sigma to compare")
    parser.add_argument("--select_kl", nargs="*", type=float, default=[1.0], help="and of kl_weight")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--batch", type=int, default=64, help="of digits; a quarter of it of brains")
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--sigma", type=float, default=0.03, help="chosen by --select from 0.03, 0.1")
    parser.add_argument("--kl_weight", type=float, default=1.0)
    parser.add_argument("--iterations", type=int, default=30, help="of EM and of the dictionary")
    parser.add_argument(
        "--atoms", nargs="+", type=int, default=[5], help="of an image; of several numbers the best is chosen"
    )
    parser.add_argument("--n_draws", type=int, default=10, help="completions averaged")
    parser.add_argument("--n_test", type=int, default=2000, help="test digits; 0 for all")
    parser.add_argument("--n_patches", nargs=3, type=int, default=[3000, 300, 500])
    parser.add_argument("--n_slices", nargs=3, type=int, default=[1050, 140, 100])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(words)


if __name__ == "__main__":
    main()

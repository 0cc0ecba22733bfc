"""Figure 5 of the paper: what completes digits, patches and slices of which 75 or 90 % is missing.

    RUN="python -m monai.bundle run --config_file scripts/experiments/figure5.json"
    $RUN --mnist FOLDER --brains FOLDER --output_dir output/figure5
    $RUN --mnist FOLDER --cells "['mnist2/75/conv_sparse','mnist/90']"
    $RUN --report True --output_dir output/figure5

A cell is a data set, a sparsity and a method. Each is computed alone, and added to ``figure5.jsonl`` when it
is done: a run that was stopped goes on where it was. ``--cells`` takes beginnings of their names. Methods
learn from observed pixels alone, through a mask drawn once for each image; the test images are of other
digits and other subjects, and are used once. Digits have no rim: networks pad to 32 x 32 pixels with
unobserved ones, and errors are over 28 x 28. ``--select`` chooses sigma and the weight of the divergence by
the error on observed pixels of the validation images that were hidden, and never looks at the test. So does
``--atoms`` in each cell of the dictionary, of the numbers of atoms given that an image may use.
"""

import itertools
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from operator import itemgetter
from pathlib import Path

from mrrecon.files import atomic_path
from mrrecon.threads import torch_threads
from scripts.experiments.data_sets import DATA, DataSets, kind_of, settings_for
from scripts.experiments.fitting import held_out_error, squared_errors
from scripts.experiments.images import Observed, Split, observe
from scripts.experiments.methods import METHODS, Learned, Settings, learn
from scripts.experiments.options import PERCENT, Flag, ListOf, Real, Text, Whole, check
from scripts.experiments.orderings import report
from scripts.experiments.tables import Cell, append_cell, mean_and_error, read_cells, rounded

SPARSITIES = {"slices": (83,)}
"""In percent, where they are not 75 and 90: of slices five of six lines are missing."""


@dataclass(frozen=True, kw_only=True)
class Figure5:
    """The figure: cells that are computed, kept and reported.

    Args:
        data_sets: where they lie.
        settings: sizes and budget of the methods, for digits.
        output_dir: folder of ``figure5.jsonl`` and ``figure5.md``.
        cells: beginnings of the names of the cells wanted; none for all.
        sparsity: what is missing, in percent; none for those of the paper.
        atoms: numbers of atoms of an image, of which each cell of the dictionary chooses the best.
        report: whether nothing is computed, and the tables are written.
        select: values of sigma to compare on the first of the cells; none to compute cells.
        select_kl: values of the weight of the divergence to compare with them.
        threads: of torch.
        seed: of masks and of what is hidden.

    Raises:
        ValueError: an option is not what it may be.
    """

    data_sets: DataSets
    settings: Settings
    output_dir: str
    cells: Sequence[str]
    sparsity: Sequence[int]
    atoms: Sequence[int]
    report: bool
    select: Sequence[float]
    select_kl: Sequence[float]
    threads: int
    seed: int

    def __post_init__(self) -> None:
        check(
            self,
            output_dir=Text("output/figure5"),
            cells=ListOf(Text("mnist/75"), "['mnist/75']", empty=True),
            sparsity=ListOf(PERCENT, "[75, 90]", empty=True),
            atoms=ListOf(Whole(1, self.settings.n_atoms), "[1, 2, 5]"),
            report=Flag(),
            select=ListOf(Real(), "[0.03, 0.1]", empty=True),
            select_kl=ListOf(Real(zero=True), "[0.5, 1]"),
            threads=Whole(),
            seed=Whole(0),
        )
        if self.report and self.select:
            raise ValueError(f"report=True and select={self.select!r} exclude each other: give one")

    def run(self) -> None:
        """Computes what is missing and reports, or compares settings.

        Raises:
            FileNotFoundError: there are no images where they should be, or no cells to report.
            ValueError: no such cell, no data, or cells of other settings.
        """
        wanted = self.cell_names()
        with torch_threads(self.threads):
            if self.select:
                self._compare(wanted[0])
                return
            if not self.report:
                self._complete(wanted)
        if not self._path.exists():
            raise FileNotFoundError(f"{self._path} does not exist: there is no cell to report")
        text = report(read_cells(self._path), data=DATA, methods=METHODS)
        with atomic_path(Path(self.output_dir) / "figure5.md") as temporary:
            temporary.write_text(text + "\n")
        print(text)

    @property
    def _path(self) -> Path:
        return Path(self.output_dir) / "figure5.jsonl"

    def cell_names(self) -> list[str]:
        """Names of the cells that were asked for, ``data/sparsity/method``.

        Raises:
            ValueError: none, or a beginning of a name that is not known.
        """
        columns = [
            f"{data}/{sparsity}"
            for data in self.data_sets.given
            for sparsity in self.sparsity or SPARSITIES.get(data, (75, 90))
        ]
        if not columns and not self.report:
            raise ValueError("no data: give --mnist, --fashion or --brains")
        names = [f"{column}/{method}" for column in columns for method in METHODS]
        for prefix in self.cells:
            if not any(_begins(name, prefix) for name in names):
                raise ValueError(
                    f"cells: {prefix} is the beginning of no cell: of the data given there are "
                    f"{', '.join(columns) or 'none'}, each with /{', /'.join(METHODS)}"
                )
        return [name for name in names if not self.cells or any(_begins(name, one) for one in self.cells)]

    def candidates(self, name: str) -> list[Settings]:
        """Settings of a cell; of the dictionary one for each number of atoms, of which one is chosen."""
        data, _, method = name.split("/")
        settings = settings_for(data, self.settings)
        if method != "dictionary":
            return [settings]
        return [replace(settings, n_nonzero=n) for n in self.atoms]

    def compute(self, name: str) -> Cell:
        """Let the method of a cell learn, and judge it on the test images."""
        data, percent, method = name.split("/")
        kind, split = kind_of(data), self.data_sets.load(data)
        training, validation, test = self._observed(split, int(percent), kind)
        found, seconds = [], 0.0
        for settings in self.candidates(name):
            start = time.perf_counter()
            learned = _learn(name, training, kind, settings)
            seconds += time.perf_counter() - start
            error = held_out_error(learned.complete, validation, kind=kind, seed=self.seed)
            found.append((error, settings, learned))
        error, settings, learned = min(found, key=itemgetter(0))
        pred = learned.complete(test)
        everywhere, missing = squared_errors(pred, split.test.x, test.mask)
        cell: Cell = {
            "data": data,
            "sparsity": int(percent),
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

    def _complete(self, wanted: Sequence[str]) -> None:
        """Computes the cells that are not there yet."""
        before = {name_of(cell): cell for cell in read_cells(self._path)}
        for name in wanted:
            if name in before and not made_alike(before[name], self.candidates(name)):
                raise ValueError(f"{self._path} holds {name} with other settings: give another --output_dir")
        left = [name for name in wanted if name not in before]
        _tell(f"{len(wanted)} cells, {len(wanted) - len(left)} done")
        started = time.perf_counter()
        for number, name in enumerate(left, start=1):
            cell = self.compute(name)
            append_cell(self._path, cell)
            rest = (time.perf_counter() - started) / number * (len(left) - number)
            _tell(f"{number}/{len(left)} {name}: {_words(cell)}; about {rest / 60:.0f} min to go")

    def _compare(self, name: str) -> None:
        """Prints the error of a cell's method on hidden observed pixels of the validation set."""
        data, percent, method = name.split("/")
        kind = kind_of(data)
        training, validation, _ = self._observed(self.data_sets.load(data), int(percent), kind)
        for sigma, kl_weight in itertools.product(self.select, self.select_kl):
            settings = settings_for(data, self.settings)
            settings = replace(settings, sigma=sigma, recipe=replace(settings.recipe, kl_weight=kl_weight))
            complete = learn(method, training, kind=kind, settings=settings).complete
            error = held_out_error(complete, validation, kind=kind, seed=self.seed)
            print(f"{name}: sigma {sigma:g}, kl_weight {kl_weight:g}: {1000 * error:.3f} e-3", flush=True)

    def _observed(self, split: Split, sparsity: int, kind: str) -> list[Observed]:
        """Training, validation and test with their masks."""
        return [
            observe(images, sparsity=sparsity, kind=kind, seed=self.seed + 1 + number)
            for number, images in enumerate((split.training, split.validation, split.test))
        ]


def _begins(name: str, prefix: str) -> bool:
    return f"{name}/".startswith(f"{prefix.rstrip('/')}/")


def name_of(cell: Cell) -> str:
    """Name of a cell that was computed."""
    return f"{cell['data']}/{cell['sparsity']}/{cell['method']}"


def made_alike(cell: Cell, settings: Sequence[Settings]) -> bool:
    """Whether a cell was computed with these settings: those chosen from, and then that which was chosen."""
    tried = cell.get("tried", {cell["settings"]["n_nonzero"]: None})
    numbers = {one.n_nonzero for one in settings}
    return cell["settings"] in [asdict(one) for one in settings] and {int(n) for n in tried} == numbers


def _learn(name: str, training: Observed, kind: str, settings: Settings) -> Learned:
    method = name.rpartition("/")[2]
    start = time.perf_counter()

    def tell(step: int, loss: float) -> None:
        if step + 1 in (10, 100) or (step + 1) % 500 == 0:
            a_step = (time.perf_counter() - start) / (step + 1)
            rest = a_step * (settings.recipe.steps - step - 1)
            _tell(f"  {name}: step {step + 1}, loss {loss:.4f}, {a_step:.3f} s a step, {rest:.0f} s to go")

    return learn(method, training, kind=kind, settings=settings, on_step=tell)


def _words(cell: Cell) -> str:
    mean, error = mean_and_error(cell["missing"], cell["groups"])
    tried = ", ".join(f"{n} atoms {1000 * value:.2f}" for n, value in cell.get("tried", {}).items())
    chosen = f" (hidden: {tried})" if tried else ""
    return f"missing {1000 * mean:.2f} ± {1000 * error:.2f} e-3, {cell['seconds']:.0f} s{chosen}"


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

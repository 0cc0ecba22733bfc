"""The experiments at tiny size, on made-up digits and brains."""

import itertools
import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser

from mrrecon.errors import sentence
from scripts.experiments.data_sets import DataSets
from scripts.experiments.figure4 import Figure4
from scripts.experiments.figure5 import Figure5, made_alike
from scripts.experiments.figure8 import Figure8
from scripts.experiments.figure8_report import report as figure8_report
from scripts.experiments.fitting import Recipe, hide, squared_errors, train
from scripts.experiments.images import Images, Observed, Split, brains, digits, observe
from scripts.experiments.linear_autoencoders import curves
from scripts.experiments.methods import METHODS, Settings, build, learn
from scripts.experiments.tables import append_cell, mean_and_error, read_cells, smaller

ROOT = Path(__file__).parents[2]
CONFIGS = Path("scripts", "experiments")
PARTS = {"imports", "data_sets", "recipe", "settings", "figure", "initialize", "run"}
FIGURES = pytest.mark.parametrize("number", [4, 5, 8])
SMALL = {"batch": 4, "channels": 2, "n_draws": 1, "iterations": 2, "threads": 1}


def config(number: int) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / CONFIGS / f"figure{number}.json").read_text())
    return loaded


def figure(number: int, **options: Any) -> Any:
    """A figure by its config, in this process."""
    assert set(options) <= set(config(number))
    options = {"ckpt": "w.pt", **options} if number == 8 else options
    parser = ConfigParser(config(number))
    parser.update({name: str(value) if isinstance(value, Path) else value for name, value in options.items()})
    return parser.get_parsed_content("figure")


def command(number: int, **options: Any) -> "subprocess.CompletedProcess[str]":
    """A figure by its config, as in the documentation."""
    words = [f"--{name}={value}" for name, value in options.items()]
    start = [
        sys.executable,
        "-m",
        "monai.bundle",
        "run",
        "--config_file",
        str(CONFIGS / f"figure{number}.json"),
    ]
    return subprocess.run([*start, *words], cwd=ROOT, capture_output=True, text=True, check=False)


def leaves(options: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in options.items():
        if isinstance(value, dict):
            yield from leaves(value)
        else:
            yield name, value


def another(name: str, value: Any) -> Any:
    """A value that will do for an option in place of its default."""
    if isinstance(value, list):
        return [item - 1 for item in value] or (["mnist"] if name == "cells" else [80])
    return not value if isinstance(value, bool) else "fashion" if isinstance(value, str) else value + 1


@pytest.fixture(scope="module")
def mnist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mnist")
    draw = np.random.default_rng(0)
    for name, n in (("train", 48), ("t10k", 12)):
        images, labels = draw.integers(0, 256, (n, 28, 28)), np.arange(n) % 2 + 1
        for kind, values in (("images-idx3", images), ("labels-idx1", labels)):
            head = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
            (folder / f"{name}-{kind}-ubyte").write_bytes(head + values.astype(np.uint8).tobytes())
    return folder


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("brains")
    draw = np.random.default_rng(0)
    for number in range(10):
        image = draw.integers(1, 255, (150, 4, 140)).astype(np.uint8)
        nib.save(nib.Nifti1Image(image, np.eye(4)), folder / f"sub-{number:02d}.nii.gz")
    return folder


def test_validation_is_the_last_sixth_and_no_digit_is_shared(mnist: Path) -> None:
    split = digits(mnist, only=2, n_test=4)
    assert [len(part.x) for part in (split.training, split.validation, split.test)] == [20, 4, 4]


def test_subjects_of_the_test_are_in_no_other_set(scans: Path) -> None:
    split = brains(scans, kind="slices", n_images=(16, 2, 4))
    fifth = nib.load(sorted(scans.iterdir())[4]).get_fdata()
    low, high = np.percentile(fifth, [0.05, 99.95])
    middle = split.test.x[0, 5:-5, 2:-2].numpy()
    np.testing.assert_allclose(middle, (fifth[:, 1] - low) / (high - low), atol=1e-5)
    others = torch.cat([split.training.x, split.validation.x]).sum((1, 2)).tolist()
    assert not set(split.test.x.sum((1, 2)).tolist()) & set(others)


def test_a_folder_of_brains_that_is_not_there_is_named_by_its_option() -> None:
    with pytest.raises(FileNotFoundError, match=r"brains='no-such-folder' does not exist: give a folder"):
        brains("no-such-folder", kind="slices", n_images=(16, 2, 4))


def test_masks_have_the_sparsity_asked_for_and_never_change() -> None:
    images = Images(torch.rand(3, 20, 20), torch.arange(3))
    first, again = (observe(images, sparsity=90, kind="pixels", seed=5) for _ in range(2))
    assert first.mask.sum((1, 2)).tolist() == [40, 40, 40]
    assert torch.equal(first.mask, again.mask)
    assert torch.equal(first.y, images.x * first.mask)


@pytest.mark.parametrize("kind", ["pixels", "lines"])
def test_only_observed_pixels_are_hidden(kind: str, generator: torch.Generator) -> None:
    mask = (torch.rand(20, 9, 9, generator=generator) < 0.3).float()
    left = hide(mask, kind=kind, generator=generator)
    assert bool((left <= mask).all())
    assert bool((left.sum((1, 2)) < mask.sum((1, 2))).all())


def test_a_method_never_learns_from_what_is_missing(mnist: Path) -> None:
    observed = observe(digits(mnist).training, sparsity=75, kind="pixels", seed=0)
    other = Observed(observed.y + 7 * (1 - observed.mask), observed.mask)
    few = Observed(observed.y[:3], observed.mask[:3])
    settings = Settings(recipe=Recipe(steps=2, batch=4), channels=2, iterations=2, n_atoms=5, n_draws=1)
    for method in METHODS:
        if "interp" not in method and method not in ("mean", "linear", "cubic"):
            a, b = (
                learn(method, y, kind="pixels", settings=settings).complete(few) for y in (observed, other)
            )
            assert torch.equal(a, b), method


def test_errors_are_taken_over_all_and_over_missing_pixels() -> None:
    x, mask = torch.zeros(1, 1, 4), torch.tensor([[[1.0, 1.0, 1.0, 0.0]]])
    everywhere, missing = squared_errors(torch.tensor([[[1.0, 0.0, 0.0, 2.0]]]), x, mask)
    assert (everywhere.item(), missing.item()) == (1.25, 4.0)


def test_images_of_one_subject_count_as_one_draw() -> None:
    mean, error = mean_and_error([1.0, 3.0, 6.0, 6.0], [0, 0, 1, 1])
    assert (mean, error) == (4.0, 2.0)


def test_orderings_are_decided_beyond_two_standard_errors() -> None:
    a = {"missing": [1.0, 2.0, 3.0], "groups": [0, 1, 2]}
    more, mixed = {"missing": [2.0, 3.1, 4.0]}, {"missing": [1.0, 2.0, 4.0]}
    assert smaller(a, more, "missing").startswith("holds (+1.03333")
    assert smaller({**more, "groups": [0, 1, 2]}, a, "missing").startswith("fails")
    assert smaller(a, mixed, "missing").startswith("undecided")


def test_a_line_cut_off_by_a_stop_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "cells.jsonl"
    append_cell(path, {"n": 1})
    path.write_text(path.read_text() + '{"n": 2, "er')
    assert read_cells(path) == [{"n": 1}]
    append_cell(path, {"n": 3})
    assert read_cells(path) == [{"n": 1}, {"n": 3}]


@FIGURES
def test_each_option_of_a_config_is_the_one_of_its_name(number: int) -> None:
    before = list(leaves(asdict(figure(number))))
    for name, value in config(number).items():
        if name not in PARTS:
            wanted = another(name, value)
            after = leaves(asdict(figure(number, **{name: wanted})))
            changed = [leaf for leaf, was in zip(after, before, strict=True) if leaf != was]
            assert changed, name
            assert all(leaf == (name, wanted) for leaf in changed), name


def test_defaults_stand_in_the_configs_alone() -> None:
    """Or are the same in both, where other code needs them too."""
    stated = [field for owner in (Figure4, Figure5, Figure8, DataSets) for field in fields(owner)]
    assert {field.default for field in stated} == {MISSING}
    assert figure(5).settings == figure(8).settings == Settings()


@pytest.mark.parametrize(
    ("number", "name", "value", "wanted"),
    [
        (4, "threads", 0, "a whole number of at least 1"),
        (4, "threads", True, "a whole number of at least 1"),
        (4, "mnist", 2024, "text such as './folder'"),
        (4, "output_dir", "", "text such as 'output/figure4'"),
        (4, "n_digits", -1, "a whole number of at least 0"),
        (4, "n_patches", [20, 3], "a list of 3 such as [3000, 300, 500], each a whole number of at least 1"),
        (
            4,
            "n_patches",
            [20, 3, 0],
            "a list of 3 such as [3000, 300, 500], each a whole number of at least 1",
        ),
        (4, "sparsity", 100, "a whole number from 1 to 99"),
        (4, "epochs", 2.5, "a whole number of at least 1"),
        (4, "lr", 0, "a number above 0"),
        (5, "cells", "mnist/75", "a list such as ['mnist/75'], each text such as 'mnist/75'"),
        (5, "sparsity", [0], "a list such as [75, 90], each a whole number from 1 to 99"),
        (5, "atoms", [101], "a list such as [1, 2, 5], each a whole number from 1 to 100"),
        (5, "atoms", [], "a list such as [1, 2, 5], each a whole number from 1 to 100"),
        (5, "report", 1, "True or False"),
        (5, "select", [0.0], "a list such as [0.03, 0.1], each a number above 0"),
        (5, "select_kl", [-1], "a list such as [0.5, 1], each a number of at least 0"),
        (5, "steps", 0, "a whole number of at least 1"),
        (5, "batch", "16", "a whole number of at least 1"),
        (5, "kl_weight", -1.0, "a number of at least 0"),
        (5, "sigma", float("nan"), "a number above 0"),
        (5, "n_draws", 0, "a whole number of at least 1"),
        (5, "n_slices", 100, "a list of 3 such as [3000, 300, 500], each a whole number of at least 1"),
        (5, "seed", -1, "a whole number of at least 0"),
        (8, "data", "cifar", "one of mnist2, mnist, mnist_rot, fashion, patches, slices"),
        (8, "ckpt", "", "text such as 'weights.pt'"),
        (8, "train", -1, "a whole number of at least 0"),
        (8, "n", 0, "a whole number of at least 1"),
        (8, "prior_lr", "fast", "a number above 0"),
        (8, "sparsity", [], "a list such as [50, 75, 90], each a whole number from 1 to 99"),
    ],
)
def test_an_option_that_will_not_do_is_named(number: int, name: str, value: Any, wanted: str) -> None:
    with pytest.raises(RuntimeError) as refused:
        figure(number, **{name: value})
    assert sentence(refused.value) == f"{name}={value!r} must be {wanted}"


@pytest.mark.parametrize(
    ("number", "options", "said"),
    [
        (4, {}, "no data: give --mnist or --brains"),
        (5, {"mnist": "nowhere"}, "nowhere holds no train*-images-idx3-ubyte*: give a folder of idx files"),
        (8, {"ckpt": "nowhere.pt"}, "nowhere.pt does not exist: give weights, or --train and their steps"),
    ],
)
def test_a_command_that_cannot_run_ends_with_one_sentence(
    number: int, options: dict[str, str], said: str, tmp_path: Path
) -> None:
    done = command(number, **options, output_dir=tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"error: {said}"
    assert "Traceback" not in done.stderr


def test_figure4_writes_its_tables_and_its_picture(mnist: Path, tmp_path: Path) -> None:
    done = command(4, mnist=mnist, epochs=1, n_digits=6, output_dir=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "sparse + ridge" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {
        "figure4.csv",
        "figure4_curves.csv",
        "figure4.md",
        "figure4.png",
    }


def test_figure5_goes_on_where_it_was_and_repeats_its_figures(
    mnist: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = ["mnist2/75/mean", "mnist2/75/conv_sparse", "mnist2/75/completion", "mnist2/75/dictionary"]
    options: dict[str, Any] = {"mnist": mnist, "cells": cells, "steps": 2, **SMALL}
    done = command(5, **options, output_dir=tmp_path / "a")
    assert done.returncode == 0, done.stderr
    first = (tmp_path / "a" / "figure5.jsonl").read_text()
    (tmp_path / "b").mkdir()
    kept = first.splitlines(keepends=True)
    (tmp_path / "b" / "figure5.jsonl").write_text("".join(kept[:2]) + kept[2][:50])
    figure(5, **options, output_dir=tmp_path / "b").run()
    again = (tmp_path / "b" / "figure5.jsonl").read_text()
    errors = [[(c["method"], c["missing"]) for c in map(json.loads, t.splitlines())] for t in (first, again)]
    assert errors[0] == errors[1]
    said = capsys.readouterr()
    assert "4 cells, 2 done" in said.err
    assert done.stdout.endswith(said.out)
    assert "completion better than" in said.out


def test_figure5_runs_each_method_on_slices(scans: Path, tmp_path: Path) -> None:
    sizes = {"n_slices": [20, 2, 2], "n_patches": [4, 2, 2], "steps": 2, **SMALL}
    cells = ["slices/83/conv_local_sparse", "slices/83/conv_FC_sparse", "slices/83/linear"]
    figure(5, brains=scans, cells=cells, **sizes, output_dir=tmp_path).run()
    assert len(read_cells(tmp_path / "figure5.jsonl")) == 3


def test_figure5_reports_what_is_there_without_data(
    mnist: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figure(5, mnist=mnist, cells=["mnist2/75/mean"], **SMALL, output_dir=tmp_path).run()
    before = capsys.readouterr().out
    figure(5, report=True, output_dir=tmp_path).run()
    assert capsys.readouterr().out == before
    with pytest.raises(FileNotFoundError, match=r"figure5\.jsonl does not exist: there is no cell to report"):
        figure(5, report=True, output_dir=tmp_path / "other").run()


def test_figure5_compares_values_of_sigma_and_writes_nothing(
    mnist: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = ["mnist2/75/conv_sparse"]
    values = {"select": [0.03, 0.1], "select_kl": [0.5, 1.0], "steps": 2, **SMALL}
    figure(5, mnist=mnist, cells=cells, **values, output_dir=tmp_path / "out").run()
    lines = capsys.readouterr().out.splitlines()
    wanted = itertools.product(("0.03", "0.1"), ("0.5", "1"))
    starts = [f"{cells[0]}: sigma {sigma}, kl_weight {kl_weight}:" for sigma, kl_weight in wanted]
    assert [line.rpartition(" e-3")[0].rpartition(" ")[0] for line in lines] == starts
    assert not (tmp_path / "out").exists()
    with pytest.raises(RuntimeError) as refused:
        figure(5, report=True, select=[0.1])
    assert sentence(refused.value) == "report=True and select=[0.1] exclude each other: give one"


def test_figure5_refuses_cells_that_were_computed_with_other_settings(mnist: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"mnist": mnist, "cells": ["mnist2/75/mean"], **SMALL, "output_dir": tmp_path}
    figure(5, **options).run()
    with pytest.raises(
        ValueError, match=r"holds mnist2/75/mean with other settings: give another --output_dir"
    ):
        figure(5, **{**options, "batch": 5}).run()


def dictionary(mnist: Path, *atoms: int) -> Any:
    it = figure(5, mnist=mnist, atoms=list(atoms), steps=2, **SMALL)
    cell = it.compute("mnist2/75/dictionary")
    return json.loads(json.dumps(cell)), it.candidates("mnist2/75/dictionary")


def test_figure5_chooses_the_number_of_atoms_by_hidden_pixels_of_the_validation(mnist: Path) -> None:
    alone = {n: dictionary(mnist, n)[0] for n in (1, 2, 3)}
    chosen, _ = dictionary(mnist, 3, 1, 2)
    errors = {str(n): cell["validation"] for n, cell in alone.items()}
    best = min(alone.values(), key=lambda cell: float(cell["validation"]))
    assert chosen["tried"] == errors
    assert {chosen[key] == best[key] for key in ("validation", "missing", "settings")} == {True}


def test_figure5_does_not_take_another_choice_of_atoms_for_its_own(mnist: Path) -> None:
    one, own = dictionary(mnist, 5)
    several, both = dictionary(mnist, 1, 5)
    assert made_alike(one, own)
    assert made_alike(several, both)
    assert not made_alike(one, both)
    assert not made_alike(several, own)


def test_figure5_refuses_an_unknown_cell() -> None:
    said = (
        "cells: mnist/75/conv is the beginning of no cell: of the data given there are mnist2/75, mnist2/90, "
    )
    with pytest.raises(ValueError, match=said):
        figure(5, mnist="here", cells=["mnist/75/conv"]).run()
    with pytest.raises(ValueError, match="no data: give --mnist, --fashion or --brains"):
        figure(5, cells=["mnist/75"]).run()


@pytest.mark.parametrize("steps", [1, 9])
def test_a_training_may_be_short(steps: int, generator: torch.Generator) -> None:
    observed = Observed(torch.rand(4, 16, 16, generator=generator), torch.ones(4, 16, 16))
    recipe = Recipe(steps=steps, batch=2)
    network = build("conv_sparse", (16, 16), Settings(recipe=recipe, channels=2))
    done: list[int] = []
    train(network, observed, recipe=recipe, on_step=lambda step, _: done.append(step))
    assert done == list(range(steps))


def test_linear_autoencoders_find_the_plane_of_the_images() -> None:
    """Images of rank 2: the sparse ones find them exactly in the end, those of filled images cannot."""
    generator = torch.Generator().manual_seed(0)
    axes = torch.randn(2, 36, generator=generator)
    x = (torch.randn(400, 2, generator=generator) @ axes).unflatten(1, (6, 6))
    parts = [Images(some, torch.arange(len(some))) for some in x.split([300, 50, 50])]
    rows = curves("planes", Split(*parts), sparsity=50, epochs=60, seed=0, n_latents=2)
    last = {row["filling"]: row["missing"] / float(x.var()) for row in rows if row["epoch"] == 60}
    assert last["sparse"] < 0.02
    assert last["sparse + ridge"] < 0.06
    assert last["zero"] > 0.04


def test_figure8_trains_its_network_and_compares(
    mnist: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options: dict[str, Any] = {
        "data": "mnist2",
        "mnist": mnist,
        "ckpt": tmp_path / "w.pt",
        "train": 2,
        "n": 1,
    }
    options |= {**SMALL, "sparsity": [50, 90], "output_dir": tmp_path / "out"}
    done = command(8, **options)
    assert done.returncode == 0, done.stderr
    cells = read_cells(tmp_path / "out" / "figure8.jsonl")
    assert len(cells) == 6
    figure(8, **options).run()
    assert read_cells(tmp_path / "out" / "figure8.jsonl") == cells
    said = capsys.readouterr().out
    assert done.stdout.endswith(said)
    assert "Error of the better prior less that of conv_sparse" in said


def test_figure8_refuses_data_that_was_not_given_and_other_weights(mnist: Path, tmp_path: Path) -> None:
    torch.save({"encoder.blocks.0.conv1.weight": torch.ones(1)}, tmp_path / "w.pt")
    options: dict[str, Any] = {"data": "mnist2", "ckpt": tmp_path / "w.pt", "output_dir": tmp_path}
    with pytest.raises(ValueError, match="no data: mnist2 needs --mnist"):
        figure(8, **options).run()
    with pytest.raises(ValueError, match="holds no weights of a SparseVAE 'conv_sparse'") as refused:
        figure(8, mnist=mnist, **options).run()
    assert sentence(refused.value).startswith(str(tmp_path / "w.pt"))


def test_figure8_decides_by_paired_differences() -> None:
    def cell(sparsity: int, method: str, image: int, error: float) -> dict[str, Any]:
        return {"sparsity": sparsity, "method": method, "image": image, "missing": error, "seconds": 1.0}

    gaps = {50: (0.001, 0.003), 75: (0.002, 0.004), 90: (0.010, 0.002)}
    cells = [cell(s, "network", i, 0.01 * (i + 1)) for s in gaps for i in range(2)]
    cells += [
        cell(s, "prior", i, 0.01 * (i + 1) + gap) for s, pair in gaps.items() for i, gap in enumerate(pair)
    ]
    text = figure8_report(cells, ("network", "prior"))
    assert "50 %: +2.00 ± 1.00, 75 %: +3.00 ± 1.00, 90 %: +6.00 ± 4.00" in text
    assert "from 50 to 75 % it widens (+1.00 ± 0.00); from 75 to 90 % it is undecided (+3.00 ± 5.00)" in text
    assert text.endswith("from 50 to 90 % it is undecided (+4.00 ± 5.00).")

"""The experiments at tiny size, on made-up digits and brains."""

import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch

SCRIPTS = Path(__file__).parents[2] / "scripts" / "experiments"
sys.path.append(str(SCRIPTS))

import figure5  # noqa: E402
from figure8_report import report as figure8_report  # noqa: E402
from fitting import hide, squared_errors  # noqa: E402
from images import Images, Observed, Split, brains, digits, observe  # noqa: E402
from linear_autoencoders import curves  # noqa: E402
from tables import append_cell, mean_and_error, read_cells, smaller  # noqa: E402

SMALL = ["--steps", "2", "--batch", "4", "--channels", "2", "--n_draws", "1", "--iterations", "2"]


def run(name: str, *arguments: object, fails: bool = False) -> str:
    command = [sys.executable, str(SCRIPTS / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == fails, done.stderr
    return done.stderr if fails else done.stdout


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
    from methods import METHODS, Settings, learn

    observed = observe(digits(mnist).training, sparsity=75, kind="pixels", seed=0)
    other = Observed(observed.y + 7 * (1 - observed.mask), observed.mask)
    few = Observed(observed.y[:3], observed.mask[:3])
    from fitting import Recipe

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


def test_figure4_writes_its_tables_and_its_picture(mnist: Path, tmp_path: Path) -> None:
    text = run("figure4.py", "--mnist", mnist, "--epochs", 1, "--n_digits", 6, "--output", tmp_path)
    assert "sparse + ridge" in text
    assert {path.name for path in tmp_path.iterdir()} == {
        "figure4.csv",
        "figure4_curves.csv",
        "figure4.md",
        "figure4.png",
    }


def test_figure5_goes_on_where_it_was_and_repeats_its_figures(mnist: Path, tmp_path: Path) -> None:
    cells = ["mnist2/75/mean", "mnist2/75/conv_sparse", "mnist2/75/completion", "mnist2/75/dictionary"]
    here = ["--mnist", mnist, "--cells", *cells, *SMALL]
    run("figure5.py", *here, "--output", tmp_path / "a")
    first = (tmp_path / "a" / "figure5.jsonl").read_text()
    (tmp_path / "b").mkdir()
    kept = first.splitlines(keepends=True)
    (tmp_path / "b" / "figure5.jsonl").write_text("".join(kept[:2]) + kept[2][:50])
    text = run("figure5.py", *here, "--output", tmp_path / "b")
    again = (tmp_path / "b" / "figure5.jsonl").read_text()
    errors = [[(c["method"], c["missing"]) for c in map(json.loads, t.splitlines())] for t in (first, again)]
    assert errors[0] == errors[1]
    assert "4 cells, 2 done" in text
    assert "completion better than" in text


def test_figure5_runs_each_method_on_slices(scans: Path, tmp_path: Path) -> None:
    sizes = ["--n_slices", 20, 2, 2, "--n_patches", 4, 2, 2]
    cells = ["--cells", "slices/83/conv_local_sparse", "slices/83/conv_FC_sparse", "slices/83/linear"]
    run("figure5.py", "--brains", scans, *cells, *SMALL, *sizes, "--output", tmp_path)
    assert len(read_cells(tmp_path / "figure5.jsonl")) == 3


def dictionary(mnist: Path, *atoms: int) -> Any:
    words = ["--mnist", mnist, *SMALL, "--threads", 1, "--atoms", *atoms]
    options = figure5._options([str(word) for word in words])
    cell = figure5.compute("mnist2/75/dictionary", options)
    return json.loads(json.dumps(cell)), figure5.candidates("mnist2/75/dictionary", options)


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
    assert figure5.made_alike(one, own)
    assert figure5.made_alike(several, both)
    assert not figure5.made_alike(one, both)
    assert not figure5.made_alike(several, own)


def test_figure5_refuses_an_unknown_cell(mnist: Path) -> None:
    assert "--cells mnist/75/conv is the beginning of no cell" in run(
        "figure5.py", "--mnist", mnist, "--cells", "mnist/75/conv", fails=True
    )


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


def test_figure8_trains_its_network_and_compares(mnist: Path, tmp_path: Path) -> None:
    options = ["--data", "mnist2", "--mnist", mnist, "--ckpt", tmp_path / "w.pt", "--train", 2, "--n", 1]
    sizes = [*SMALL[2:], "--sparsity", 50, 90, "--output", tmp_path / "out"]
    run("figure8.py", *options, *sizes)
    cells = read_cells(tmp_path / "out" / "figure8.jsonl")
    assert len(cells) == 6
    text = run("figure8.py", *options, *sizes)
    assert read_cells(tmp_path / "out" / "figure8.jsonl") == cells
    assert "Error of the better prior less that of conv_sparse" in text


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


def test_figure8_without_weights_says_so(mnist: Path, tmp_path: Path) -> None:
    said = run("figure8.py", "--data", "mnist2", "--mnist", mnist, "--ckpt", tmp_path / "w.pt", fails=True)
    assert "w.pt does not exist: give weights, or --train and their steps" in said

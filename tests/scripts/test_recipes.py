"""The recipes of the shipped weights, on made-up scans."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.bundle import ConfigWorkflow

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "scripts" / "recipes"
CONFIG = ROOT / "bundles" / "vqvae3d" / "configs" / "train.json"
SMALL = {
    "network_def::channels": [2, 2, 2, 2, 4, 4, 4],
    "network_def::code_channels": [2, 2, 2],
    "n_codes": 8,
    "batch_size": 2,
    "epoch_length": 2,
    "max_epochs": 1,
    "num_workers": 0,
}


def recipe(name: str, *arguments: object) -> None:
    command = [sys.executable, str(RECIPES / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    root = tmp_path_factory.mktemp("recipe")
    draw = np.random.default_rng(0)
    for folder, names in {
        "brains": [f"sub-{n:02d}_T1w.nii.gz" for n in range(11)],
        "heads": [f"{n}_ds.nii.gz" for n in range(4)],
        "labels": [f"map_{n}.nii.gz" for n in range(5)],
    }.items():
        (root / folder).mkdir()
        for name in names:
            image = np.zeros((24, 24, 24), np.uint8)
            image[4:-4, 4:-4, 4:-4] = 1 if folder == "labels" else draw.integers(1, 255, (16, 16, 16))
            nib.save(nib.Nifti1Image(image, np.eye(4)), root / folder / name)
    with (root / "labels" / "label_mapping.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["source_value"], [0], [2]])
    folders = [word for name in ("brains", "heads", "labels") for word in (f"--{name}", root / name)]
    recipe("vqvae3d_data.py", *folders, "--output", root / "out")
    return {**json.loads((root / "out" / "scans.json").read_text()), "file": str(root / "out" / "scans.json")}


def test_kept_subjects_are_in_no_other_list(lists: dict[str, list[str]]) -> None:
    kept = {*lists["kept_brains"], *lists["kept_heads"]}
    assert [Path(path).name[:6] for path in lists["kept_brains"]] == ["sub-04", "sub-09"]
    assert len(kept) == 4
    assert not kept & {*lists["training"], *lists["validation"]}


def test_the_recipe_trains_on_its_lists(lists: dict[str, list[str]], tmp_path: Path) -> None:
    workflow = ConfigWorkflow(
        config_file=[str(CONFIG), str(RECIPES / "vqvae3d.json")],
        meta_file=str(CONFIG.with_name("metadata.json")),
        logging_file=str(CONFIG.with_name("logging.conf")),
        workflow_type="train",
        **{**SMALL, "datalist": lists["file"], "output_dir": str(tmp_path)},
    )
    workflow.initialize()
    workflow.run()
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["iteration"] == 2
    torch.backends.cudnn.deterministic = False


def test_halving_spares_what_is_to_be_kept(tmp_path: Path) -> None:
    torch.save(
        {"conv": torch.ones(2), "quantize.codes": torch.ones(2), "n": torch.tensor(3)}, tmp_path / "a.pt"
    )
    recipe("halve.py", tmp_path / "a.pt", tmp_path / "b.pt", "--keep", "quantize")
    halved = torch.load(tmp_path / "b.pt", weights_only=True)
    assert [str(value.dtype) for value in halved.values()] == [
        "torch.float16",
        "torch.float32",
        "torch.int64",
    ]


def test_no_brain_is_in_two_lists_and_patients_are_brains_of_the_training(tmp_path):
    folder = tmp_path / "brains"
    folder.mkdir()
    for number in range(30):
        (folder / f"sub-{number:02d}_T1w.nii.gz").touch()
    recipe("brains_data.py", "--brains", folder, "--output", tmp_path / "data" / "brains.json")
    lists, ill, split = (
        json.loads((tmp_path / "data" / f"{name}.json").read_text())
        for name in ("brains", "for_patients", "patients")
    )
    together = [path for paths in lists.values() for path in paths]
    assert len(together) == len(set(together)) == 30
    assert set(ill) <= {*lists["training"], *lists["validation"]}
    assert [Path(path).name for path in split["training"] + split["validation"]] == [
        Path(p).name for p in ill
    ]
    assert Path(split["validation"][0]).name in {Path(path).name for path in lists["validation"]}


def test_the_recipe_of_low_resolution_trains_on_cubes_of_3_mm(tmp_path):
    overlays = [CONFIG, RECIPES / "vqvae3d.json", RECIPES / "vqvae3d_low.json"]
    ball = np.linalg.norm(np.indices((70, 70, 70)) - 35, axis=0) < 30
    names = ["sub-1_T1w.nii.gz", "sub-2_T1w.nii.gz"]
    for name in names:
        nib.save(nib.Nifti1Image(9 * ball.astype(np.uint8), np.diag([2.0, 2, 2, 1])), tmp_path / name)
    (tmp_path / "list.json").write_text(json.dumps({"training": names[:1], "validation": names[1:]}))
    flow = ConfigWorkflow(
        config_file=[str(path) for path in overlays],
        workflow_type="train",
        logging_file=False,
        datalist=str(tmp_path / "list.json"),
        output_dir=str(tmp_path / "out"),
        quiet=True,
        device="cpu",
        **SMALL,
    )
    flow.initialize()
    batch = next(iter(flow.parser.get_parsed_content("train::dataloader")))
    assert batch["image"].shape == (2, 1, 64, 64, 64)
    # A ball of 120 mm in voxels of 3 mm.
    across = int((batch["image"][0, 0, :, 32, 32] > 0.4).sum())
    assert across == pytest.approx(40, abs=1)

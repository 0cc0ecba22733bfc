"""Training of the imputation bundles by their configs: from incomplete scans, resumed, in two processes."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.bundle import ConfigWorkflow

BUNDLES = Path(__file__).parents[2] / "bundles"
SMALL: dict[str, Any] = {
    "batch_size": 2,
    "epoch_length": 3,
    "max_epochs": 2,
    "num_workers": 0,
    "n_val_examples": 2,
    "val_fraction": 0.3,
    "log_every": 1,
    "save_every": 1,
    "warmup": 0,
}
TINY: dict[str, dict[str, Any]] = {
    "sparse_vae2d": {"completion_def::channels": [4, 4], "conv_sparse_def::channels": [4, 4]},
    "sparse_vae3d": {
        "conv_local_sparse_def::channels": [4, 4],
        "conv_local_sparse_def::n_latents": 3,
        "conv_local_sparse_def::region": [4, 4, 4],
        "conv_sparse_def::channels": [4, 4],
    },
}
SIZES = {"sparse_vae2d": [32, 40], "sparse_vae3d": [16, 16, 16]}
PAPER = {
    "network_def": "@conv_sparse_def",
    "loss_def": "@elbo_loss",
    "target": "observed",
    "kind": "rotated_lines",
}
MEAN = {"conv_sparse_def::variant": "conv_mean", "conv_sparse_def::shape": SIZES["sparse_vae2d"]}


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scans")
    draw = np.random.default_rng(0)
    for subject in range(4):
        image = 100 * np.kron(draw.random((5, 6, 4)), np.ones((8, 8, 8))) + 1
        nib.save(nib.Nifti1Image(image.astype(np.float32), np.eye(4)), folder / f"sub-{subject}_T1w.nii")
    return folder


@pytest.fixture(autouse=True)
def _hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # the config sets its own
    yield
    torch.backends.cudnn.deterministic = False


def options(bundle: str, output_dir: Path, **overrides: Any) -> dict[str, Any]:
    sizes = {"patch_size": SIZES[bundle], "output_dir": str(output_dir)}
    return {**SMALL, **TINY[bundle], **sizes, **overrides}


def train(bundle: str, output_dir: Path, **overrides: Any) -> dict[str, Any]:
    """State at the end of a training in this process."""
    workflow = ConfigWorkflow(
        config_file=str(BUNDLES / bundle / "configs" / "train.json"),
        workflow_type="train",
        **options(bundle, output_dir, **overrides),
    )
    workflow.initialize()
    workflow.run()
    workflow.finalize()
    return torch.load(output_dir / "checkpoint.pt", weights_only=True)


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize(
    ("bundle", "overrides"),
    [("sparse_vae2d", {}), ("sparse_vae2d", PAPER), ("sparse_vae2d", PAPER | MEAN), ("sparse_vae3d", {})],
)
def test_a_training_cut_off_ends_with_the_same_bits(tmp_path, scans, bundle, overrides):
    whole = train(bundle, tmp_path / "a", dataset_dir=str(scans), **overrides)
    train(bundle, tmp_path / "b", dataset_dir=str(scans), max_epochs=1, **overrides)
    resumed = train(bundle, tmp_path / "b", dataset_dir=str(scans), **overrides)
    assert resumed["iteration"] == whole["iteration"] == 6
    assert equal(resumed["network"], whole["network"])
    assert (tmp_path / "a" / "model.pt").exists()


@pytest.mark.parametrize("variant", ["conv_interp_wmask", "conv_FC_sparse"])
def test_a_variant_of_the_paper_is_one_argument(tmp_path, scans, variant):
    own = {"conv_sparse_def::variant": variant, "conv_sparse_def::n_draws": 3}
    shape = {"conv_sparse_def::shape": SIZES["sparse_vae2d"]}
    state = train("sparse_vae2d", tmp_path, dataset_dir=str(scans), max_epochs=1, **PAPER, **own, **shape)
    assert state["iteration"] == 3
    assert bool(state["network"]["encoder.blocks.0.conv1.weight"].isfinite().all())


@pytest.mark.parametrize("bundle", ["sparse_vae2d", "sparse_vae3d"])
def test_it_trains_on_the_embedded_templates(tmp_path, bundle):
    size = [40, 40, 6] if bundle == "sparse_vae2d" else [24, 24, 24]
    state = train(bundle, tmp_path, synthetic_size=size, max_epochs=1)
    assert state["iteration"] == 3


def test_what_was_not_observed_has_no_part_in_it(tmp_path, scans):
    """The same scans with other numbers in the holes, which stand as NaN in a second copy, train alike."""
    copies = tmp_path / "scans"
    copies.mkdir()
    for path in scans.iterdir():
        scan = nib.load(path)
        image = np.asarray(scan.dataobj).copy()
        image[:, :, np.arange(image.shape[2]) % 6 != 2] = np.nan
        nib.save(nib.Nifti1Image(image, np.eye(4)), copies / path.name)
    state = train("sparse_vae2d", tmp_path / "a", dataset_dir=str(copies), incomplete=True, max_epochs=1)
    for path in copies.iterdir():
        image = np.nan_to_num(nib.load(path).get_fdata(), nan=7.0).astype(np.float32)
        mask = np.zeros(image.shape, np.uint8)
        mask[:, :, 2::6] = 1
        nib.save(nib.Nifti1Image(image, np.eye(4)), path)
        nib.save(nib.Nifti1Image(mask, np.eye(4)), copies / path.name.replace(".nii", "_mask.nii"))
    other = train("sparse_vae2d", tmp_path / "b", dataset_dir=str(copies), incomplete=True, max_epochs=1)
    assert equal(state["network"], other["network"])


def test_two_processes_hold_the_same_weights(tmp_path, scans):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2"}
    configs = BUNDLES / "sparse_vae2d" / "configs"
    files = str([str(configs / name) for name in ("train.json", "multi_gpu_train.json")])
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", files]
    values = options("sparse_vae2d", tmp_path / "two", dataset_dir=str(scans), max_epochs=1, val_fraction=0.5)
    for name, value in values.items():
        command += [f"--{name}", str(value)]
    children = [
        subprocess.Popen(
            command,
            env={**os.environ, "OMP_NUM_THREADS": "1", **meeting, "RANK": rank},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in "01"
    ]
    logs = [child.communicate()[0] for child in children]
    assert [child.returncode for child in children] == [0, 0], "\n".join(logs)
    assert torch.load(tmp_path / "two" / "checkpoint.pt", weights_only=True)["iteration"] == 3

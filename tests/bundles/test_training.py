"""Training by the config of the bundle: as a user runs it, cut off, in two processes, from given weights."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.bundle import ConfigWorkflow
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mrrecon.networks import MultiLevelVQVAE

CONFIGS = Path(__file__).parents[2] / "bundles" / "vqvae3d" / "configs"
NETWORK = {"channels": [2, 2, 2, 2, 4, 4, 4], "code_channels": [2, 2, 2]}
SMALL: dict[str, Any] = {
    **{f"network_def::{name}": value for name, value in NETWORK.items()},
    "n_codes": 8,
    "batch_size": 1,
    "epoch_length": 3,
    "max_epochs": 2,
    "num_workers": 0,
    "n_val_brains": 1,
    "val_fraction": 0.3,
    "log_every": 1,
    "save_every": 1,
}


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scans")
    draw = np.random.default_rng(0)
    for subject in range(4):
        image = np.zeros((66, 64, 64), np.float32)
        image[8:-8, 8:-8, 8:-8] = 100 * np.kron(draw.random((5, 6, 6)), np.ones((10, 8, 8)))
        nib.save(nib.Nifti1Image(image, np.eye(4)), folder / f"sub-{subject}_T1w.nii")
    return folder


@pytest.fixture(autouse=True)
def _hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # the config sets its own
    yield
    torch.backends.cudnn.deterministic = False


@pytest.fixture(scope="module")
def trained(scans: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output_dir = tmp_path_factory.mktemp("trained")
    train(output_dir, dataset_dir=str(scans))
    return output_dir


def train(output_dir: Path, **overrides: Any) -> dict[str, Any]:
    """State at the end of a training in this process."""
    workflow = ConfigWorkflow(
        config_file=str(CONFIGS / "train.json"),
        workflow_type="train",
        **{**SMALL, "output_dir": str(output_dir), **overrides},
    )
    workflow.initialize()
    workflow.run()
    workflow.finalize()
    return torch.load(output_dir / "checkpoint.pt", weights_only=True)


def start(
    output_dir: Path, *configs: str, env: dict[str, str] | None = None, **overrides: Any
) -> subprocess.Popen[str]:
    """The same in a process of its own, as from the command line, in another folder."""
    files = str([str(CONFIGS / name) for name in configs])
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", files]
    for name, value in {**SMALL, "output_dir": str(output_dir), **overrides}.items():
        command += [f"--{name}", str(value)]
    threads = str(torch.get_num_threads())
    return subprocess.Popen(
        command,
        cwd=output_dir.parent,
        env={**os.environ, "OMP_NUM_THREADS": threads, "OMP_WAIT_POLICY": "passive", **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def iteration_of(checkpoint: Path) -> int:
    return torch.load(checkpoint, weights_only=True)["iteration"] if checkpoint.exists() else -1


def test_a_killed_training_on_synthetic_brains_ends_with_the_same_bits(tmp_path: Path) -> None:
    undisturbed = train(tmp_path / "a", max_epochs=2)
    (tmp_path / "b").mkdir()
    child = start(tmp_path / "b", "train.json", max_epochs=1000)
    while iteration_of(tmp_path / "b" / "checkpoint.pt") < 4 and child.poll() is None:
        time.sleep(0.01)
    child.kill()
    log, _ = child.communicate()
    assert child.returncode == -signal.SIGKILL, log
    cut_off = iteration_of(tmp_path / "b" / "checkpoint.pt")
    resumed = train(tmp_path / "b", max_epochs=2)
    assert 4 <= cut_off < 6
    assert resumed["iteration"] == undisturbed["iteration"] == 6
    assert equal(resumed["network"], undisturbed["network"])
    assert resumed["best_model"] == undisturbed["best_model"]


@pytest.mark.parametrize("loss", ["@baur_loss", "@adaptive_loss"])
def test_two_processes_equal_one_with_twice_the_batch(tmp_path: Path, scans: Path, loss: str) -> None:
    # More vectors than codes at the coarsest level (one a patch): else rounding decides what is split.
    options = {"dataset_dir": str(scans), "max_epochs": 1, "val_fraction": 0.5, "n_codes": 2}
    options["reconstruction_loss"] = loss
    one = train(tmp_path / "one", batch_size=4, **options)
    (tmp_path / "two").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2"}
    configs = ("train.json", "multi_gpu_train.json")
    children = [
        start(tmp_path / "two", *configs, env={**meeting, "RANK": rank}, batch_size=2, **options)
        for rank in "01"
    ]
    logs = [child.communicate()[0] for child in children]
    assert [child.returncode for child in children] == [0, 0], "\n".join(logs)
    two = torch.load(tmp_path / "two" / "checkpoint.pt", weights_only=True)
    for name, weight in {**one["network"], **one["loss"]}.items():
        other = {**two["network"], **two["loss"]}[name]
        difference = (other.double() - weight.double()).abs().max().item()
        assert torch.allclose(other, weight, rtol=1e-4, atol=1e-5), f"{name} differs by {difference:.1e}"
    assert two["best_model"]["best"] == pytest.approx(one["best_model"]["best"], abs=1e-3)


def test_the_adaptive_loss_is_chosen_by_name_and_learns(tmp_path: Path, scans: Path) -> None:
    end = train(tmp_path, dataset_dir=str(scans), max_epochs=1, reconstruction_loss="@adaptive_loss")
    latent = end["loss"]["reconstruction.latent_scale"]
    assert len(end["optimizer"]["param_groups"]) == 2
    assert latent.abs().max() > 0


@pytest.mark.parametrize("option", [{"amp": True}, {"spacing": [1.5, 1.5, 1.5]}, {"brain_mask": True}])
def test_an_option_of_the_command_line_trains_other_weights(
    trained: Path, tmp_path: Path, scans: Path, option: dict[str, Any]
) -> None:
    for scan in scans.glob("*_T1w.nii"):
        mask = np.zeros((66, 64, 64), np.uint8)
        mask[20:-20, 20:-20, 20:-20] = 1
        nib.save(nib.Nifti1Image(mask, np.eye(4)), tmp_path / scan.name.replace("T1w", "T1w_mask"))
        (tmp_path / scan.name).symlink_to(scan)
    plain = torch.load(trained / "checkpoint.pt", weights_only=True)["network"]
    end = train(tmp_path / "out", dataset_dir=str(tmp_path), **option)["network"]
    assert all(weight.isfinite().all() for weight in end.values())
    assert not equal(end, plain)


def test_the_best_model_is_a_plain_state_dict_for_the_network(trained: Path) -> None:
    weights = torch.load(trained / "model.pt", weights_only=True)
    network = MultiLevelVQVAE(n_codes=8, channels=NETWORK["channels"], code_channels=NETWORK["code_channels"])
    network.load_state_dict(weights, strict=True)
    assert all(isinstance(weight, torch.Tensor) for weight in weights.values())


def test_fine_tuning_begins_with_the_given_weights(trained: Path, tmp_path: Path, scans: Path) -> None:
    given = torch.load(trained / "model.pt", weights_only=True)
    ckpt = str(trained / "model.pt")
    end = train(tmp_path, dataset_dir=str(scans), max_epochs=1, ckpt=ckpt, lr=0.0, seed=5)
    learned = [name for name in given if name.endswith("weight")]
    assert learned
    assert all(torch.equal(end["network"][name], given[name]) for name in learned)


def test_fine_tuning_can_go_on_with_the_optimiser(trained: Path, tmp_path: Path, scans: Path) -> None:
    ckpt = str(trained / "checkpoint.pt")
    options = {"dataset_dir": str(scans), "max_epochs": 1, "ckpt": ckpt, "ckpt_optimizer": True, "lr": 1e-5}
    end = train(tmp_path, **options)
    assert end["optimizer"]["state"][0]["step"] == 6 + 3
    assert end["optimizer"]["param_groups"][0]["lr"] == pytest.approx(1e-5, rel=1e-3)


def test_the_same_command_again_neither_trains_nor_changes_anything(trained: Path, scans: Path) -> None:
    before = {name: (trained / name).read_bytes() for name in ("model.pt", "checkpoint.pt")}
    train(trained, dataset_dir=str(scans))
    assert all((trained / name).read_bytes() == content for name, content in before.items())


def test_curves_show_loss_codes_step_size_and_validation(trained: Path) -> None:
    tags: set[str] = set()
    for events in (trained / "curves").iterdir():
        tags.update(EventAccumulator(str(events)).Reload().Tags()["scalars"])
    wanted = {"loss/total", "loss/reconstruction", "loss/commitment", "learning_rate", "val_psnr"}
    assert tags >= wanted | {f"perplexity/level_{level}" for level in (1, 2, 3)}


def test_tracking_by_mlflow_records_loss_and_validation(tmp_path: Path) -> None:
    child = start(tmp_path / "out", "train.json", tracking="mlflow", max_epochs=1)
    log, _ = child.communicate()
    assert child.returncode == 0, log
    with closing(sqlite3.connect(tmp_path / "out" / "mlruns.db")) as runs:
        found = dict(runs.execute("select key, count(*) from metrics group by key"))
    assert found["train_loss"] >= 3
    assert found["val_psnr"] >= 1

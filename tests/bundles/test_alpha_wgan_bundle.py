"""The bundle of the α-WGAN: training, and what its three ways to run give."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from bundles.inference import half_written, scan
from monai.bundle import ConfigWorkflow
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mrrecon.errors import sentence
from mrrecon.networks import AlphaWGAN

CONFIGS = Path(__file__).parents[2] / "bundles" / "alpha_wgan3d" / "configs"
SMALL: dict[str, Any] = {"channels": [2, 4], "latent": 5, "spacing": 2.0}
TRAINING: dict[str, Any] = {
    **SMALL,
    "spacing": 12.0,
    "synthetic_spacing": 12.0,
    "hidden": 6,
    "batch_size": 2,
    "epoch_length": 3,
    "max_epochs": 2,
    "num_workers": 0,
    "n_val_brains": 1,
    "log_every": 1,
    "save_every": 1,
}
OBLIQUE = np.array([[0.9, 0.3, 0.1, -20], [-0.28, 0.95, 0.12, 30], [-0.06, -0.14, 1.9, 7], [0, 0, 0, 1]])
METRICS = {f"{at}{m}" for at in ("", "scan_") for m in ("psnr", "ms_ssim", "log_mmd")}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("models") / "model.pt"
    torch.save(AlphaWGAN(channels=SMALL["channels"], latent=5).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output_dir = tmp_path_factory.mktemp("trained")
    train(output_dir)
    return output_dir


@pytest.fixture(autouse=True)
def _deterministic() -> Any:
    yield
    torch.backends.cudnn.deterministic = False


def train(output_dir: Path, **overrides: Any) -> dict[str, Any]:
    """State at the end of a training in this process."""
    options = {**TRAINING, "output_dir": str(output_dir), **overrides}
    flow = ConfigWorkflow(config_file=str(CONFIGS / "train.json"), workflow_type="train", **options)
    flow.initialize()
    flow.run()
    return torch.load(output_dir / "checkpoint.pt", weights_only=True)


def start(
    output_dir: Path, *configs: str, env: dict[str, str] | None = None, **overrides: Any
) -> subprocess.Popen[str]:
    """The same in a process of its own, as from the command line."""
    files = str([str(CONFIGS / name) for name in configs])
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", files]
    for name, value in {**TRAINING, "output_dir": str(output_dir), **overrides}.items():
        command += [f"--{name}", str(value)]
    # Equal bits need as many threads as this process has.
    threads = {"OMP_NUM_THREADS": "1" if env else str(torch.get_num_threads())}
    return subprocess.Popen(
        command,
        env={**os.environ, **threads, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def infer(weights: Path, output_dir: Path, *overlays: str, way: str = "run", **overrides: Any) -> None:
    options = {**SMALL, "ckpt": str(weights), "output_dir": str(output_dir), "save_page": False}
    flow = ConfigWorkflow(
        config_file=[str(CONFIGS / name) for name in ("inference.json", *overlays)],
        workflow_type="inference",
        logging_file=False,
        **{**options, "quiet": True, "device": "cpu", **overrides},
    )
    flow.initialize()
    flow._run_expr(id=way)


def tensors(state: Any, place: str = "") -> dict[str, torch.Tensor]:
    if isinstance(state, torch.Tensor):
        return {place: state}
    pairs = state.items() if isinstance(state, dict) else enumerate(state) if isinstance(state, list) else ()
    return {name: x for key, value in pairs for name, x in tensors(value, f"{place}.{key}").items()}


def test_a_killed_training_ends_with_the_same_bits(trained: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "b" / "checkpoint.pt"
    with start(tmp_path / "b", "train.json", max_epochs=1000) as child:
        while child.poll() is None and not (
            checkpoint.exists() and torch.load(checkpoint, weights_only=True)["iteration"] >= 4
        ):
            time.sleep(0.01)
        child.kill()
    assert child.returncode == -signal.SIGKILL
    cut_off = torch.load(checkpoint, weights_only=True)["iteration"]
    assert 4 <= cut_off < 6
    resumed, whole = train(tmp_path / "b"), torch.load(trained / "checkpoint.pt", weights_only=True)
    ends = [tensors({"steps": state["steps"]}) for state in (resumed, whole)]
    assert ends[0].keys() == ends[1].keys()
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
    assert resumed["curves"] == whole["curves"]


def test_two_processes_end_with_equal_weights(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2"}
    configs = ("train.json", "multi_gpu_train.json")
    options = {"epoch_length": 2, "max_epochs": 1, "n_val_brains": 2, "quiet": False}  # so that both save
    children = [start(tmp_path / rank, *configs, env={**meeting, "RANK": rank}, **options) for rank in "01"]
    logs = [child.communicate()[0] for child in children]
    assert [child.returncode for child in children] == [0, 0], "\n".join(logs)
    states = [torch.load(tmp_path / rank / "checkpoint.pt", weights_only=True)["steps"] for rank in "01"]
    first, second = (tensors(state) for state in states)
    differ = {name.rpartition(".")[2] for name in first if not torch.equal(first[name], second[name])}
    assert differ == {"running_mean", "running_var"}  # each process sees images of its own
    assert states[0]["n_steps"] == 2


def test_curves_show_what_each_network_minimises(trained: Path) -> None:
    tags: set[str] = set()
    for events in (trained / "curves").iterdir():
        tags.update(EventAccumulator(str(events)).Reload().Tags()["scalars"])
    assert tags >= {"generator", "critic", "code_critic", "distance", "critic_penalty", "val_psnr"}
    page = (trained / "report.html").read_text(encoding="utf-8")
    assert page.count('role="img"') == 4


def test_the_best_weights_are_those_of_encoder_and_generator(trained: Path) -> None:
    AlphaWGAN(channels=SMALL["channels"], latent=5).load_state_dict(
        torch.load(trained / "model.pt", weights_only=True)
    )


@pytest.mark.parametrize("name", ["model.pt", "checkpoint.pt"])
def test_fine_tuning_begins_with_given_weights(trained: Path, tmp_path: Path, name: str) -> None:
    moments = name == "checkpoint.pt"
    options = {"ckpt": str(trained / name), "ckpt_optimizer": moments, "lr": 0.0, "max_epochs": 1}
    end = train(tmp_path, **options)["steps"]
    given = torch.load(trained / name, weights_only=True)
    if moments:
        given = {f"generator.{key}": w for key, w in given["steps"]["networks"]["generator"].items()}
        assert end["optimizers"]["critic"]["state"][0]["step"] == 6 + 3
    learned = end["networks"]["generator"]
    assert all(
        torch.equal(w, given[f"generator.{key}"]) for key, w in learned.items() if key.endswith("weight")
    )


def test_the_reconstruction_is_in_geometry_and_units_of_the_scan(weights: Path, tmp_path: Path) -> None:
    path = scan(tmp_path / "a.nii.gz", (30, 34, 20), OBLIQUE)
    infer(weights, tmp_path / "out", dataset_dir=str(path))
    recon, given = nib.load(tmp_path / "out" / "a_recon.nii.gz"), nib.load(path)
    assert recon.shape == given.shape
    np.testing.assert_allclose(recon.affine, given.affine, atol=1e-5)
    values = np.asarray(recon.dataobj)
    assert 30 < values.max() < 130  # of 0 to 120: neither in [0, 1] nor in [-1, 1]
    assert values.min() >= -1e-3


def test_metrics_are_those_of_images_from_0_to_1(weights: Path, tmp_path: Path) -> None:
    # A scan that the cube shows voxel by voxel, already from 0 to 1.
    image = np.zeros((16, 16, 16), np.float32)
    image[2:14, 2:14, 2:14] = np.random.default_rng(0).random((12, 12, 12), np.float32) * 0.9 + 0.1
    image[4, 4, 4:8] = 1.0
    nib.save(nib.Nifti1Image(image, np.diag([2.0, 2, 2, 1])), tmp_path / "a.nii")
    infer(weights, tmp_path / "out", dataset_dir=str(tmp_path / "a.nii"))
    row = json.loads((tmp_path / "out" / "metrics.json").read_text())["scans"][0]
    network = AlphaWGAN(channels=SMALL["channels"], latent=5).eval()
    network.load_state_dict(torch.load(weights, weights_only=True))
    code = torch.from_numpy(np.load(tmp_path / "out" / "a_code.npy"))
    with torch.no_grad():
        pred = network.decode(code[None])[0, 0].numpy()
    error = float(((pred - image) ** 2).mean())
    assert row["psnr"] == pytest.approx(-10 * np.log10(error), abs=0.01)
    assert row["log_mmd"] == pytest.approx(np.log(error * 16**3), abs=0.01)
    assert row["scan_psnr"] == pytest.approx(row["psnr"], abs=0.02)


def test_evaluation_keeps_metrics_alone(weights: Path, tmp_path: Path) -> None:
    scan(tmp_path / "in" / "a.nii.gz")
    scan(tmp_path / "in" / "b.nii.gz")
    infer(weights, tmp_path / "out", "evaluate.json", dataset_dir=str(tmp_path / "in"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["metrics.csv", "metrics.json"]
    summary = json.loads((tmp_path / "out" / "metrics.json").read_text())["summary"]
    assert set(summary) == METRICS


def test_tissues_are_compared_on_the_grid_of_the_scan(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[torch.Tensor, np.ndarray]] = []

    def segment(image: torch.Tensor, affine: np.ndarray, **_: Any) -> SimpleNamespace:
        seen.append((image, affine))
        return SimpleNamespace(probabilities=torch.eye(3)[:, :, None, None])

    monkeypatch.setattr("mrrecon.handlers.tissue_dice.segment_tissues", segment)
    path = scan(tmp_path / "a.nii.gz", (30, 34, 20), OBLIQUE)
    infer(weights, tmp_path / "out", dataset_dir=str(path), tissues=True)
    for file, (image, affine) in zip((path, tmp_path / "out" / "a_recon.nii.gz"), seen, strict=True):
        written = nib.load(file).get_fdata()
        np.testing.assert_allclose(affine, OBLIQUE, atol=1e-5)
        assert np.corrcoef(image.flatten(), written.flatten())[0, 1] > 0.99999
    summary = json.loads((tmp_path / "out" / "metrics.json").read_text())["summary"]
    assert [summary[f"dice_{name}"]["mean"] for name in ("wm", "gm", "csf")] == [1.0] * 3


def test_what_is_no_brain_keeps_its_other_metrics(weights: Path, tmp_path: Path, capsys: Any) -> None:
    scan(tmp_path / "in" / "a.nii.gz")
    infer(weights, tmp_path / "out", "evaluate.json", dataset_dir=str(tmp_path / "in"), tissues=True)
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert set(metrics["summary"]) == METRICS
    assert "the scan: the image shows a slab" in metrics["tissues_not_found"][0]["reason"]
    assert "without Dice, as no tissues were found: a.nii.gz (the scan: the" in capsys.readouterr().out


def test_samples_are_new_brains_on_a_grid_of_mni_space(weights: Path, tmp_path: Path) -> None:
    for name, n in (("a", 3), ("b", 2)):
        infer(weights, tmp_path / name, way="sample", n_samples=n, spacing=12.0)
    images = [nib.load(tmp_path / "a" / f"sample_00{k}.nii.gz") for k in (1, 2, 3)]
    np.testing.assert_allclose(images[0].affine[:3, :3], 12 * np.eye(3), atol=1e-5)
    middle = images[0].affine @ [7.5, 7.5, 7.5, 1]
    assert np.abs(middle[:3] - [0, -17, 9]).max() < 25  # the middle of the brain in MNI space, about
    first, second = (np.asarray(image.dataobj) for image in images[:2])
    assert first.min() >= 0
    assert first.max() <= 1
    assert not np.array_equal(first, second)
    again = np.asarray(nib.load(tmp_path / "b" / "sample_002.nii.gz").dataobj)
    assert np.array_equal(second, again)


def test_an_interpolation_goes_from_one_reconstruction_to_the_other(weights: Path, tmp_path: Path) -> None:
    scan(tmp_path / "in" / "a.nii.gz")
    scan(tmp_path / "in" / "b.nii.gz", (24, 20, 18), OBLIQUE)
    options = {"dataset_dir": str(tmp_path / "in"), "n_between": 4}
    infer(weights, tmp_path / "out", **options)
    infer(weights, tmp_path / "out", way="interpolate", **options)
    image = np.asarray(nib.load(tmp_path / "out" / "a_to_b.nii.gz").dataobj)
    assert image.shape == (16, 16, 16, 4)
    network = AlphaWGAN(channels=SMALL["channels"], latent=5).eval()
    network.load_state_dict(torch.load(weights, weights_only=True))
    for name, found in (("a", image[..., 0]), ("b", image[..., -1])):
        code = torch.from_numpy(np.load(tmp_path / "out" / f"{name}_code.npy"))
        with torch.no_grad():
            np.testing.assert_allclose(network.decode(code[None])[0, 0].numpy(), found, atol=1e-5)


def test_interpolation_between_other_than_two_scans_is_refused(weights: Path, tmp_path: Path) -> None:
    path = scan(tmp_path / "a.nii.gz")
    with pytest.raises((RuntimeError, ValueError)) as caught:
        infer(weights, tmp_path / "out", way="interpolate", dataset_dir=str(path))
    assert "1 scans are given: interpolation is between two" in str(caught.value.__cause__ or caught.value)


@pytest.mark.parametrize("way", ["run", "sample", "interpolate"])
def test_missing_weights_are_named_before_anything_is_done(tmp_path: Path, way: str) -> None:
    with pytest.raises((RuntimeError, FileNotFoundError)) as caught:
        infer(tmp_path / "none.pt", tmp_path / "out", way=way)
    said = sentence(caught.value)
    assert "none.pt' does not exist" in said
    assert "\n" not in said
    assert not (tmp_path / "out").exists()


def test_a_scan_that_cannot_be_read_stops_no_other(weights: Path, tmp_path: Path) -> None:
    scan(tmp_path / "in" / "a.nii.gz")
    nib.save(nib.Nifti1Image(np.ones((8, 8, 2), np.float32), np.eye(4)), tmp_path / "in" / "b.nii")
    with pytest.raises(RuntimeError):
        infer(weights, tmp_path / "out", dataset_dir=str(tmp_path / "in"))
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert [len(metrics["scans"]), len(metrics["refused"])] == [1, 1]
    assert half_written(tmp_path / "out") == []

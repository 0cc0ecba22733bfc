"""The bundles that need no deep network, linear_subspace and sparse_dictionary: training and use."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from bundles.inference import half_written
from bundles.solving import BUNDLES, solve, volume
from monai.bundle import ConfigWorkflow

from mrrecon.engines import FitTrainer
from mrrecon.errors import sentence
from mrrecon.networks import LinearSubspace, PatchDictionary

SUBSPACE, DICTIONARY = "linear_subspace", "sparse_dictionary"
FRAME = [24, 20]
SMALL: dict[str, dict[str, Any]] = {
    SUBSPACE: {"patch_size": FRAME, "n_latents": 3},
    DICTIONARY: {"dictionary_patch": [6, 6], "n_atoms": 5, "n_nonzero": 2, "stride": 3},
}
STEPS: dict[str, Any] = {
    "batch_size": 2,
    "epoch_length": 3,
    "max_epochs": 2,
    "num_workers": 0,
    "n_val_examples": 2,
    "val_fraction": 0.3,
    "log_every": 1,
    "save_every": 1,
    "warmup": 0,
    "patch_size": FRAME,
}
WAYS = [(SUBSPACE, ["train_em"]), (SUBSPACE, []), (DICTIONARY, [])]


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scans")
    draw = np.random.default_rng(0)
    for subject in range(4):
        volume(
            folder / f"sub-{subject}_T1w.nii", 100 * np.kron(draw.random((4, 3, 3)), np.ones((6, 6, 6))) + 1
        )
    return folder


@pytest.fixture(autouse=True)
def _hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # the config sets its own
    yield
    torch.backends.cudnn.deterministic = False


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    torch.manual_seed(0)
    networks = {
        SUBSPACE: LinearSubspace(FRAME, 3),
        DICTIONARY: PatchDictionary((6, 6), 5, n_nonzero=2, stride=3),
    }
    files = {name: str(tmp_path_factory.mktemp(name) / "model.pt") for name in networks}
    for name, network in networks.items():
        torch.save(network.state_dict(), files[name])
    return files


def train(bundle: str, output_dir: Path, overlays: list[str], **overrides: Any) -> dict[str, Any]:
    """State at the end of a training in this process."""
    flow = ConfigWorkflow(
        config_file=[str(BUNDLES / bundle / "configs" / f"{name}.json") for name in ("train", *overlays)],
        workflow_type="train",
        **{**STEPS, **SMALL[bundle], "output_dir": str(output_dir), **overrides},
    )
    flow.initialize()
    flow.run()
    flow.finalize()
    return torch.load(output_dir / "checkpoint.pt", weights_only=True)


def scan(shape: tuple[int, ...] = (18, 3, 16)) -> np.ndarray:
    """A scan of which every third line is there."""
    image = np.random.default_rng(1).random(shape).astype(np.float32) * 50
    image[:, :, np.arange(shape[2]) % 3 != 0] = np.nan
    return image


@pytest.mark.parametrize(("bundle", "overlays"), WAYS)
def test_a_training_cut_off_ends_with_the_same_bits(tmp_path, scans, bundle, overlays):
    whole = train(bundle, tmp_path / "a", overlays, dataset_dir=str(scans))
    train(bundle, tmp_path / "b", overlays, dataset_dir=str(scans), max_epochs=1)
    resumed = train(bundle, tmp_path / "b", overlays, dataset_dir=str(scans))
    assert resumed["iteration"] == whole["iteration"] == 6
    for name, value in whole["network"].items():
        assert torch.equal(resumed["network"][name], value), name
    assert (tmp_path / "a" / "model.pt").exists()


@pytest.mark.parametrize(("bundle", "overlays"), WAYS)
def test_a_training_changes_what_it_is_to_learn(tmp_path, scans, bundle, overlays):
    one, two = (
        train(bundle, tmp_path / str(n), overlays, dataset_dir=str(scans), max_epochs=n)["network"]
        for n in (1, 2)
    )
    name = "linear.weight" if bundle == SUBSPACE else "atoms"
    assert bool(one[name].isfinite().all())
    assert not torch.equal(one[name], two[name])


@pytest.mark.parametrize("bundle", [SUBSPACE, DICTIONARY])
def test_each_bundle_runs_on_what_is_always_there(bundle, weights, tmp_path):
    options = {"ckpt": weights[bundle], **SMALL[bundle], "n_slices": 2, "save_page": True}
    (row,) = solve(bundle, tmp_path, **options)["scans"]
    assert {"psnr", "missing_psnr", "missing_ssim"} <= row.keys()
    assert row["missing_share"] == pytest.approx(5 / 6, abs=0.01)
    assert (tmp_path / "report.html").exists()


@pytest.mark.parametrize(("bundle", "n_completions"), [(SUBSPACE, 4), (SUBSPACE, 0), (DICTIONARY, 0)])
def test_observed_voxels_come_out_bit_for_bit(bundle, n_completions, weights, tmp_path):
    path = volume(tmp_path / "in" / "a.nii.gz", scan())
    options = {"ckpt": weights[bundle], **SMALL[bundle], "n_completions": n_completions}
    solve(bundle, tmp_path / "out", dataset_dir=str(path), **options)
    filled = nib.load(tmp_path / "out" / "a_recon.nii.gz").get_fdata()
    seen = np.isfinite(scan())
    np.testing.assert_array_equal(filled[seen], scan()[seen])
    assert np.isfinite(filled).all()
    assert (tmp_path / "out" / "a_std.nii.gz").exists() == (n_completions > 0)


def test_the_mean_of_many_completions_is_the_image_of_none(weights, tmp_path):
    """A linear subspace draws around its mean: n of them miss it by std / sqrt(n)."""
    path = volume(tmp_path / "in" / "a.nii.gz", scan())
    for n in (0, 400):
        options = {"ckpt": weights[SUBSPACE], **SMALL[SUBSPACE], "n_completions": n}
        solve(SUBSPACE, tmp_path / str(n), dataset_dir=str(path), save_completions=False, **options)
    mean, many, std = (
        nib.load(tmp_path / f"{folder}/a_{what}.nii.gz").get_fdata()
        for folder, what in (("0", "recon"), ("400", "recon"), ("400", "std"))
    )
    holes = std > 0
    assert np.abs((many - mean)[holes] / std[holes]).max() < 5 / np.sqrt(400)


def refused(bundle: str, tmp_path: Path, **overrides: Any) -> str:
    path = volume(tmp_path / "in" / "a.nii.gz", scan())
    with pytest.raises((RuntimeError, ValueError, TypeError, OSError)) as caught:
        solve(bundle, tmp_path / "out", **{"dataset_dir": str(path), **SMALL[bundle], **overrides})
    assert half_written(tmp_path / "out") == []
    assert not list((tmp_path / "out").glob("*.nii.gz"))
    return sentence(caught.value)


def test_a_dictionary_draws_no_completions(weights, tmp_path):
    said = refused(DICTIONARY, tmp_path, ckpt=weights[DICTIONARY], n_completions=3)
    assert "n_completions=3" in said
    assert "give 0" in said


@pytest.mark.parametrize(
    ("bundle", "wrong", "named"),
    [
        (SUBSPACE, {"network_def::sigma": 0}, "sigma=0"),
        (SUBSPACE, {"n_latents": 0}, "out_features=0"),
        (DICTIONARY, {"n_nonzero": 6}, "n_nonzero=6"),
        (DICTIONARY, {"stride": 7}, "stride=7"),
        (DICTIONARY, {"ridge": -1}, "ridge=-1"),
    ],
)
def test_a_setting_out_of_range_is_named(bundle, wrong, named, weights, tmp_path):
    assert named in refused(bundle, tmp_path, ckpt=weights[bundle], **wrong)


@pytest.mark.parametrize("bundle", [SUBSPACE, DICTIONARY])
def test_weights_of_the_other_bundle_are_refused(bundle, weights, tmp_path):
    other = weights[DICTIONARY if bundle == SUBSPACE else SUBSPACE]
    assert other in refused(bundle, tmp_path, ckpt=other)


@pytest.mark.parametrize(("bundle", "overlays"), [WAYS[0], WAYS[2]])
def test_a_step_size_above_1_is_refused_before_anything_is_written(tmp_path, scans, bundle, overlays):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the workflow wraps what was raised
        train(bundle, tmp_path / "out", overlays, dataset_dir=str(scans), lr=2)
    assert "lr=2" in sentence(caught.value)
    assert not (tmp_path / "out").exists()


def test_steps_without_gradients_refuse_a_second_process(monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    with pytest.raises(ValueError, match="one process"):
        FitTrainer()

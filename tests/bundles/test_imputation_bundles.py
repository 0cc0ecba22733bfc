"""What the bundles for imputation give back: means, deviations and completions of what was not measured."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from bundles.inference import half_written
from bundles.solving import BUNDLES, solve, volume
from nibabel.affines import apply_affine
from nibabel.processing import resample_to_output
from torch import nn

from mrrecon.errors import sentence
from mrrecon.networks import CompletionInPlanes, CompletionNetwork, SparseVAE
from mrrecon.templates import template_path

SLICES, VOLUMES = "sparse_vae2d", "sparse_vae3d"
CHANNELS = [4, 4, 8]
OBLIQUE = np.array([[0, -1.1, 0.1, 20], [0, 0.1, 3.0, -30], [-0.9, 0, 0.2, 7], [0, 0, 0, 1]])


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Weights of a small network for each bundle."""
    files = {}
    for bundle, dims in ((SLICES, 2), (VOLUMES, 3)):
        torch.manual_seed(0)
        network = CompletionNetwork(dims, channels=CHANNELS)
        nn.init.normal_(network.decoder.last.weight, std=0.1)
        files[bundle] = str(tmp_path_factory.mktemp(bundle) / "model.pt")
        torch.save(network.state_dict(), files[bundle])
    return files


@pytest.fixture
def complete(weights):
    def run(bundle: str, output_dir: Path, *overlays: str, **overrides: Any) -> dict[str, Any]:
        small = {"ckpt": weights[bundle], "completion_def::channels": CHANNELS, "n_completions": 3}
        if bundle == VOLUMES:
            small["network_def"] = "@completion_def"
        return solve(bundle, output_dir, *overlays, **{**small, **overrides})

    return run


@pytest.fixture
def refusal(complete, tmp_path):
    def run(bundle: str = SLICES, **overrides: Any) -> str:
        with pytest.raises((RuntimeError, ValueError, TypeError, OSError)) as caught:
            complete(bundle, tmp_path / "out", **overrides)
        assert half_written(tmp_path / "out") == []
        assert not list((tmp_path / "out").glob("*.nii.gz"))
        said = sentence(caught.value)
        assert "\n" not in said
        return said

    return run


def ball(shape=(14, 12, 10)) -> np.ndarray:
    axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    noise = np.random.default_rng(0).random(shape)
    return (100 * np.clip(1.2 - np.sqrt(sum(x**2 for x in axes)), 0, None) + noise).astype(np.float32)


def with_holes(every: int = 3) -> np.ndarray:
    image = ball()
    holes = np.ones(image.shape, bool)
    holes[:, :, ::every] = holes[::every] = False
    return np.where(holes, np.nan, image)


def outputs(folder: Path, name: str = "a") -> list[np.ndarray]:
    return [
        nib.load(folder / f"{name}_{what}.nii.gz").get_fdata() for what in ("recon", "std", "completions")
    ]


@pytest.mark.parametrize("bundle", [SLICES, VOLUMES])
def test_each_bundle_runs_on_what_is_always_there(bundle, complete, tmp_path):
    options = {"n_slices": 2} if bundle == SLICES else {"n_slices": 24, "slices": "axial"}
    (row,) = complete(bundle, tmp_path, save_page=True, **options)["scans"]
    assert {"psnr", "missing_psnr", "missing_ssim", "coverage_95", "coverage_95_tissue"} <= row.keys()
    assert row["missing_share"] == pytest.approx(5 / 6, abs=0.01)
    assert row["method"] == "network"
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "completion 3" in page
    assert 'src="http' not in page


@pytest.mark.parametrize("bundle", [SLICES, VOLUMES])
def test_the_geometry_stays_and_observed_voxels_survive(bundle, complete, tmp_path):
    image = with_holes()
    path = volume(tmp_path / "in" / "a.nii.gz", image, OBLIQUE)
    complete(bundle, tmp_path / "out", dataset_dir=str(path))
    mean, std, completions = outputs(tmp_path / "out")
    seen = np.isfinite(image)
    for name in ("recon", "std", "completions"):
        np.testing.assert_allclose(nib.load(tmp_path / "out" / f"a_{name}.nii.gz").affine, OBLIQUE, atol=1e-5)
    assert completions.shape == (*image.shape, 3)
    np.testing.assert_array_equal(mean[seen], image[seen])
    assert not std[seen].any()
    np.testing.assert_array_equal(completions[seen], np.repeat(image[seen][:, None], 3, 1))
    np.testing.assert_allclose(mean, completions.mean(-1), rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(std, completions.std(-1, ddof=1), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("bundle", [SLICES, VOLUMES])
def test_thick_slices_survive_in_their_places_on_a_finer_grid(bundle, complete, tmp_path):
    path = volume(tmp_path / "in" / "a.nii.gz", ball(), OBLIQUE)
    seen = np.random.default_rng(0).random(ball().shape) < 0.9
    volume(tmp_path / "in" / "a_mask.nii.gz", seen, OBLIQUE)
    complete(bundle, tmp_path / "out", dataset_dir=str(path), factor=[1, 1, 3], slice_axis="axial")
    mean, std, _ = outputs(tmp_path / "out")
    measured = np.zeros((14, 12, 3 * 9 + 1), bool)
    measured[:, :, ::3] = seen
    np.testing.assert_array_equal(mean[measured], ball()[seen])
    np.testing.assert_array_equal(std == 0, measured)
    fine = nib.load(tmp_path / "out" / "a_recon.nii.gz").affine
    there, before = apply_affine(fine, np.argwhere(measured)), apply_affine(OBLIQUE, np.argwhere(seen))
    np.testing.assert_allclose(there, before, atol=1e-4)


def test_holes_may_be_told_by_mask_number_or_nan(complete, tmp_path):
    image, made = with_holes(), []
    seen = np.isfinite(image)
    for name, values in (("nan", image), ("number", np.where(seen, image, -7)), ("mask", ball())):
        path = volume(tmp_path / name / "a.nii.gz", values)
        if name == "mask":
            volume(tmp_path / name / "a_mask.nii.gz", 5 * seen)
        complete(SLICES, tmp_path / name / "out", dataset_dir=str(path), missing=-7)
        made.append(outputs(tmp_path / name / "out"))
    for other in made[1:]:
        for one, two in zip(made[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


def test_a_label_beside_the_scan_is_compared_with(complete, tmp_path):
    image = with_holes()
    path = volume(tmp_path / "in" / "a.nii.gz", image)
    volume(tmp_path / "in" / "a_label.nii.gz", ball())
    (row,) = complete(VOLUMES, tmp_path / "out", dataset_dir=str(path))["scans"]
    mean, _, _ = outputs(tmp_path / "out")
    holes = ~np.isfinite(image)
    assert row["missing_share"] == pytest.approx(holes.mean(), abs=1e-4)
    assert row["missing_mse"] == pytest.approx(((mean - ball())[holes] ** 2).mean(), rel=1e-3)


@pytest.mark.parametrize("bundle", [SLICES, VOLUMES])
def test_evaluation_compares_the_methods_on_each_scan(bundle, complete, tmp_path, capsys):
    volume(tmp_path / "in" / "a.nii", ball((16, 3, 16) if bundle == SLICES else (12, 12, 12)))
    options = {"dataset_dir": str(tmp_path / "in"), "max_iterations": 3, "acceleration": 3}
    metrics = complete(bundle, tmp_path / "out", "evaluate.json", **options)
    methods = json.loads((BUNDLES / bundle / "configs" / "evaluate.json").read_text())["methods"]
    assert list(metrics["summary"]) == methods
    assert all("missing_psnr" in row for row in metrics["scans"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["metrics.csv", "metrics.json"]
    assert "missing, dB" in capsys.readouterr().out


@pytest.fixture(scope="module")
def small_brain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template in voxels of 5 mm."""
    t1 = nib.load(template_path("t1"))
    coarse = resample_to_output(nib.Nifti1Image(t1.get_fdata(dtype=np.float32), t1.affine), 5.0, order=1)
    return volume(tmp_path_factory.mktemp("brain") / "a.nii.gz", coarse.get_fdata(), coarse.affine)


def shades(image: Any, *_: Any, **__: Any) -> SimpleNamespace:
    """Tissues of the template by its brightness: up to 150, up to 190, and above."""
    edges = (20, 150, 190, np.inf)
    tissues = [(low < image) & (image <= high) for low, high in pairwise(edges)]
    return SimpleNamespace(probabilities=torch.stack([torch.as_tensor(x) for x in tissues]).float())


def test_tissues_of_the_completed_scan_are_compared_with_those_of_the_complete_one(
    complete, small_brain, tmp_path, monkeypatch
):
    monkeypatch.setattr("mrrecon.handlers.tissue_dice.segment_tissues", shades)
    options = {"dataset_dir": str(small_brain), "simulate": True, "acceleration": 2, "methods": ["linear"]}
    metrics = complete(VOLUMES, tmp_path, tissues=True, save_page=True, **options)
    files = (small_brain, tmp_path / "a_recon.nii.gz")
    one, two = (shades(nib.load(file).get_fdata()).probabilities.numpy() > 0 for file in files)
    csf, grey, white = (2 * (one & two).sum((1, 2, 3)) / (one.sum((1, 2, 3)) + two.sum((1, 2, 3)))).tolist()
    expected = {"dice_wm": white, "dice_gm": grey, "dice_csf": csf}
    assert {name: metrics["scans"][0][name] for name in expected} == pytest.approx(expected, abs=1e-4)
    assert 0.5 < min(expected.values()) <= max(expected.values()) < 1
    assert metrics["summary"]["linear"]["dice_gm"]["worst"] == metrics["scans"][0]["dice_gm"]
    assert "Dice of grey matter" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_of_what_has_no_tissues_or_no_label_all_else_is_kept(complete, tmp_path, capsys):
    volume(tmp_path / "in" / "a.nii.gz", ball())
    volume(tmp_path / "holes" / "b.nii.gz", with_holes())
    for folder, said in (
        ("in", "a.nii.gz (the scan: the image shows"),
        ("holes", "b.nii.gz (there is no label"),
    ):
        options = {"dataset_dir": str(tmp_path / folder), "simulate": folder == "in", "tissues": True}
        metrics = complete(VOLUMES, tmp_path / "out", methods=["linear", "nearest"], **options)
        assert not any(name.startswith("dice") for row in metrics["scans"] for name in row)
        assert ("missing_psnr" in metrics["summary"]["nearest"]) == (folder == "in")
        assert len(metrics["tissues_not_found"]) == 1
        assert f"without Dice, as no tissues were found: {said}" in capsys.readouterr().out


def test_tiles_and_planes_are_options(complete, tmp_path):
    path = volume(tmp_path / "in" / "a.nii.gz", with_holes())
    complete(VOLUMES, tmp_path / "tiles", dataset_dir=str(path), roi_size=[8, 8, 8])
    assert np.isfinite(outputs(tmp_path / "tiles")[0]).all()
    two = {"network_def": "@planes_def", "planes_def::channels": CHANNELS, "n_completions": 0}
    ckpt = tmp_path / "model.pt"
    torch.save(CompletionInPlanes(channels=CHANNELS).state_dict(), ckpt)
    complete(VOLUMES, tmp_path / "planes", dataset_dir=str(path), ckpt=str(ckpt), **two)
    assert sorted(file.name for file in (tmp_path / "planes").glob("*.nii.gz")) == ["a_recon.nii.gz"]


def test_the_paper_s_network_is_chosen_on_the_command_line(complete, tmp_path):
    ckpt, channels = tmp_path / "model.pt", [4, 4]
    torch.save(SparseVAE(2, channels=channels, n_latents=32, sigma=0.06).state_dict(), ckpt)
    path = volume(tmp_path / "in" / "a.nii.gz", with_holes())
    own = {"network_def": "@conv_sparse_def", "conv_sparse_def::channels": channels, "ckpt": str(ckpt)}
    (row,) = complete(SLICES, tmp_path / "out", dataset_dir=str(path), **own)["scans"]
    assert row["method"] == "network"
    assert outputs(tmp_path / "out")[1].any()


@pytest.mark.parametrize(
    ("bundle", "variant", "options"),
    [
        (SLICES, "conv_sparse", {"n_slices": 2}),
        (VOLUMES, "conv_local_sparse", {"spatial_size": [64] * 3, "roi_size": [64] * 3}),
    ],
)
def test_the_shipped_weights_of_the_paper_s_networks_know_brains(bundle, variant, options, tmp_path):
    if bundle == VOLUMES:
        part = nib.load(template_path("t1")).get_fdata(dtype=np.float32)[14:78, 86:150, 95:159]
        options |= {"dataset_dir": str(volume(tmp_path / "in" / "a.nii.gz", part)), "simulate": True}
    own = {"ckpt": str(BUNDLES / bundle / "models" / f"model_{variant}.pt"), "network_def": f"@{variant}_def"}
    methods = {"methods": ["network", "mean"], "n_completions": 2}
    both = solve(bundle, tmp_path / "out", "evaluate.json", **methods, **own, **options)
    network, mean = (row["missing_psnr"] for row in both["scans"])
    assert network > mean + 3


@pytest.mark.parametrize("bundle", [SLICES, VOLUMES])
@pytest.mark.parametrize("shape", [(13, 1, 11), (13, 11, 1), (13, 11), (17, 13, 11)])
def test_one_slice_and_sizes_that_are_no_multiples_are_completed(bundle, shape, complete, tmp_path):
    image = np.random.default_rng(0).random(shape).astype(np.float32)
    image[::2] = np.nan
    path = volume(tmp_path / "in" / "a.nii.gz", image)
    complete(bundle, tmp_path / "out", dataset_dir=str(path))
    mean, _, _ = outputs(tmp_path / "out")
    assert mean.reshape(shape).shape == shape
    assert np.isfinite(mean).all()


@pytest.mark.parametrize("bundle", [SLICES, VOLUMES])
def test_a_whole_or_a_constant_scan_is_sure(bundle, complete, tmp_path):
    gaps = np.full((10, 9, 8), 3.0)
    gaps[::2] = np.nan
    for name, image, expected in (("whole", ball(), ball()), ("constant", gaps, np.full(gaps.shape, 3.0))):
        path = volume(tmp_path / name / "a.nii.gz", image)
        complete(bundle, tmp_path / name / "out", dataset_dir=str(path))
        mean, std, _ = outputs(tmp_path / name / "out")
        np.testing.assert_array_equal(mean, expected)
        assert not std.any()


@pytest.mark.parametrize(
    ("image", "mask", "said"),
    [
        (np.full((8, 8, 8), np.nan), None, "has no voxel that was seen"),
        (np.full((8, 8, 8), np.inf), None, "holds Inf"),
        (np.ones((8, 8, 8, 2)), None, "must be one volume"),
        (ball(), np.zeros(ball().shape), "no voxel that was seen"),
        (ball(), np.ones((12, 14, 10)), "has the shape (12, 14, 10), the image"),
        (ball(), ball(), "is no mask"),
        (with_holes(), np.ones(ball().shape), "marks as observed"),
    ],
    ids=["NaN", "Inf", "4-D", "empty mask", "shape of the mask", "grey mask", "NaN observed"],
)
def test_what_cannot_be_completed_is_refused_by_name(refusal, tmp_path, image, mask, said):
    path = volume(tmp_path / "in" / "a.nii", image)
    if mask is not None:
        volume(tmp_path / "in" / "a_mask.nii", mask)
    message = refusal(dataset_dir=str(path))
    assert str(path) in message
    assert said in message


def test_a_mask_that_lies_elsewhere_is_refused_by_both_names(refusal, tmp_path):
    path = volume(tmp_path / "in" / "a.nii", ball())
    mask = volume(tmp_path / "mask.nii", np.ones(ball().shape), np.diag([1.0, 1.0, 2.0, 1.0]))
    message = refusal(dataset_dir=str(path), mask=str(mask))
    assert message.startswith(f"{mask} and {path} have affines")


@pytest.mark.parametrize(
    ("bundle", "options", "said"),
    [
        (SLICES, {"n_completions": -1}, "n_completions=-1 must be a whole number"),
        (SLICES, {"temperature": float("nan")}, "temperature=nan must be 0 or a positive number"),
        (SLICES, {"slice_axis": "oblique"}, "slice_axis='oblique' must be one of"),
        (SLICES, {"methods": ["magic"]}, "method='magic' must be one of network"),
        (SLICES, {"kind": "magic", "simulate": True}, "kind='magic' must be one of"),
        (VOLUMES, {"roi_size": [7, 8, 8]}, "must be multiples of 4"),
        (VOLUMES, {"n_completions": 10**9}, "GiB are free: ask for fewer"),
        (SLICES, {"factor": [1, 1, 13]}, "factor=[1, 1, 13] must be three whole numbers from 1 to 12"),
        (VOLUMES, {"factor": [1, 1, 1]}, "factor=[1, 1, 1] inserts nothing"),
        (VOLUMES, {"factor": [1, 1, 3], "simulate": True}, "simulate=True takes voxels from"),
        (SLICES, {"ckpt": "nowhere.pt"}, "'nowhere.pt' does not exist"),
    ],
)
def test_an_argument_that_does_not_do_is_refused(refusal, tmp_path, bundle, options, said):
    path = volume(tmp_path / "in" / "a.nii", with_holes())
    assert said in refusal(bundle, **{"dataset_dir": str(path), **options})


def test_a_slice_without_observed_voxels_is_named(refusal, tmp_path):
    image = ball()
    image[:, 4] = np.nan
    path = volume(tmp_path / "in" / "a.nii", image)
    assert "slice 4 of 12 has no observed voxel" in refusal(dataset_dir=str(path))


def test_a_broken_scan_stops_no_other_and_the_command_says_so(weights, tmp_path):
    volume(tmp_path / "in" / "a.nii.gz", with_holes())
    volume(tmp_path / "in" / "b.nii.gz", np.full((8, 8, 8), np.nan))
    config = str(BUNDLES / SLICES / "configs" / "inference.json")
    options = {"dataset_dir": tmp_path / "in", "output_dir": tmp_path / "out", "ckpt": weights[SLICES]}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", config, *words]
    channels = ["--completion_def#channels", str(CHANNELS), "--n_completions", "2"]
    done = subprocess.run([*command, *channels], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "error: 1 of 2 scans could not be reconstructed:" in done.stderr
    assert "b.nii.gz has no voxel that was seen" in done.stderr
    assert "Traceback" not in done.stderr
    made = sorted(path.name for path in (tmp_path / "out").glob("*.nii.gz"))
    assert made == ["a_completions.nii.gz", "a_recon.nii.gz", "a_std.nii.gz"]

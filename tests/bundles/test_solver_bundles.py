"""What the bundles without weights give back: k-space to image, sinogram to image, image to a better one."""

import csv
from pathlib import Path

import h5py
import nibabel as nib
import numpy as np
import pytest
from bundles.solving import (
    CT,
    IMAGE,
    MR,
    chords,
    disc,
    kspace_of,
    maps_of,
    result,
    solve,
    third_of,
    volume,
)

from mrrecon.data import write_cfl

OBLIQUE = np.array([[0.9, 0.3, 0.1, -20], [-0.28, 0.95, 0.12, 30], [-0.06, -0.14, 2.0, 7], [0, 0, 0, 1]])


def save_kspace(folder: Path, kspace: np.ndarray, name: str = "a") -> str:
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / f"{name}.npz", kspace=kspace)
    return str(folder)


@pytest.mark.parametrize("bundle", [MR, CT, IMAGE])
def test_each_bundle_runs_on_what_is_always_there(bundle, tmp_path):
    metrics = solve(bundle, tmp_path, max_iterations=5, n_slices=1, save_page=True)
    (row,) = metrics["scans"]
    assert {"psnr", "ssim", "nmse", "start_psnr", "residual", "seconds", "iterations"} <= row.keys()
    made = nib.load(next(tmp_path.glob("*_recon.nii.gz")))
    assert made.shape == (197, 233, 1)
    np.testing.assert_allclose(made.affine[:3, 3], [-98, -134, 22])  # the slice in the middle of 189
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Convergence" in page
    assert 'src="http' not in page


def test_fully_sampled_kspace_with_its_maps_gives_the_image_back(tmp_path):
    image, maps = disc(), maps_of()
    dataset_dir = save_kspace(tmp_path / "in", kspace_of(image, maps))
    np.save(tmp_path / "maps.npy", maps)
    solve(
        MR, tmp_path / "out", dataset_dir=dataset_dir, maps=str(tmp_path / "maps.npy"), method="zero_filled"
    )
    # Written as x (readout), y, slice.
    np.testing.assert_allclose(result(tmp_path / "out").get_fdata()[:, :, 0].T, image, atol=1e-5)


def test_every_format_of_kspace_gives_the_same_image(tmp_path):
    kspace = third_of(kspace_of(disc(), maps_of()))
    save_kspace(tmp_path / "in", kspace, "a")
    with h5py.File(tmp_path / "in" / "b.h5", "w") as file:
        file["kspace"] = kspace[None]
    write_cfl(tmp_path / "in" / "c", kspace.transpose(2, 1, 0)[:, :, None])
    metrics = solve(MR, tmp_path / "out", dataset_dir=str(tmp_path / "in"), method="sense")
    assert len(metrics["scans"]) == 3
    a, b, c = (result(tmp_path / "out", name).get_fdata() for name in "abc")
    np.testing.assert_allclose(b, a, atol=1e-5)
    np.testing.assert_allclose(c, a, atol=1e-5)


@pytest.mark.parametrize("method", ["sense", "tv", "wavelet"])
def test_each_method_is_nearer_to_the_truth_than_zeros_in_kspace(method, tmp_path):
    image = disc()
    dataset_dir = save_kspace(tmp_path / "in", third_of(kspace_of(image, maps_of())))
    options = {"dataset_dir": dataset_dir, "max_iterations": 100}
    for name in ("zero_filled", method):
        solve(MR, tmp_path / name, method=name, **options)
    errors = [
        np.linalg.norm(result(tmp_path / name).get_fdata()[:, :, 0].T - image)
        for name in ("zero_filled", method)
    ]
    assert errors[1] < 0.7 * errors[0]


def test_complex_numbers_are_written_where_asked(tmp_path):
    dataset_dir = save_kspace(tmp_path / "in", kspace_of(disc(), maps_of()))
    options = {"dataset_dir": dataset_dir, "method": "zero_filled"}
    solve(MR, tmp_path / "complex", complex_values=True, **options)
    solve(MR, tmp_path / "plain", **options)
    values = np.asanyarray(result(tmp_path / "complex").dataobj)
    assert values.dtype == np.complex64
    np.testing.assert_allclose(np.abs(values), result(tmp_path / "plain").get_fdata(), atol=1e-6)


def test_a_mask_says_what_was_measured(tmp_path):
    kspace = kspace_of(disc(), maps_of())
    np.save(tmp_path / "mask.npy", third_of(np.ones((1, 40), bool)))
    whole = {"dataset_dir": save_kspace(tmp_path / "whole", kspace), "mask": str(tmp_path / "mask.npy")}
    third = {"dataset_dir": save_kspace(tmp_path / "third", third_of(kspace))}
    for name, options in (("whole", whole), ("third", third)):
        solve(MR, tmp_path / "out" / name, method="sense", **options)
    a, b = (result(tmp_path / "out" / name).get_fdata() for name in ("whole", "third"))
    np.testing.assert_array_equal(a, b)


def test_a_label_beside_kspace_is_compared_with(tmp_path):
    image = disc()
    dataset_dir = save_kspace(tmp_path / "in", kspace_of(image, maps_of()))
    volume(tmp_path / "in" / "a_label.nii.gz", image.T[:, :, None])
    (row,) = solve(MR, tmp_path / "out", dataset_dir=dataset_dir, method="zero_filled")["scans"]
    assert row["psnr"] > 25


def test_simulated_slices_lie_where_they_lay(tmp_path):
    draw = np.random.default_rng(0).random((40, 44, 9))
    path = volume(tmp_path / "in" / "a.nii.gz", draw, OBLIQUE)
    solve(
        MR, tmp_path / "out", dataset_dir=str(path), n_slices=3, method="zero_filled", acceleration=1, noise=0
    )
    made = result(tmp_path / "out")
    np.testing.assert_allclose(made.affine[:3, 3], OBLIQUE[:3] @ [0, 0, 3, 1], atol=1e-5)
    np.testing.assert_allclose(made.affine[:3, :3], OBLIQUE[:3, :3], atol=1e-6)
    assert np.corrcoef(made.get_fdata().ravel(), draw[:, :, 3:6].ravel())[0, 1] > 0.95


def test_evaluation_compares_the_methods_on_each_scan(tmp_path, capsys):
    for name in "ab":
        volume(tmp_path / "in" / f"{name}.nii", np.stack(3 * [100 * disc()], axis=2))
    options = {"max_iterations": 5, "dataset_dir": str(tmp_path / "in")}
    metrics = solve(IMAGE, tmp_path / "out", "evaluate.json", **options)
    assert list(metrics["summary"]) == ["tikhonov", "tv", "wavelet"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["metrics.csv", "metrics.json"]
    with (tmp_path / "out" / "metrics.csv").open(newline="") as stream:
        assert [row["method"] for row in csv.DictReader(stream)] == 2 * ["tikhonov", "tv", "wavelet"]
    assert capsys.readouterr().out.count("\nmean") == 3


@pytest.mark.parametrize("method", ["fbp", "tv"])
def test_a_sinogram_of_a_disc_becomes_the_disc_in_mm(method, tmp_path):
    sinogram = chords(60, 64, spacing=2.0, radius=30.0, offset=10.0)
    (tmp_path / "in").mkdir()
    angles = 180 * np.arange(60) / 60
    np.savez(tmp_path / "in" / "a.npz", sinogram=sinogram, angles=angles, detector_spacing=2.0)
    solve(CT, tmp_path / "out", dataset_dir=str(tmp_path / "in"), method=method, max_iterations=100)
    made = result(tmp_path / "out")
    assert made.shape == (64, 64, 1)
    np.testing.assert_allclose(np.abs(np.diag(made.affine)[:2]), 2.0)
    image = made.get_fdata()[:, :, 0].T
    x = (np.arange(64) - 31.5) * 2
    distance = np.hypot(x[None] - 10.0, x[:, None])
    assert image[distance < 26].mean() == pytest.approx(1, abs=0.03)
    assert abs(image[distance > 34].mean()) < 0.03


def test_water_is_zero_in_hounsfield_units(tmp_path):
    np.save(tmp_path / "a.npy", 0.02 * chords(60, 64, spacing=1.0, radius=20.0))
    options = {"dataset_dir": str(tmp_path / "a.npy"), "water": 0.02, "method": "fbp"}
    solve(CT, tmp_path / "out", **options)
    assert result(tmp_path / "out").get_fdata()[25:39, 25:39].mean() == pytest.approx(0, abs=30)


def test_voxels_that_were_seen_survive_beside_holes(tmp_path):
    image = np.stack(8 * [100 * disc()], axis=2)
    image[::3, ::2] = np.nan
    path = volume(tmp_path / "in" / "a.nii.gz", image, OBLIQUE)
    solve(IMAGE, tmp_path / "out", dataset_dir=str(path), max_iterations=20)
    made, seen = result(tmp_path / "out"), np.isfinite(image)
    np.testing.assert_allclose(made.affine, OBLIQUE, atol=1e-5)
    np.testing.assert_array_equal(made.get_fdata()[seen], image.astype(np.float32)[seen])
    assert np.isfinite(made.get_fdata()).all()


def test_holes_may_be_told_by_mask_number_or_nan(tmp_path):
    image, seen = np.stack(8 * [100 * disc() + 1], axis=2), np.ones((40, 40, 8), bool)
    seen[::3, ::2] = False
    volume(tmp_path / "nan" / "a.nii", np.where(seen, image, np.nan))
    volume(tmp_path / "number" / "a.nii", np.where(seen, image, -1))
    volume(tmp_path / "mask" / "a.nii", image)
    volume(tmp_path / "mask" / "a_mask.nii", seen)
    made = []
    for name, options in {"nan": {}, "number": {"missing": -1}, "mask": {}}.items():
        out = tmp_path / "out" / name
        solve(IMAGE, out, dataset_dir=str(tmp_path / name), method="tikhonov", **options)
        made.append(result(out).get_fdata())
    np.testing.assert_array_equal(made[0], made[1])
    np.testing.assert_array_equal(made[0], made[2])


def test_smaller_voxels_fill_the_same_field_of_view(tmp_path):
    coarse = np.random.default_rng(0).random((12, 10, 6)) + 1
    path = volume(tmp_path / "in" / "a.nii.gz", coarse, OBLIQUE)
    options = {"dataset_dir": str(path), "factor": [1, 2, 3], "method": "tikhonov", "weight": 1e-4}
    solve(IMAGE, tmp_path / "out", **options)
    made = result(tmp_path / "out")
    assert made.shape == (12, 20, 18)
    for corner in (0.0, 1.0):  # edges of the volume, half a voxel beyond the centres
        edges = [np.array(shape) * corner - 0.5 for shape in ((12, 10, 6), (12, 20, 18))]
        np.testing.assert_allclose(made.affine[:3] @ [*edges[1], 1], OBLIQUE[:3] @ [*edges[0], 1], atol=1e-4)
    means = made.get_fdata().reshape(12, 10, 2, 6, 3).mean((2, 4))
    np.testing.assert_allclose(means, coarse, rtol=0.02)


def test_the_blur_is_measured_in_mm(tmp_path):
    image = np.stack(8 * [100 * disc()], axis=2)
    psf, affine = [4.0, 4.0, 0.0], np.diag([2.0, 2.0, 2.0, 1.0])
    path = volume(tmp_path / "in" / "a.nii.gz", image, affine)
    options = {"dataset_dir": str(path), "psf": psf, "simulate": True, "noise": 0.0, "n_slices": 8}
    (row,) = solve(IMAGE, tmp_path / "out", method="tikhonov", weight=1e-4, **options)["scans"]
    assert row["psnr"] > row["start_psnr"] + 3


def test_negative_numbers_are_compared_as_they_are(tmp_path):
    water = np.where(disc(48) > 0, 0.0, -1000.0)
    path = volume(tmp_path / "in" / "a.nii.gz", np.stack(3 * [water], axis=2))
    (row,) = solve(CT, tmp_path / "out", dataset_dir=str(path), method="fbp", photons=None)["scans"]
    error = result(tmp_path / "out").get_fdata()[..., 0] - water
    assert row["psnr"] == pytest.approx(20 * np.log10(1000 / np.sqrt((error**2).mean())), abs=0.01)
    assert row["psnr"] > 15

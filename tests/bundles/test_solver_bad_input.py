"""What must not happen with the bundles that solve: one clear sentence each, and nothing half written."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundles.inference import half_written
from bundles.solving import BUNDLES, CT, IMAGE, MR, disc, kspace_of, maps_of, solve, volume

from mrrecon.errors import sentence


def refusal(bundle: str, output_dir: Path, **overrides: Any) -> str:
    """The sentence that a run ends with. Nothing is left in the folder of the outputs."""
    with pytest.raises((RuntimeError, ValueError, TypeError, OSError)) as caught:
        solve(bundle, output_dir, **overrides)
    assert half_written(output_dir) == []
    assert not list(output_dir.glob("*.nii.gz")) if output_dir.exists() else True
    said = sentence(caught.value)
    assert "\n" not in said
    return said


def kspace_file(path: Path, kspace: np.ndarray) -> str:
    np.save(path, kspace)
    return str(path)


MEASURED = kspace_of(disc(), maps_of())
SPARSE = MEASURED * (np.arange(40) % 4 == 1)


@pytest.mark.parametrize(
    ("kspace", "said"),
    [
        (np.zeros_like(MEASURED), "holds nothing but zeros"),
        (MEASURED * np.nan, "that are NaN or Inf"),
        (MEASURED.real, "holds real numbers (float32): k-space must be complex"),
        (MEASURED[0, 0], "has 1 axes"),
        (SPARSE, "too few to estimate coil maps from (wanted 8 along each axis): give maps"),
    ],
    ids=["zero", "NaN", "real", "one axis", "no middle"],
)
def test_what_is_no_kspace_is_refused_by_name(tmp_path, kspace, said):
    path = kspace_file(tmp_path / "a.npy", kspace)
    message = refusal(MR, tmp_path / "out", dataset_dir=path)
    assert message.startswith(path)
    assert said in message


@pytest.mark.parametrize(
    ("option", "values", "said"),
    [
        ("maps", maps_of(3), "has maps of 3 coils, the k-space 4 coils"),
        ("maps", maps_of(4, 20), "has the shape (4, 1, 20, 20), which does not fit"),
        ("maps", maps_of() * np.nan, "holds NaN or Inf"),
        ("maps", maps_of() * 0, "zero everywhere"),
        ("mask", np.zeros((40, 40)), "is an empty mask"),
        ("mask", np.ones((30, 40)), "has the shape (30, 40), which does not fit"),
    ],
    ids=["coils", "shape of maps", "NaN", "zero maps", "empty mask", "shape of mask"],
)
def test_maps_and_masks_that_do_not_fit_are_refused(tmp_path, option, values, said):
    path, other = kspace_file(tmp_path / "a.npy", MEASURED), kspace_file(tmp_path / "b.npy", values)
    assert said in refusal(MR, tmp_path / "out", dataset_dir=path, **{option: other})


@pytest.mark.parametrize(
    ("bundle", "options", "said"),
    [
        (MR, {"weight": -0.1}, "weight=-0.1 must be a positive number"),
        (MR, {"weight": 0}, "weight=0 must be a positive number"),
        (MR, {"method": "magic"}, "method='magic' must be one of zero_filled, sense, tv, wavelet"),
        (CT, {"weight": float("nan")}, "weight=nan must be a positive number"),
        (CT, {"n_views": 1}, "n_views=1 must be at least 2"),
        (CT, {"detector_spacing": 0}, "detector_spacing=0 mm must be positive"),
        # Of 1.5 the check of types in the tests would speak first, if it happened to look at that number.
        (IMAGE, {"factor": [True, 1, 1]}, "must be whole numbers"),
        (IMAGE, {"psf": -1.0}, "psf=-1.0 must be a width in mm"),
        (IMAGE, {"holes": 1.0}, "holes=1.0 must be a part of the voxels"),
    ],
)
def test_an_argument_out_of_its_range_is_refused_before_any_work(tmp_path, bundle, options, said):
    assert said in refusal(bundle, tmp_path / "out", **options)


def test_one_view_is_no_scan(tmp_path):
    path = kspace_file(tmp_path / "a.npy", np.ones((1, 64)))
    assert "1 view has no image in it" in refusal(CT, tmp_path / "out", dataset_dir=path)


def test_angles_must_be_as_many_as_views(tmp_path):
    path = kspace_file(tmp_path / "a.npy", np.ones((5, 64)))
    said = refusal(CT, tmp_path / "out", dataset_dir=path, angles=[0, 45, 90])
    assert "angles has 3 entries and the sinogram 5 views" in said


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.full((8, 8, 8), np.nan), "has no voxel that was seen"),
        (np.zeros((8, 8, 8)), "zero everywhere it was seen"),
        (np.full((8, 8, 8), np.inf), "holds Inf"),
        (np.ones((8, 8, 8, 2)), "must be one volume"),
    ],
    ids=["NaN", "zero", "Inf", "4-D"],
)
def test_what_cannot_be_restored_is_refused_by_name(tmp_path, values, said):
    path = volume(tmp_path / "a.nii", values)
    message = refusal(IMAGE, tmp_path / "out", dataset_dir=str(path), simulate=False)
    assert message.startswith(str(path))
    assert said in message


def test_too_little_memory_is_said_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr("mrrecon.solvers.checks.available_memory", lambda *_: 1000)
    path = kspace_file(tmp_path / "a.npy", MEASURED)
    said = refusal(MR, tmp_path / "out", dataset_dir=path, method="sense")
    assert "GiB are free" in said


def test_a_broken_file_stops_no_other_and_the_command_says_so(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in "ac":
        kspace_file(folder / f"{name}.npy", MEASURED)
    (folder / "b.h5").write_bytes(b"no k-space")
    config = str(BUNDLES / MR / "configs" / "inference.json")
    options = ["--dataset_dir", str(folder), "--output_dir", str(tmp_path / "out"), "--method", "sense"]
    done = subprocess.run(
        [sys.executable, "-m", "monai.bundle", "run", "--config_file", config, *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    *_, head, last = done.stderr.strip().splitlines()
    assert head == "error: 1 of 3 scans could not be reconstructed:"
    assert last.startswith(f"  {folder}/b.h5 is no HDF5 file, or is cut off")
    assert "Traceback" not in done.stderr
    made = sorted(path.name for path in (tmp_path / "out").glob("*"))
    assert made == ["a_recon.nii.gz", "c_recon.nii.gz", "metrics.csv", "metrics.json", "report.html"]

"""Tissues and a study of them by the configs of scripts/morphometry, from scans to tables."""

import csv
import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from monai.bundle import ConfigWorkflow

from mrrecon.data import template_path, tissue_scans

CONFIGS = Path(__file__).parents[2] / "scripts" / "morphometry"


@pytest.fixture(autouse=True)
def _hook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # the config sets its own


def command(monkeypatch: pytest.MonkeyPatch, script: str, *arguments: object) -> None:
    """A script as a command, in this process."""
    monkeypatch.setattr(sys, "argv", [script, *map(str, arguments)])
    runpy.run_path(str(CONFIGS / script), run_name="__main__")


def run(config: str, output_dir: Path, **options: Any) -> None:
    flow = ConfigWorkflow(
        config_file=str(CONFIGS / config),
        meta_file=str(CONFIGS / "metadata.json"),
        workflow_type="inference",
        logging_file=False,
        quiet=True,
        device="cpu",
        output_dir=str(output_dir),
        **options,
    )
    flow.initialize()
    flow.run()


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template in voxels of 3 mm, in two storages of the same scan, and noise that is no brain."""
    folder = tmp_path_factory.mktemp("scans")
    image: Any = nib.load(template_path("t1"))
    coarse = nib.as_closest_canonical(image).slicer[::3, ::3, ::3]
    values = np.asarray(coarse.dataobj, dtype=np.float32)
    draw = np.random.default_rng(0)
    noisy = values * (1 + 0.03 * draw.standard_normal(values.shape)) * (values > 0)
    as_stored = nib.Nifti1Image((100 * noisy / noisy.max()).astype(np.uint8), coarse.affine)
    nib.save(as_stored, folder / "sub-1_T1w.nii.gz")
    turn = np.array([[1, -1], [2, 1], [0, -1]])
    nib.save(as_stored.as_reoriented(turn), folder / "sub-2_T1w.nii.gz")
    return folder


@pytest.fixture(scope="module")
def tissues(scans: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tissues")
    nib.save(
        nib.Nifti1Image(np.random.default_rng(1).random((20, 20, 20)), np.eye(4)), scans / "noise.nii.gz"
    )
    with pytest.raises(RuntimeError):
        run("tissues.json", folder, dataset_dir=str(scans))
    (scans / "noise.nii.gz").unlink()
    return folder


def test_what_is_no_brain_is_named_and_stops_no_other(tissues):
    metrics = json.loads((tissues / "metrics.json").read_text())
    assert len(metrics["scans"]) == 2
    assert [Path(item["scan"]).name for item in metrics["refused"]] == ["noise.nii.gz"]
    assert not list(tissues.glob("noise*"))


def test_tissues_come_in_the_geometry_of_their_scan(scans, tissues):
    for name in ("sub-1_T1w", "sub-2_T1w"):
        scan, found = nib.load(scans / f"{name}.nii.gz"), nib.load(tissues / f"{name}_tissues.nii.gz")
        assert found.shape == (*scan.shape, 3)
        np.testing.assert_allclose(found.affine, scan.affine, atol=1e-4)
    turned = nib.as_closest_canonical(nib.load(tissues / "sub-2_T1w_tissues.nii.gz"))
    straight = nib.load(tissues / "sub-1_T1w_tissues.nii.gz")
    assert np.abs(turned.get_fdata() - straight.get_fdata()).mean() < 0.005


def test_volumes_are_those_of_the_maps_and_stay_in_the_template(tissues):
    rows = {
        Path(row["scan"]).name: row
        for row in csv.DictReader((tissues / "metrics.csv").read_text().splitlines())
    }
    maps, there = (nib.load(tissues / f"sub-1_T1w_{kind}.nii.gz") for kind in ("tissues", "template"))
    for kind, ml in ((maps, 0.027), (there, 0.008)):
        grey = ml * kind.get_fdata()[..., 1].sum()
        assert grey == pytest.approx(float(rows["sub-1_T1w.nii.gz"]["gm_ml"]), rel=0.01)
    labels = nib.load(tissues / "sub-1_T1w_labels.nii.gz").get_fdata()
    assert set(np.unique(labels)) == {0, 1, 2, 3}


def test_every_second_scan_gets_an_atrophy_where_it_is_asked_for(scans, tmp_path):
    command = [sys.executable, str(CONFIGS / "atrophy_scans.py"), "--dataset_dir", str(scans)]
    command += ["--percent", "40", "--output_dir", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    assert (tmp_path / "participants.csv").read_text().split() == [
        "participant_id,group",
        "sub-1_T1w,atrophy",
        "sub-2_T1w,control",
    ]
    before, after = ([nib.load(f / f"sub-{i}_T1w.nii.gz") for i in (1, 2)] for f in (scans, tmp_path))
    assert np.array_equal(before[1].dataobj, after[1].dataobj)
    assert after[0].get_data_dtype() == np.uint8
    changed = np.argwhere(np.asarray(before[0].dataobj) != np.asarray(after[0].dataobj))
    places = nib.affines.apply_affine(before[0].affine, changed)
    assert len(changed) > 100
    assert np.linalg.norm(places - [-26, -20, -16], axis=1).max() < 30 + 6  # twice the radius, and alignment


def test_everyone_loses_tissue_in_all_places_and_a_scan_that_is_there_is_kept(scans, tmp_path, monkeypatch):
    (tmp_path / "sub-1_T1w.nii.gz").write_bytes(b"made before")
    places = np.array([[-26, -20, -16], [30, 30, 20]])
    options = ["--everyone", "--radius", 12, "--percent", 40, "--output_dir", tmp_path]
    for place in places:
        options += ["--centre", *place]
    command(monkeypatch, "atrophy_scans.py", "--dataset_dir", scans, *options)
    assert (tmp_path / "sub-1_T1w.nii.gz").read_bytes() == b"made before"
    assert (tmp_path / "participants.csv").read_text().count("atrophy") == 2
    before, after = (nib.load(folder / "sub-2_T1w.nii.gz") for folder in (scans, tmp_path))
    changed = np.argwhere(np.asarray(before.dataobj) != np.asarray(after.dataobj))
    mm = nib.affines.apply_affine(before.affine, changed)
    distances = np.linalg.norm(mm[:, None] - places, axis=2)
    assert distances.min(1).max() < 24 + 6  # twice the radius, and alignment
    assert all((distances.argmin(1) == number).sum() > 100 for number in range(2))


def test_several_percentages_come_into_folders_of_their_own(scans, tmp_path, monkeypatch):
    options = ["--dataset_dir", scans, "--everyone", "--output_dir"]
    command(monkeypatch, "atrophy_scans.py", *options, tmp_path / "both", "--percent", 0, 30)
    command(monkeypatch, "atrophy_scans.py", *options, tmp_path / "alone", "--percent", 30)
    read = lambda folder: np.asarray(nib.load(folder / "sub-1_T1w.nii.gz").dataobj)  # noqa: E731
    assert np.array_equal(read(tmp_path / "both" / "0"), read(scans))
    assert np.array_equal(read(tmp_path / "both" / "30"), read(tmp_path / "alone"))
    assert (tmp_path / "both" / "30" / "participants.csv").exists()


@pytest.fixture
def lost(tmp_path: Path) -> Path:
    """Tissues of five subjects, of whose left hippocampus a fifth is lost; a codec has no scans before."""
    grid, draw = (24, 26, 22), np.random.default_rng(0)
    affine = np.array([[4.0, 0, 0, -46], [0, 4, 0, -50], [0, 0, 4, -40], [0, 0, 0, 1]])
    mm = nib.affines.apply_affine(affine, np.argwhere(np.ones(grid))).reshape(*grid, 3)
    kept = np.where(np.linalg.norm(mm - [-26, -20, -16], axis=-1) <= 15, 0.8, 1.0)
    for percent, codec in ((0, "original"), (20, "original"), (20, "AV1")):
        folder = tmp_path / "tissues" / str(percent) / codec
        folder.mkdir(parents=True)
        for subject in range(5):
            grey = 0.5 * (kept if percent else 1.0) + 0.01 * draw.standard_normal(grid)
            maps = np.stack([np.full(grid, 0.1), grey, np.full(grid, 0.2)], -1).astype(np.float32)
            nib.save(nib.Nifti1Image(maps, affine), folder / f"sub-{subject}_template.nii.gz")
    return tmp_path / "tissues"


def test_the_smallest_atrophy_is_a_command(lost, tmp_path, monkeypatch):
    with pytest.raises(RuntimeError) as error:
        command(monkeypatch, "smallest_atrophy.py", "--tissues", lost, "--output_dir", tmp_path / "out")
    assert "0/AV1 lacks 5 of 5 scans" in str(error.value)
    assert "5 subjects are too few" in str(error.value)
    assert "| original | 20 % | 20 % |" in (tmp_path / "out" / "atrophy.md").read_text()
    assert (tmp_path / "out" / "atrophy.html").read_text().count("data:image/png") == 1


def test_decoded_scans_are_found_and_studied(tissues, tmp_path):
    decoded = tmp_path / "decoded"
    decoded.mkdir()
    for name in ("sub-1_T1w", "sub-2_T1w"):
        for kind in ("tissues", "template"):
            (decoded / f"{name}_recon_{kind}.nii.gz").write_bytes(
                (tissues / f"{name}_{kind}.nii.gz").read_bytes()
            )
    run("study.json", tmp_path / "out", originals=str(tissues), decoded={"exact": str(decoded)})
    study = json.loads((tmp_path / "out" / "study.json").read_text())
    assert study["scans"] == 2
    assert study["agreement"]["exact"]["dice_wm"]["mean"] == 1.0
    page = (tmp_path / "out" / "study.html").read_text()
    assert "exact minus original, paired" in page
    assert "http" not in page.replace("http-equiv", "")


def test_results_are_no_scans_unless_they_are_asked_for(tmp_path):
    nib.save(nib.Nifti1Image(np.zeros((2, 2, 2)), np.eye(4)), tmp_path / "a_recon.nii.gz")
    assert [Path(item["image"]).name for item in tissue_scans(tmp_path, decoded=True)] == ["a_recon.nii.gz"]
    with pytest.raises(FileNotFoundError):
        tissue_scans(tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(FileNotFoundError, match="holds no result"):
        tissue_scans(empty, decoded=True)
    with pytest.raises(ValueError, match="must be a folder of results"):
        tissue_scans(decoded=True)

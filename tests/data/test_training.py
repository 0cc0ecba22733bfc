import json
from pathlib import Path

import pytest

from mrrecon.data import subject_of, training_scans


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for subject in "abcde":
        for run in "12":
            (tmp_path / f"sub-{subject}_run-{run}_T1w.nii").write_bytes(b"x")
            (tmp_path / f"sub-{subject}_run-{run}_T1w_mask.nii").write_bytes(b"x")
    return tmp_path


def test_without_a_folder_brains_come_from_the_templates() -> None:
    scans = training_scans(n_val_brains=3)
    assert scans.source == "templates"
    assert (len(scans.training), len(scans.validation)) == (1, 3)
    assert all(Path(path).is_file() for path in scans.training[0].values())


def test_no_subject_is_on_both_sides(folder: Path) -> None:
    scans = training_scans(str(folder), val_fraction=0.4)
    sides = [{subject_of(scan["image"]) for scan in side} for side in (scans.training, scans.validation)]
    assert not sides[0] & sides[1]
    assert (len(scans.training), len(scans.validation)) == (6, 4)


def test_masks_are_named_only_where_they_are_wanted(folder: Path) -> None:
    assert {*training_scans(str(folder)).training[0]} == {"image"}
    assert {*training_scans(str(folder), brain_mask=True).training[0]} == {"image", "mask"}


def test_a_missing_mask_is_named(folder: Path) -> None:
    (folder / "sub-a_run-1_T1w_mask.nii").unlink()
    with pytest.raises(ValueError, match=r"1 of 10 scans have no mask, first .*sub-a_run-1"):
        training_scans(str(folder), brain_mask=True)


def test_masks_of_synthetic_brains_are_refused() -> None:
    with pytest.raises(ValueError, match="give dataset_dir"):
        training_scans(brain_mask=True)


@pytest.mark.parametrize("fraction", [0, 1, -0.1])
def test_a_training_without_one_side_is_refused(folder: Path, fraction: float) -> None:
    with pytest.raises(ValueError, match="val_fraction"):
        training_scans(str(folder), val_fraction=fraction)


def a_list(folder: Path, **lists: list[str]) -> str:
    (folder / "scans.json").write_text(json.dumps(lists))
    return str(folder / "scans.json")


def test_a_list_that_is_split_already_stays_so(folder: Path) -> None:
    names = sorted(path.name for path in folder.glob("*T1w.nii"))
    scans = training_scans(datalist=a_list(folder, training=names[:8], validation=names[8:]))
    assert [len(scans.training), len(scans.validation)] == [8, 2]
    assert {subject_of(scan["image"]) for scan in scans.validation} == {"e"}


def test_a_scan_on_both_sides_is_refused(folder: Path) -> None:
    name = "sub-a_run-1_T1w.nii"
    with pytest.raises(ValueError, match=r"sub-a_run-1_T1w\.nii in training and in validation"):
        training_scans(datalist=a_list(folder, training=[name], validation=[name]))

"""Lists of scans."""

import json
from pathlib import Path

import pytest

from mrrecon.data.datalist import scan_list


def touch(root: Path, *names: str, content: bytes = b"x") -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def names(items: list[dict[str, str]], root: Path) -> list[str]:
    return [Path(item["image"]).relative_to(root).as_posix() for item in items]


def test_nothing_given_means_the_template() -> None:
    assert [Path(item["image"]).name[:14] for item in scan_list()] == ["mni_icbm152_t1"]


def test_nothing_given_is_an_error_where_a_scan_is_needed() -> None:
    with pytest.raises(ValueError, match="dataset_dir and datalist are empty"):
        scan_list(allow_empty=False)


def test_one_file_of_any_name_is_one_scan(tmp_path: Path) -> None:
    touch(tmp_path, "scan.img")
    assert scan_list(tmp_path / "scan.img") == [{"image": str(tmp_path / "scan.img")}]


def test_folder_gives_its_scans_at_any_depth_sorted(tmp_path: Path) -> None:
    touch(tmp_path, "b.nii", "a/sub-2/x.nii.gz", "a/sub-10/y.MHA", "notes.txt", ".hidden.nii", ".git/z.nii")
    assert names(scan_list(str(tmp_path)), tmp_path) == ["a/sub-10/y.MHA", "a/sub-2/x.nii.gz", "b.nii"]


def test_folder_of_dicom_files_is_one_scan(tmp_path: Path) -> None:
    touch(tmp_path, "series/IM1", "series/IM2", content=bytes(128) + b"DICM")
    assert scan_list(tmp_path / "series") == [{"image": str(tmp_path / "series")}]
    touch(tmp_path, "other/1.dcm", "flat.nii")
    assert names(scan_list(tmp_path), tmp_path) == ["flat.nii", "other", "series"]


def test_mask_beside_a_scan_is_its_mask(tmp_path: Path) -> None:
    touch(tmp_path, "a.nii.gz", "a_mask.nii", "b.nii.gz", "c_mask.nii.gz")
    first, second = scan_list(tmp_path)
    assert first == {"image": str(tmp_path / "a.nii.gz"), "mask": str(tmp_path / "a_mask.nii")}
    assert second == {"image": str(tmp_path / "b.nii.gz")}


@pytest.mark.parametrize("content", [["a.nii"], [{"image": "a.nii"}], {"training": [{"image": "a.nii"}]}])
def test_json_list_starts_at_its_own_folder(tmp_path: Path, content: object) -> None:
    touch(tmp_path, "a.nii")
    (tmp_path / "list.json").write_text(json.dumps(content))
    assert scan_list(datalist=tmp_path / "list.json") == [{"image": str(tmp_path / "a.nii")}]


def test_paths_start_at_the_folder_given_and_absolute_ones_where_they_are(tmp_path: Path) -> None:
    touch(tmp_path, "data/a.nii", "b.nii")
    (tmp_path / "list.json").write_text(json.dumps({"test": ["a.nii", str(tmp_path / "b.nii")]}))
    items = scan_list(tmp_path / "data", tmp_path / "list.json", key="test")
    assert names(items, tmp_path) == ["data/a.nii", "b.nii"]


def test_csv_table_gives_images_and_masks(tmp_path: Path) -> None:
    touch(tmp_path, "a.nii", "b.nii", "m.nii")
    (tmp_path / "list.csv").write_text("\ufeffage,image,mask\n3,a.nii,m.nii\n4,b.nii,\n", encoding="utf-8")
    a, b, m = (str(tmp_path / name) for name in ("a.nii", "b.nii", "m.nii"))
    assert scan_list(datalist=tmp_path / "list.csv") == [{"image": a, "mask": m}, {"image": b}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not a JSON list or a CSV table"),
        ("[]", "at least one"),
        ('{"test": []}', "has no entry key='training': it has test"),
        ('[{"label": "a.nii"}]', "must be a path or have a path under 'image'"),
        ("[3]", "the entry 3 must be a path"),
    ],
)
def test_broken_list_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "list.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        scan_list(datalist=tmp_path / "list.json")


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"dataset_dir='.*gone' does not exist"):
        scan_list(tmp_path / "gone")
    with pytest.raises(FileNotFoundError, match=r"holds no scan: wanted \.nii"):
        scan_list(tmp_path)
    (tmp_path / "list.json").write_text('["gone.nii"]')
    with pytest.raises(FileNotFoundError, match=r"list.json: image='.*gone.nii' does not exist"):
        scan_list(datalist=tmp_path / "list.json")


def test_empty_file_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "a.nii", content=b"")
    with pytest.raises(ValueError, match=r"a\.nii is an empty file"):
        scan_list(tmp_path)


def test_empty_file_is_left_to_its_reader_where_asked(tmp_path: Path) -> None:
    touch(tmp_path, "a.nii", content=b"")
    assert names(scan_list(tmp_path, refuse_empty_files=False), tmp_path) == ["a.nii"]


def test_reconstructions_of_an_earlier_run_are_no_scans_of_a_folder(tmp_path: Path) -> None:
    touch(tmp_path, "a.nii", "a_recon.nii.gz", "out/b_recon.nii.gz")
    assert names(scan_list(tmp_path), tmp_path) == ["a.nii"]
    assert names(scan_list(tmp_path / "a_recon.nii.gz"), tmp_path) == ["a_recon.nii.gz"]

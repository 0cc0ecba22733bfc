import pytest

from mrrecon.data import code_list


def test_a_folder_gives_its_code_files_at_any_depth_sorted(tmp_path):
    for name in ("b.vqz", "a/c.vqz", ".hidden/d.vqz", "a.nii", ".1.e.vqz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert code_list(tmp_path) == [{"image": str(tmp_path / name)} for name in ("a/c.vqz", "b.vqz")]


def test_one_file_of_any_name_is_one_code_file(tmp_path):
    (tmp_path / "codes.bin").touch()
    assert code_list(str(tmp_path / "codes.bin")) == [{"image": str(tmp_path / "codes.bin")}]


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no code file: wanted \.vqz"):
        code_list(tmp_path)
    with pytest.raises(FileNotFoundError, match="gone' does not exist"):
        code_list(tmp_path / "gone")
    with pytest.raises(ValueError, match="dataset_dir is empty"):
        code_list("")

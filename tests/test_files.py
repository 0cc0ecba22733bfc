import pytest
from monai.data.utils import create_file_basename

from mrrecon.files import atomic_path, output_stem


def spoilt(path, error):
    path.write_text("ne")
    raise error


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with atomic_path(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["disk", "keyboard"]
)
def test_an_error_leaves_the_old_file_and_no_half_of_the_new_one(tmp_path, error):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(type(error)), atomic_path(target) as temporary:
        spoilt(temporary, error)
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert target.read_text() == "old"


def test_the_temporary_name_keeps_the_ending_and_the_folder(tmp_path):
    with atomic_path(tmp_path / "new" / "scan.nii.gz") as temporary:
        assert temporary.name.endswith(".nii.gz")
        assert temporary.parent == tmp_path / "new"
        temporary.touch()


@pytest.mark.parametrize(
    "name", ["a.nii", "a.nii.gz", "a.b.nii.gz", "sub-1/a.nrrd", "sub-1/anat/a", "sub.1/a.mgz"]
)
@pytest.mark.parametrize("root", ["", "/study"])
def test_the_name_of_an_output_is_the_one_monai_gives_it(name, root):
    expected = create_file_basename("", f"/study/{name}", "/out", root, separate_folder=False, makedirs=False)
    assert output_stem(f"/study/{name}", "/out", root) == expected


def test_a_folder_keeps_all_of_its_name(tmp_path):
    (tmp_path / "1.2.840.11").mkdir()
    assert output_stem(f"{tmp_path}/1.2.840.11/", "/out", str(tmp_path)) == "/out/1.2.840.11"

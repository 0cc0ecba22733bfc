import pytest

from mrrecon.data import common_folder, name_of_output


def test_the_folder_of_a_single_scan_is_its_own():
    assert common_folder([{"image": "/study/sub-1/t1.nii.gz"}]) == "/study/sub-1"


def test_the_common_folder_is_the_deepest_that_holds_all():
    scans = [{"image": f"/study/{place}"} for place in ("a/x.nii", "a/b/x.nii", "a/c/y.nii")]
    assert common_folder(scans) == "/study/a"


def test_relative_paths_are_of_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert common_folder([{"image": "a.nii"}, {"image": f"{tmp_path}/b.nii"}]) == str(tmp_path)


def test_one_name_for_two_outputs_is_refused():
    with pytest.raises(ValueError, match=r"/in/a\.nii and /in/a\.nrrd would have outputs of one name"):
        common_folder([{"image": "/in/a.nii"}, {"image": "/in/a.nrrd"}])


def test_a_dicom_folder_is_named_whole(tmp_path):
    (tmp_path / "1.2.3").mkdir()
    assert (
        name_of_output({"filename_or_obj": f"{tmp_path}/1.2.3"}, None)["subject"] == f"{tmp_path}/1.2.3.dicom"
    )

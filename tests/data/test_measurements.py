"""Sinograms, arrays beside scans, and lists of measurements."""

import json

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.transforms import LoadImage

from mrrecon.data import SinogramReader, measurement_list, read_array, read_sinogram


def test_a_sinogram_brings_its_angles_and_spacing(tmp_path):
    values = np.random.default_rng(0).random((2, 3, 8))
    np.savez(tmp_path / "a.npz", sinogram=values, angles=[0, 90, 180], detector_spacing=2.0)
    found = LoadImage(reader=SinogramReader(), ensure_channel_first=True)(tmp_path / "a.npz")
    np.testing.assert_allclose(found[0].numpy(), values, rtol=1e-6)
    np.testing.assert_allclose(found.meta["angles"], [0, np.pi / 2, np.pi])
    assert found.meta["detector_spacing"] == 2


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"other": np.ones((2, 2))}, "holds other: a sinogram must be called"),
        ({"sinogram": np.ones((2, 2), complex)}, "a sinogram must be real"),
        ({"sinogram": np.ones(4)}, r"has the shape \(4,\)"),
        ({"sinogram": np.full((2, 2), np.nan)}, "holds 4 numbers that are NaN or Inf"),
        ({"sinogram": np.zeros((2, 2))}, "nothing but zeros"),
        ({"sinogram": np.ones((2, 2)), "angles": [0, 1, 2]}, r"has angles of \(3,\) for 2 views"),
    ],
)
def test_what_is_no_sinogram_is_refused(tmp_path, arrays, said):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=said):
        read_sinogram(tmp_path / "a.npz")


def test_an_array_may_come_from_an_image(tmp_path):
    values = np.arange(24.0).reshape(2, 3, 4)
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "a.nii.gz")
    assert torch.equal(read_array(tmp_path / "a.nii.gz"), torch.from_numpy(values).float())


def test_an_array_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "a.nii").write_text("no image")
    np.savez(tmp_path / "b.npz", a=1, b=2)
    with pytest.raises(ValueError, match=r"a\.nii cannot be read"):
        read_array(tmp_path / "a.nii")
    with pytest.raises(ValueError, match="holds a, b: wanted one array"):
        read_array(tmp_path / "b.npz")


def test_what_belongs_to_a_measurement_lies_beside_it(tmp_path):
    for name in ("a.npz", "a_maps.npy", "a_mask.npy", "a_label.nii.gz", "b.cfl", "b.hdr", "c_recon.nii.gz"):
        (tmp_path / name).touch()
    a, b = measurement_list(tmp_path)
    assert a == {
        "image": str(tmp_path / "a.npz"),
        "mask": str(tmp_path / "a_mask.npy"),
        "maps": str(tmp_path / "a_maps.npy"),
        "label": str(tmp_path / "a_label.nii.gz"),
    }
    assert b == {"image": str(tmp_path / "b.cfl")}


def test_a_list_names_maps_and_each_method_has_its_turn(tmp_path):
    for name in ("a.npz", "m.npy"):
        (tmp_path / name).touch()
    (tmp_path / "list.json").write_text(json.dumps([{"image": "a.npz", "maps": "m.npy"}]))
    items = measurement_list(datalist=tmp_path / "list.json", methods=["sense", "tv"])
    assert [item["method"] for item in items] == ["sense", "tv"]
    assert all(item["maps"] == str(tmp_path / "m.npy") for item in items)

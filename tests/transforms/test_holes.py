"""Masks that tell the holes of a scan, and those that do not."""

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import LoadImage

from mrrecon.data import read_array
from mrrecon.transforms import MarkHolesd

SHAPE = (4, 5, 6)


def marked(folder, image, mask, *, image_affine=None, mask_affine=None, codes=1):
    loaded = []
    for name, values, affine in (("a", image, image_affine), ("mask", mask, mask_affine)):
        file = nib.Nifti1Image(np.asarray(values, np.float32), np.eye(4) if affine is None else affine)
        file.set_sform(file.affine, code=codes)
        file.set_qform(file.affine, code=codes)
        nib.save(file, folder / f"{name}.nii")
        loaded.append(str(folder / f"{name}.nii"))
    data = {"image": LoadImage(ensure_channel_first=True)(loaded[0]), "mask": loaded[1]}
    return MarkHolesd("image", read_array=read_array)(data)["image"]


def half(value=1.0):
    mask = np.zeros(SHAPE)
    mask[2:] = value
    return mask


@pytest.mark.parametrize("value", [1, 255, -3])
def test_zero_marks_a_hole_whatever_the_other_number(tmp_path, value):
    found = marked(tmp_path, np.ones(SHAPE), half(value)).numpy()[0]
    np.testing.assert_array_equal(np.isnan(found), half() == 0)


def test_what_lies_under_a_hole_does_not_matter(tmp_path):
    image = np.ones(SHAPE)
    image[0], image[1, 0] = np.nan, np.inf
    assert marked(tmp_path, image, half())[0, 2:].eq(1).all()


def test_a_mask_of_all_voxels_leaves_the_scan_alone(tmp_path):
    assert marked(tmp_path, np.ones(SHAPE), np.ones(SHAPE)).eq(1).all()


def broken(value):
    image = np.ones(SHAPE)
    image[3, 1, :2] = value
    return image


MOVED = np.diag([1.0, 1, 1, 1]) + np.array([[0, 0, 0, 3], [0] * 4, [0] * 4, [0] * 4])


@pytest.mark.parametrize(
    ("image", "mask", "options", "said"),
    [
        (np.ones(SHAPE), half() + (half() > 0) * np.arange(6), {}, "is no mask: it holds 6 numbers beside 0"),
        (np.ones(SHAPE), half(np.nan), {}, "is no mask"),
        (np.ones(SHAPE), half(0), {}, "no voxel that was seen: its mask is empty"),
        (np.ones(SHAPE), np.ones((5, 4, 6)), {}, r"mask.nii has the shape \(5, 4, 6\), the image .*a.nii"),
        (
            np.ones(SHAPE),
            half(),
            {"mask_affine": MOVED},
            "mask.nii and .*a.nii have affines .* 3 voxels apart",
        ),
        (broken(np.nan), half(), {}, "a.nii has NaN in 2 voxels that .*mask.nii marks as observed"),
        (broken(np.inf), half(), {}, "a.nii holds Inf"),
    ],
    ids=["grey", "NaN in the mask", "empty", "shape", "affine", "NaN observed", "Inf observed"],
)
def test_a_mask_that_does_not_fit_is_refused(tmp_path, image, mask, options, said):
    with pytest.raises(ValueError, match=said):
        marked(tmp_path, image, mask, **options)


def test_an_affine_that_no_file_vouches_for_is_not_compared(tmp_path):
    found = marked(tmp_path, np.ones(SHAPE), half(), mask_affine=np.diag([2.0, 2, 2, 1]), codes=0)
    assert int(found.isnan().sum()) == 60


def test_holes_may_be_told_without_a_mask():
    image = MetaTensor(torch.tensor([[[[1.0, -1.0, torch.nan]]]]))
    found = MarkHolesd("image", read_array=read_array, missing=-1)({"image": image})["image"]
    assert found.isnan().flatten().tolist() == [False, True, True]


def test_the_mask_that_was_asked_for_prevails_over_the_one_beside_the_scan(tmp_path):
    for name, mask in (("beside", half()), ("asked", 1 - half())):
        nib.save(nib.Nifti1Image(mask.astype(np.float32), np.eye(4)), tmp_path / f"{name}.nii")
    data = {"image": MetaTensor(torch.ones(1, *SHAPE)), "mask": str(tmp_path / "beside.nii")}
    mark = MarkHolesd("image", read_array=read_array, mask=str(tmp_path / "asked.nii"))
    assert torch.equal(mark(data)["image"].isnan()[0].float(), torch.from_numpy(half()).float())

"""Thick slices that are put where they lie on a finer grid."""

import re

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from nibabel.affines import apply_affine

from mrrecon.data import read_array
from mrrecon.transforms import MarkHolesd, SpreadSlicesd
from mrrecon.transforms import spread_slices as module

OBLIQUE = np.array([[0, -1.1, 0.1, 120], [0, 0.1, 3.0, -230], [-0.9, 0, 0.2, 77], [0, 0, 0, 1]])
SHAPE = (3, 4, 5)


def scan(shape=SHAPE) -> MetaTensor:
    values = torch.rand(1, *shape)
    return MetaTensor(values, affine=torch.from_numpy(OBLIQUE), meta={"filename_or_obj": "a.nii"})


@pytest.mark.parametrize("factor", [[1, 1, 3], [2, 1, 1], [1, 12, 1], [2, 3, 4]])
def test_each_voxel_keeps_its_value_and_its_place(factor):
    image = scan()
    fine = SpreadSlicesd(factor=factor)({"image": image})["image"]
    indices = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), -1).reshape(-1, 3)
    there = indices * factor
    assert fine.shape[1:] == tuple(f * (n - 1) + 1 for f, n in zip(factor, SHAPE, strict=True))
    np.testing.assert_array_equal(fine.numpy()[0][tuple(there.T)], image.numpy()[0][tuple(indices.T)])
    assert int(fine.isfinite().sum()) == image.numel()
    placed, expected = apply_affine(fine.affine.numpy(), there), apply_affine(OBLIQUE, indices)
    np.testing.assert_allclose(placed, expected, atol=1e-10)


def test_a_mask_is_spread_with_its_scan(tmp_path):
    mask = np.random.default_rng(0).integers(0, 2, SHAPE).astype(np.float32)
    nib.save(nib.Nifti1Image(mask, OBLIQUE), tmp_path / "mask.nii")
    marked = MarkHolesd("image", read_array=read_array)({"image": scan(), "mask": str(tmp_path / "mask.nii")})
    seen = SpreadSlicesd(factor=[1, 3, 1])(marked)["image"][0].isfinite().numpy()
    np.testing.assert_array_equal(seen[:, ::3], mask != 0)
    assert seen.sum() == mask.sum()


@pytest.mark.parametrize("factor", [3, "1,1,3", [1, 3], [1, 1, 2.5], [1, 1, 0], [1, 1, 13], [1, 1, True]])
def test_what_is_no_factor_is_refused(factor):
    said = f"factor={factor} must be three whole numbers from 1 to 12, as in [1,1,3]"
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        SpreadSlicesd(factor=factor)


@pytest.mark.parametrize(("factor", "simulate"), [([1, 1, 1], False), ([1, 1, 3], True)])
def test_a_factor_that_cannot_help_is_refused(factor, simulate):
    said = r"simulate=True takes voxels" if simulate else r"factor=\[1, 1, 1\] inserts nothing"
    with pytest.raises(ValueError, match=said):
        SpreadSlicesd(factor=factor, simulate=simulate)


def test_more_voxels_than_there_is_memory_for_are_refused(monkeypatch):
    monkeypatch.setattr(module, "available_memory", lambda: 4 * 3 * 4 * 13 - 1)
    with pytest.raises(ValueError, match=r"makes 3 x 4 x 13 voxels of a.nii, which need .*GiB are free"):
        SpreadSlicesd(factor=[1, 1, 3])({"image": scan()})


@pytest.mark.parametrize(
    ("shape", "label", "said"),
    [
        ((3, 4, 1), None, "as many as it has"),
        (SHAPE, scan(), "its label has 3 x 4 x 5: give one on that grid"),
    ],
    ids=["one slice", "coarse label"],
)
def test_what_has_no_finer_grid_is_refused(shape, label, said):
    data = {"image": scan(shape)} | ({} if label is None else {"label": label})
    with pytest.raises(ValueError, match=rf"makes 3 x 4 x \d+ voxels of a.nii.*{said}"):
        SpreadSlicesd(factor=[1, 1, 3])(data)

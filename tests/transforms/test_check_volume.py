"""What is no scan stays outside."""

import re
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, LoadImaged

from mrrecon.transforms import CheckVolumed

VOLUME = np.random.default_rng(0).random((6, 7, 8), dtype=np.float32)


def load(path: Path, array: np.ndarray) -> MetaTensor:
    nib.save(nib.Nifti1Image(array, np.eye(4)), path)
    return Compose([LoadImaged("image", ensure_channel_first=True), CheckVolumed("image")])({"image": path})[
        "image"
    ]


@pytest.mark.parametrize("shape", [(6, 7, 8), (6, 7, 8, 1), (2, 7, 8)])
def test_volume_passes_as_it_is(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = VOLUME[: shape[0]].reshape(shape)
    assert torch.equal(load(tmp_path / "a.nii", array)[0].as_tensor(), torch.from_numpy(array.squeeze()))


def with_value(value: float) -> np.ndarray:
    array = VOLUME.copy()
    array[1, 2, 3:5] = value
    return array


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (VOLUME[0], r"a\.nii is two-dimensional \(7 x 8\): give at least 2"),
        (VOLUME[:1], r"a\.nii is two-dimensional \(1 x 7 x 8\)"),
        (VOLUME[..., :1], r"a\.nii is two-dimensional \(6 x 7 x 1\)"),
        (np.stack([VOLUME] * 3, -1), r"a\.nii has several channels or time points \(3 of 6 x 7 x 8\)"),
        (with_value(np.nan), r"a\.nii holds 2 voxels that are NaN or Inf"),
        (with_value(-np.inf), r"a\.nii holds 2 voxels that are NaN or Inf"),
        (with_value(np.inf), r"a\.nii holds 2 voxels that are NaN or Inf"),
        (VOLUME.astype(np.complex64), r"a\.nii is complex: give its modulus"),
    ],
)
@pytest.mark.filterwarnings("ignore:Casting complex values to real")
def test_what_is_no_scan_is_refused(tmp_path: Path, array: np.ndarray, sentence: str) -> None:
    # MONAI's Compose wraps the sentence: it is the cause of what is raised.
    with pytest.raises(RuntimeError, match="applying transform") as caught:
        load(tmp_path / "a.nii", array)
    assert re.search(sentence, str(caught.value.__cause__))


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        (torch.zeros(1, 0, 4, 4), "image is empty"),
        (torch.zeros(4, 4), "image has 2 axes"),
        (torch.zeros(1, 1, 4, 4, 4, 4), "several channels or time points"),
        (torch.zeros(1, 4, 4, 4, dtype=torch.complex64), "image is complex"),
        (MetaTensor(torch.zeros(1, 4, 4, 4), affine=np.diag([1.0, 1, 0, 1])), "affine that does not map"),
    ],
)
def test_tensor_that_is_no_scan_is_refused(image: torch.Tensor, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        CheckVolumed("image")({"image": image})


def test_smallest_side_is_a_choice() -> None:
    with pytest.raises(ValueError, match=r"image is too small \(4 x 4 x 3\): give at least 4 voxels"):
        CheckVolumed("image", min_size=4)({"image": torch.zeros(1, 4, 4, 3)})

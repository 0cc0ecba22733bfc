"""Brain extraction with a given mask."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from scipy.ndimage import gaussian_filter

from mrrecon.transforms import SuperimposeBrainMaskd

AFFINE = np.diag([2.0, 1.0, 0.5, 1.0])


def head() -> dict[str, MetaTensor]:
    mask = torch.zeros(1, 16, 16, 16)
    mask[0, 5:11, 5:11, 5:11] = 3
    return {
        "image": MetaTensor(torch.rand(1, 16, 16, 16) + 1, affine=AFFINE),
        "mask": MetaTensor(mask, affine=AFFINE),
    }


def test_brain_is_cut_out_with_a_gaussian_rim_in_millimetres() -> None:
    data = head()
    binary = (data["mask"][0].numpy() > 0).astype(np.float64)
    rim = gaussian_filter(binary, (0.5, 1.0, 2.0), mode="nearest", radius=(2, 3, 6))
    cut = SuperimposeBrainMaskd("image", sigma=1.0)(data)["image"]
    expected = np.maximum(binary, rim) * data["image"][0].numpy()
    np.testing.assert_allclose(cut[0].numpy(), expected, atol=1e-6)


def test_brain_and_affine_stay_as_they_are() -> None:
    data = head()
    cut = SuperimposeBrainMaskd("image")(data)["image"]
    inside = data["mask"].as_tensor() > 0
    assert torch.equal(cut.as_tensor()[inside], data["image"].as_tensor()[inside])
    assert torch.equal(cut.affine, data["image"].affine)


def test_without_a_rim_the_background_is_zero() -> None:
    data = head()
    cut = SuperimposeBrainMaskd("image", sigma=0)(data)["image"]
    assert cut[data["mask"] == 0].eq(0).all()


def test_mask_of_another_shape_or_without_brain_is_refused() -> None:
    data = head()
    with pytest.raises(ValueError, match="mask is 0 everywhere"):
        SuperimposeBrainMaskd("image")({**data, "mask": torch.zeros(1, 16, 16, 16)})
    with pytest.raises(ValueError, match=r"mask has the shape \(1, 8, 8, 8\), image \(1, 16, 16, 16\)"):
        SuperimposeBrainMaskd("image")({**data, "mask": torch.ones(1, 8, 8, 8)})

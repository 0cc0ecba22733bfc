"""Scaling by percentiles."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor, decollate_batch
from monai.transforms import Compose, Invertd, LoadImaged, Orientationd

from mrrecon.transforms import ScaleIntensityRobustd


def scan(scale: float = 1000.0) -> MetaTensor:
    return MetaTensor(
        torch.randn(1, 12, 13, 14).mul(0.3).add(1).mul(scale), affine=np.diag([2.0, 3.0, 4.0, 1.0])
    )


def test_percentiles_are_numpys() -> None:
    image = scan()
    low, high = np.percentile(image.numpy(), [1, 98])
    scaled = ScaleIntensityRobustd("image", lower=1, upper=98, b_min=-1, b_max=3)({"image": image})["image"]
    np.testing.assert_allclose(
        scaled.numpy(), (image.numpy() - low) / (high - low) * 4 - 1, rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_inverse_gives_the_units_back(scale: float) -> None:
    transform, image = ScaleIntensityRobustd("image"), scan(scale)
    scaled = transform({"image": image})
    restored = transform.inverse(scaled)["image"]
    torch.testing.assert_close(restored.as_tensor(), image.as_tensor(), rtol=1e-6, atol=2e-6 * scale)
    assert restored.applied_operations == []


def test_affine_stays() -> None:
    assert torch.equal(ScaleIntensityRobustd("image")({"image": scan()})["image"].affine, scan().affine)


def test_input_stays_as_it_was() -> None:
    image = scan()
    before = image.as_tensor().clone()
    ScaleIntensityRobustd("image")({"image": image})
    assert torch.equal(image.as_tensor(), before)
    assert image.applied_operations == []


@pytest.mark.parametrize("value", [-3.0, 0.0, 7e8])
def test_constant_image_becomes_zero_and_comes_back(value: float) -> None:
    transform = ScaleIntensityRobustd("image")
    scaled = transform({"image": MetaTensor(torch.full((1, 4, 4, 4), value))})
    assert scaled["image"].eq(0).all()
    assert transform.inverse(scaled)["image"].eq(value).all()


def test_image_with_one_bright_voxel_is_scaled_by_its_extremes() -> None:
    image = torch.zeros(1, 20, 20, 20)
    image[0, 3, 4, 5] = 8
    scaled = ScaleIntensityRobustd("image")({"image": MetaTensor(image)})["image"]
    assert scaled.max() == 1


def test_clipped_image_stays_within_its_range() -> None:
    scaled = ScaleIntensityRobustd("image", lower=5, upper=95, clip=True)({"image": scan()})["image"]
    assert (scaled.min(), scaled.max()) == (0, 1)


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.int16, torch.int64])
def test_whole_numbers_come_back(dtype: torch.dtype) -> None:
    image = torch.arange(1, 126, dtype=torch.float32).view(1, 5, 5, 5).to(dtype)
    transform = ScaleIntensityRobustd("image")
    restored = transform.inverse(transform({"image": MetaTensor(image)}))["image"]
    assert torch.equal(restored.round().to(dtype).as_tensor(), image)


def test_prediction_of_a_batch_is_inverted_by_invertd(tmp_path: Path) -> None:
    values = np.random.default_rng(0).uniform(100, 900, (2, 5, 6, 7)).astype(np.float32)
    for index, array in enumerate(values):
        nib.save(nib.Nifti1Image(array, np.diag([-1.0, 1, 2, 1])), tmp_path / f"{index}.nii")
    load = LoadImaged("image", ensure_channel_first=True)
    before = Compose([load, Orientationd("image", "RAS", labels=None), ScaleIntensityRobustd("image")])
    items = [{"image": str(tmp_path / f"{index}.nii")} for index in range(2)]
    (batch,) = DataLoader(Dataset(items, before), batch_size=2)
    batch["pred"] = batch["image"] * 1
    back = Invertd("pred", before, orig_keys="image", nearest_interp=False)
    for array, item in zip(values, decollate_batch(batch), strict=True):
        restored = back(item)["pred"]
        np.testing.assert_allclose(restored[0].numpy(), array, rtol=2e-6)
        np.testing.assert_allclose(restored.affine, np.diag([-1.0, 1, 2, 1]))


def test_half_precision_prediction_comes_back_in_single_precision() -> None:
    transform = ScaleIntensityRobustd("image")
    scaled = transform({"image": scan()})
    scaled["image"] = scaled["image"].to(torch.bfloat16)
    assert transform.inverse(scaled)["image"].dtype == torch.float32


@pytest.mark.parametrize("arguments", [{"lower": 60, "upper": 40}, {"upper": 101}, {"b_min": 1, "b_max": 1}])
def test_range_that_runs_backwards_is_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        ScaleIntensityRobustd("image", **arguments)

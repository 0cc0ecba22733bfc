import pytest
import torch
from monai.data import decollate_batch, list_data_collate
from monai.data.meta_tensor import MetaTensor

from mrrecon.transforms import ScaleIntensityRobustd, intensity_scale


@pytest.fixture
def scale():
    return ScaleIntensityRobustd("image", lower=0, upper=100)


def test_slope_and_offset_give_the_units_back(scale):
    image = MetaTensor(torch.tensor([[[[-3.0, 5.0, 17.0]]]]))
    scaled = scale({"image": image})["image"]
    slope, offset = intensity_scale(scaled)
    assert (slope, offset) == (20.0, -3.0)
    assert torch.equal(slope * scaled.as_tensor() + offset, image.as_tensor())


def test_a_batch_of_one_has_the_scale_of_its_image(scale):
    batch = list_data_collate([scale({"image": MetaTensor(torch.tensor([[[[0.0, 8.0]]]]))})])
    assert intensity_scale(batch["image"]) == (8.0, 0.0)
    assert intensity_scale(decollate_batch(batch)[0]["image"]) == (8.0, 0.0)


def test_of_a_constant_image_only_the_constant_comes_back(scale):
    scaled = scale({"image": MetaTensor(torch.full((1, 2, 2, 2), 7.25))})
    assert intensity_scale(scaled["image"]) == (0.0, 7.25)
    scaled["image"] = scaled["image"] + 0.3
    assert torch.equal(scale.inverse(scaled)["image"].as_tensor(), torch.full((1, 2, 2, 2), 7.25))

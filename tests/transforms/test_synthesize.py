"""Synthetic scans as transforms."""

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor
from monai.transforms import Compose, LoadImaged, Spacingd

from mrrecon.data import template_path
from mrrecon.simulate import Warp
from mrrecon.transforms import SynthesizeBraind, SynthesizeHeadd

AFFINE = np.array([[1.0, 0, 0, -20], [0, 1.5, 0, 7], [0, 0, 2.0, 3], [0, 0, 0, 1]])
STILL = Warp(displacement=0, rotation=0, scaling=0, shear=0, flip_axis=None)


def label_map() -> dict[str, MetaTensor]:
    labels = torch.zeros(1, 24, 24, 24)
    labels[0, 3:20, 4:21, 5:20] = 3
    labels[0, 8:16, 8:16, 8:16] = 2
    return {"label": MetaTensor(labels, affine=AFFINE)}


def average() -> dict[str, MetaTensor]:
    white = (label_map()["label"] == 2).float()
    grey = (label_map()["label"] == 3).float()
    return {"t1": 200 * white + 150 * grey, "gm": 255 * grey, "wm": 255 * white}


@pytest.mark.parametrize(
    ("transform", "data"), [(SynthesizeHeadd("label"), label_map()), (SynthesizeBraind(), average())]
)
def test_state_decides_the_scan(transform: SynthesizeHeadd, data: dict[str, MetaTensor]) -> None:
    first, second = (transform.set_random_state(3)(data)["image"] for _ in range(2))
    following = transform(data)["image"]
    assert torch.equal(first.as_tensor(), second.as_tensor())
    assert not torch.equal(second.as_tensor(), following.as_tensor())


def test_patch_keeps_its_place_in_the_scanner() -> None:
    transform = SynthesizeHeadd(
        "label", label_key="seg", patch_size=(8, 10, 12), warp=STILL
    ).set_random_state(0)
    out = transform(label_map())
    corner = (
        torch.linalg.solve(torch.from_numpy(AFFINE), out["image"].affine[:, 3])[:3].round().long().tolist()
    )
    here = tuple(slice(at, at + n) for at, n in zip(corner, (8, 10, 12), strict=True))
    assert corner != [0, 0, 0]
    assert torch.equal(out["seg"][0].as_tensor(), label_map()["label"][0].as_tensor()[here].long())
    assert torch.equal(out["seg"].affine, out["image"].affine)


def test_inputs_stay_as_they_are() -> None:
    data = average()
    SynthesizeBraind()(data)
    assert set(data) == {"t1", "gm", "wm"}
    assert data["gm"].max() == 255


def test_tissues_may_come_from_json() -> None:
    tissues = {"0": "air", "2": "white matter", "3": "fluid"}
    image = SynthesizeHeadd("label", tissues=tissues, warp=STILL).set_random_state(0)(label_map())["image"][0]
    assert image[10:14, 10:14, 10:14].mean() > 2 * image[4:7, 5:8, 6:9].mean()


def test_workers_draw_different_brains() -> None:
    transform = SynthesizeBraind(patch_size=(8, 8, 8)).set_random_state(0)
    loader = DataLoader(Dataset([average()] * 2, transform), batch_size=1, num_workers=2)
    first, second = (batch["image"] for batch in loader)
    assert not torch.equal(first.as_tensor(), second.as_tensor())


def test_template_gives_a_patch_of_a_brain() -> None:
    keys = ("t1", "gm", "wm")
    load = Compose(
        [LoadImaged(keys, ensure_channel_first=True), SynthesizeBraind(keys, patch_size=(32, 32, 32))]
    )
    image = load.set_random_state(0)({key: template_path(key) for key in keys})["image"]
    assert image.shape == (1, 32, 32, 32)
    assert image.dtype == torch.float32
    assert 0.2 < image[image > 0].mean() < 0.8


def test_output_passes_monais_resampling_beside_its_inputs() -> None:
    data = SynthesizeBraind(output_key="image", label_key="label").set_random_state(0)(average())
    assert Spacingd("image", pixdim=(2.0, 2.0, 2.0))(data)["image"].shape == (1, 12, 18, 24)


def test_number_of_keys_is_checked() -> None:
    with pytest.raises(ValueError, match="must name the average scan, grey and white matter"):
        SynthesizeBraind(("t1", "gm"))
    with pytest.raises(ValueError, match="must name one label map"):
        SynthesizeHeadd(("a", "b"))

import math

import pytest
import torch
from monai.data.meta_tensor import MetaTensor

from mrrecon.transforms import HideObservedd, RandSliced, SimulateMissingd

VOLUME = MetaTensor(torch.rand(1, 12, 18, 24) + 1, meta={"filename_or_obj": "a/sub-1.nii"})


def left(**arguments) -> torch.Tensor:
    return SimulateMissingd(**arguments)({"image": VOLUME})["image"].as_tensor().isfinite()[0]


@pytest.mark.parametrize("kind", ["rotated_lines", "rotated_slices", "missing_slices", "random_pixels"])
def test_a_sixth_is_left_unchanged_and_the_image_is_the_label(kind):
    data = SimulateMissingd(kind=kind, max_angle=15)({"image": VOLUME})
    kept = data["image"].isfinite()
    assert int(kept.sum()) == VOLUME.numel() // 6
    assert torch.equal(data["image"].as_tensor()[kept], VOLUME.as_tensor()[kept])
    assert torch.equal(data["label"].as_tensor(), VOLUME.as_tensor())


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_whole_slices_across_the_axis_are_left(axis):
    kept = left(kind="missing_slices", axis=axis, offset=3, acceleration=6)
    across = kept.movedim(axis, 0).flatten(1)
    assert across.all(1).nonzero()[:, 0].tolist() == list(range(3, VOLUME.shape[1 + axis], 6))
    assert torch.equal(across.any(1), across.all(1))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_each_slice_across_the_axis_has_lines_of_its_own(axis):
    slices = left(kind="rotated_lines", axis=axis).movedim(axis, 0)
    assert {int(one.sum()) for one in slices} == {slices[0].numel() // 6}
    assert not torch.equal(slices[0], slices[1])


def test_the_same_scan_loses_the_same_and_others_others():
    other = MetaTensor(VOLUME.as_tensor(), meta={"filename_or_obj": "a/sub-2.nii"})
    moved = MetaTensor(VOLUME.as_tensor(), meta={"filename_or_obj": "b/sub-1.nii"})
    take = SimulateMissingd(label_key=None)
    one, two, three = (take({"image": x})["image"].isnan() for x in (VOLUME, other, moved))
    assert torch.equal(one, three)
    assert not torch.equal(one, two)
    assert not torch.equal(one, SimulateMissingd(seed=1)({"image": VOLUME})["image"].isnan())


def test_the_axis_may_be_drawn():
    kinds = set()
    for number in range(30):
        kept = left(kind="missing_slices", axis=None, seed=number)
        kinds.add(tuple(bool(kept.movedim(axis, 0).flatten(1).all(1).any()) for axis in range(3)))
    assert kinds == {(True, False, False), (False, True, False), (False, False, True)}


@pytest.mark.parametrize("wrong", [{"kind": "stripes"}, {"axis": 3}])
def test_it_names_what_it_cannot_take_away(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SimulateMissingd(**wrong)


def test_disabled_it_changes_nothing():
    assert SimulateMissingd(enabled=False)({"image": VOLUME}).keys() == {"image"}


def test_a_slice_that_shows_something_is_drawn():
    x = torch.full((1, 5, 6, 7), math.nan)
    x[:, :, 2] = 0
    x[:, :, 4] = 1
    pick = RandSliced("image", axis=1)
    assert all(torch.equal(pick({"image": x})["image"], torch.ones(1, 5, 7)) for _ in range(20))


def test_every_slice_is_drawn_if_none_shows_enough_and_keys_are_cut_alike():
    x = torch.arange(4.0).reshape(1, 1, 1, 4).expand(1, 3, 3, 4) / 128
    pick = RandSliced(["image", "label"], axis=2)
    data = [pick({"image": x, "label": x + 1}) for _ in range(60)]
    assert {float(d["image"].mean()) for d in data} == {0.0, 1 / 128, 2 / 128, 3 / 128}
    assert all(torch.equal(d["label"], d["image"] + 1) for d in data)


def test_of_dark_slices_one_is_drawn_that_was_observed():
    x = torch.full((1, 5, 6, 7), math.nan)
    x[:, :, 2] = 0
    pick = RandSliced("image", axis=1)
    assert all(torch.equal(pick({"image": x})["image"], torch.zeros(1, 5, 7)) for _ in range(20))


def incomplete() -> torch.Tensor:
    x = torch.rand(1, 40, 50)
    x[:, 10:20] = math.nan
    return x


@pytest.mark.parametrize("boxes", [0, 1])
def test_what_is_seen_and_what_is_asked_for_make_up_what_was_observed(boxes):
    x = incomplete()
    data = HideObservedd("image", boxes=boxes)({"image": x})
    (seen_values, seen), (values, asked) = data["image"], data["label"]
    assert torch.equal((seen + asked) > 0, x[0].isfinite())
    assert not bool(((seen > 0) & (asked > 0)).any())
    assert 0 < float(asked.sum()) < float(x.isfinite().sum())
    assert torch.equal(seen_values, torch.where(seen > 0, x[0], 0))
    assert torch.equal(values[asked > 0], x[0][asked > 0])


def test_all_but_lines_at_the_distance_asked_for_is_hidden():
    hide = HideObservedd("image", boxes=0, acceleration=(5, 5))
    shares = [float(hide({"image": torch.rand(1, 40, 50)})["image"][1].mean()) for _ in range(5)]
    assert shares == pytest.approx([0.2] * 5, abs=1e-3)


def test_the_same_random_state_hides_the_same_and_volumes_work():
    hide, x = HideObservedd("image"), torch.rand(1, 9, 10, 11)
    once, again = (hide.set_random_state(4)({"image": x})["image"] for _ in range(2))
    assert torch.equal(once, again)
    assert not torch.equal(once, hide({"image": x})["image"])


def test_observed_it_sees_and_is_asked_for_the_same():
    x = incomplete()
    data = HideObservedd("image", target="observed")({"image": x})
    assert torch.equal(data["image"], data["label"])
    assert torch.equal(data["image"][1] > 0, x[0].isfinite())


@pytest.mark.parametrize(
    "wrong",
    [{"target": "all"}, {"boxes": 2}, {"fraction": (0.5, 0.1)}, {"sides": ()}, {"acceleration": (1, 3)}],
)
def test_it_names_what_it_cannot_hide(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        HideObservedd("image", **wrong)

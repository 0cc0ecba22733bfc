"""Slices that are selected and slices that are averaged."""

import math

import pytest
import torch

from mrrecon.operators import SliceAverage, SliceSelect


def column(*values: float) -> torch.Tensor:
    """A volume of one voxel a slice."""
    return torch.tensor(values, dtype=torch.float64).reshape(-1, 1, 1)


def test_every_third_slice_from_the_second_on() -> None:
    x = torch.randn(2, 8, 3, 4)
    assert torch.equal(SliceSelect(8, every=3, offset=1)(x), x[:, 1::3])


def test_any_slices_in_their_order() -> None:
    x = torch.randn(5, 3, 4)
    A = SliceSelect(5, indices=[4, 0])
    assert torch.equal(A(x), x[[4, 0]])
    assert torch.equal(A.adjoint(A(x))[[1, 2, 3]], torch.zeros(3, 3, 4))


def test_slices_all_selected_are_a_rotation() -> None:
    assert SliceSelect(3, indices=[2, 0, 1]).unitary
    assert not SliceSelect(3, every=2).unitary


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"every": 0}, "every=0 must be at least 1"),
        ({"every": 2, "offset": 2}, "offset=2 from 0 to every - 1"),
        ({"every": 2, "indices": [1]}, "and not both"),
        ({}, "must be given"),
        ({"indices": []}, "at least one"),
        ({"indices": [1, 1]}, r"indices=\(1, 1\) must be different slices from 0 to 4"),
        ({"indices": [5]}, "must be different slices from 0 to 4"),
        ({"indices": [-1]}, "must be different slices from 0 to 4"),
        ({"indices": [1], "offset": 1}, "offset=1 has no meaning beside indices"),
        ({"indices": [0.5]}, "must be whole numbers|indices"),
    ],
)
def test_bad_selections_are_refused(arguments: dict, sentence: str) -> None:
    with pytest.raises((ValueError, TypeError), match=sentence):
        SliceSelect(5, **arguments)


def test_box_takes_means_of_neighbouring_slices() -> None:
    x = torch.randn(2, 9, 4, 5, dtype=torch.complex128)
    torch.testing.assert_close(SliceAverage(9, 3)(x), x.unflatten(1, (3, 3)).mean(2))


def test_gap_leaves_slices_out() -> None:
    y = SliceAverage(8, 2, gap=1)(column(1, 3, 100, 5, 9, 100, 2, 4))
    torch.testing.assert_close(y, column(2, 7, 3))


def test_overlap_shares_slices() -> None:
    y = SliceAverage(4, 2, gap=-1)(column(1, 3, 5, 9))
    torch.testing.assert_close(y, column(2, 4, 7))


def test_slice_covered_in_part_counts_in_part() -> None:
    # In mm: 2 mm of slices that are 0.8 mm apart are two and a half of them.
    y = SliceAverage(5, 2.0, spacing=0.8)(column(1, 2, 3, 4, 5))
    torch.testing.assert_close(y, column((1 + 2 + 1.5) / 2.5, (1.5 + 4 + 5) / 2.5))


def test_number_of_slices_survives_rounding() -> None:
    # 2.1 / 0.7 is a little more than 3.
    assert SliceAverage(6, 2.1, spacing=0.7).n_slices == 2
    assert SliceAverage(3, 2.1, spacing=0.7).n_slices == 1


def test_gaussian_has_its_width_at_half_maximum() -> None:
    weights = SliceAverage(60, 20, gap=1, profile="gaussian").weights[1]
    # Its middle is at 31, those of thin slices 20, 30 and 41 are 10.5, 0.5 and 10.5 away.
    assert (weights[20] / weights[30]).item() == pytest.approx(0.5 ** ((10.5**2 - 0.5**2) / 10**2))
    torch.testing.assert_close(weights[20], weights[41])


@pytest.mark.parametrize("profile", ["box", "gaussian"])
def test_flat_volume_stays_flat(profile: str) -> None:
    y = SliceAverage(20, 3.3, gap=-0.7, profile=profile)(torch.ones(20, 2, 2))
    torch.testing.assert_close(y, torch.ones_like(y))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"thickness": 0.5}, "thickness=0.5 must lie between spacing=1.0"),
        ({"thickness": 11}, "and the 10 of all depth=10 slices"),
        ({"thickness": 2, "gap": -2}, "gap=-2 must be greater than -thickness=-2"),
        ({"thickness": 2, "gap": math.nan}, "gap=nan must be greater"),
        ({"thickness": 2, "spacing": 0}, "spacing=0 must be positive"),
        ({"thickness": math.nan}, "thickness=nan must lie"),
        ({"thickness": 2, "profile": "triangle"}, "profile"),
    ],
)
def test_bad_profiles_are_refused(arguments: dict, sentence: str) -> None:
    with pytest.raises((ValueError, TypeError), match=sentence):
        SliceAverage(10, **arguments)


@pytest.mark.parametrize("A", [SliceAverage(4, 2), SliceSelect(4, every=2)], ids=str)
def test_other_depths_are_refused(A: SliceAverage | SliceSelect) -> None:
    with pytest.raises(ValueError, match="x must have 4 slices"):
        A(torch.zeros(5, 3, 3))
    with pytest.raises(ValueError, match="y must have 2 slices"):
        A.adjoint(torch.zeros(4, 3, 3))

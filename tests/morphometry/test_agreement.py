"""Dice coefficients and errors of volumes."""

import numpy as np
import pytest
import torch

from mrrecon.morphometry import (
    dice,
    hard_tissues,
    label_dice,
    soft_dice,
    tissue_volumes,
    volume_error,
    voxel_volume,
)


def numpy_dice(a, b):
    """The definition, on sets of places."""
    first, second = set(np.flatnonzero(a)), set(np.flatnonzero(b))
    return 2 * len(first & second) / (len(first) + len(second))


@pytest.fixture
def pair(generator):
    """Two segmentations into three tissues, a fourth part being none."""
    logits = torch.randn(2, 4, 5, 6, 7, generator=generator)
    return (2 * logits).softmax(1)[:, 1:]


def test_half_is_the_definition_on_sets(pair):
    found = dice(*pair, by="half")
    expected = [numpy_dice(a > 0.5, b > 0.5) for a, b in zip(*pair.numpy(), strict=True)]
    assert found.tolist() == pytest.approx(expected)


def test_argmax_competes_with_no_tissue(pair):
    whole = torch.cat([1 - pair.sum(1, keepdim=True), pair], dim=1).argmax(1).numpy()
    expected = [numpy_dice(whole[0] == number, whole[1] == number) for number in (1, 2, 3)]
    assert dice(*pair).tolist() == pytest.approx(expected)
    assert label_dice(*torch.from_numpy(whole), labels=[1, 2, 3]).tolist() == pytest.approx(expected)


def test_soft_dice_of_decisions_is_the_hard_one(pair):
    decided = torch.stack([hard_tissues(maps) for maps in pair])
    torch.testing.assert_close(soft_dice(*decided.float()), dice(*decided))


def test_soft_dice_is_its_formula(pair):
    a, b = pair.double().numpy().reshape(2, 3, -1)
    expected = 2 * np.minimum(a, b).sum(1) / (a.sum(1) + b.sum(1))
    assert soft_dice(*pair).tolist() == pytest.approx(expected.tolist(), rel=1e-6)


def test_equal_maps_agree_fully_and_so_do_empty_ones(pair):
    assert soft_dice(pair[0], pair[0]).tolist() == [1.0] * 3
    assert dice(torch.zeros(2, 3, 3), torch.zeros(2, 3, 3)).tolist() == [1.0, 1.0]


def test_what_is_no_probability_is_refused(pair):
    with pytest.raises(ValueError, match=r"b must hold probabilities in \[0, 1\], got 0 to 255"):
        dice(pair[0], 255 * (pair[1] > 0.5).float())
    with pytest.raises(ValueError, match="a must hold probabilities"):
        soft_dice(pair[0] * torch.nan, pair[1])


def test_other_shapes_are_refused(pair):
    with pytest.raises(ValueError, match="a and b must have one shape"):
        dice(pair[0], pair[1][:, :-1])


def test_volume_is_the_count_of_voxels_by_the_oblique_affine():
    turn, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([0.868, 0.868, 1.0])
    found = tissue_volumes(torch.full((3, 10, 10, 10), 0.25), affine)
    assert found == {name: pytest.approx(250 * 0.868**2 / 1000) for name in ("csf", "gm", "wm")}


def test_volumes_add_up_in_half_precision():
    found = tissue_volumes(torch.full((1, 100, 100, 100), 0.5, dtype=torch.float16), np.eye(4), names=["gm"])
    assert found["gm"] == pytest.approx(500.0)


def test_volumes_refuse_names_and_affines_that_do_not_fit():
    with pytest.raises(ValueError, match="must name 2 tissues"):
        tissue_volumes(torch.zeros(2, 3, 3, 3), np.eye(4))
    with pytest.raises(ValueError, match="must be finite and have an inverse"):
        voxel_volume(np.zeros((4, 4)))


def test_error_of_volumes_is_relative_to_the_reference():
    assert volume_error({"gm": 570.0, "wm": 505.0}, {"gm": 600.0, "wm": 500.0}) == pytest.approx(
        {"gm": -0.05, "wm": 0.01}
    )


@pytest.mark.parametrize(
    ("wrong", "said"), [({"wm": 1.0}, "the same names"), ({"gm": 0.0}, "must be positive")]
)
def test_error_of_volumes_needs_positive_references_of_the_same_names(wrong, said):
    with pytest.raises(ValueError, match=said):
        volume_error({"gm": 1.0}, wrong)

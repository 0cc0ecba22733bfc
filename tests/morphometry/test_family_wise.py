"""Permutation tests against every permutation made by hand."""

import itertools
import math
import sys

import numpy as np
import pytest
import torch

from mrrecon.morphometry import Design, family_wise, one_sample_design, paired_design, two_sample_design
from mrrecon.morphometry.rearrangements import count_rearrangements, draw_rearrangements

CONTRAST = {"b": 1, "a": -1}


def dense_t(y, x, c):
    """t by the textbook."""
    inverse = np.linalg.inv(x.T @ x)
    beta = inverse @ x.T @ y
    variance = ((y - x @ beta) ** 2).sum(0) / (len(y) - x.shape[1])
    return c @ beta / np.sqrt(variance * (c @ inverse @ c))


def freedman_lane(y, nuisance, x, c, matrices):
    """Greatest |t| under each matrix that rearranges the residuals of the nuisance alone."""
    keep = np.eye(len(y)) - nuisance @ np.linalg.pinv(nuisance)
    return np.array([np.abs(dense_t(matrix @ keep @ y, x, c)).max() for matrix in matrices])


@pytest.fixture
def y():
    """Values of six maps, one voxel with an effect."""
    y = np.random.default_rng(0).standard_normal((6, 40)) + 5
    y[3:, 7] += 4
    return y


def test_two_groups_are_exact_over_every_split(y, generator):
    design = two_sample_design(["a", "a", "a", "b", "b", "b"])
    found = family_wise(torch.from_numpy(y), design, CONTRAST, generator=generator)
    expected = []
    for first in itertools.combinations(range(6), 3):
        x = np.array([[row in first, row not in first] for row in range(6)], float)
        expected.append(np.abs(dense_t(y, x, np.array([-1, 1]))).max())
    assert found.exact
    np.testing.assert_allclose(np.sort(found.maxima), np.sort(expected), rtol=1e-4)
    true = np.abs(dense_t(y, design.matrix.numpy(), np.array([-1, 1])))
    p = [(np.array(expected) >= value * (1 - 1e-6)).mean() for value in true]
    np.testing.assert_allclose(found.p, p)


@pytest.mark.parametrize("compiled", [True, False])
def test_covariates_are_freedman_and_lanes_over_every_order(y, generator, compiled, monkeypatch):
    if not compiled:
        for module in ("voxel_fits", "family_wise"):
            name = f"mrrecon.morphometry.{module}"
            monkeypatch.setattr(sys.modules[name], "is_compiled", lambda _: False)
    age = [50, 61, 47, 72, 66, 59]
    design = two_sample_design(["a", "a", "a", "b", "b", "b"], {"age": age})
    found = family_wise(torch.from_numpy(y), design, CONTRAST, generator=generator, n_permutations=720)
    nuisance = np.stack([np.ones(6), age], axis=1)
    orders = [np.eye(6)[list(order)] for order in itertools.permutations(range(6))]
    expected = freedman_lane(y, nuisance, design.matrix.numpy(), np.array([-1, 1, 0]), orders)
    assert found.exact
    np.testing.assert_allclose(np.sort(found.maxima), np.sort(expected), rtol=1e-3)


def test_pairs_turn_their_signs_together(y, generator):
    found = family_wise(torch.from_numpy(y), paired_design(3), {"after": 1}, generator=generator)
    difference, one = y[3:] - y[:3], np.ones((3, 1))
    signs = [np.diag(sign) for sign in itertools.product((1, -1), repeat=3)]
    expected = [np.abs(dense_t(sign @ difference, one, np.ones(1))).max() for sign in signs]
    assert found.exact
    np.testing.assert_allclose(np.sort(found.maxima), np.sort(expected), rtol=1e-3)


def test_one_sample_with_a_covariate_turns_the_signs_of_residuals(y, generator):
    age = np.array([50.0, 61, 47, 72, 66, 59])
    design = one_sample_design(6, {"age": age})
    found = family_wise(torch.from_numpy(y - 5), design, {"mean": 1}, generator=generator)
    signs = [np.diag(sign) for sign in itertools.product((1, -1), repeat=6)]
    x = design.matrix.numpy()
    expected = freedman_lane(y - 5, x[:, 1:], x, np.array([1, 0]), signs)
    np.testing.assert_allclose(np.sort(found.maxima), np.sort(expected), rtol=1e-3)


def test_one_sided_maxima_are_those_of_t_itself(y, generator):
    design = two_sample_design(["a", "a", "a", "b", "b", "b"])
    found = family_wise(torch.from_numpy(-y), design, CONTRAST, generator=generator, two_sided=False)
    expected = [
        dense_t(
            -y, np.array([[row in first, row not in first] for row in range(6)], float), np.array([-1, 1])
        )
        for first in itertools.combinations(range(6), 3)
    ]
    np.testing.assert_allclose(np.sort(found.maxima), np.sort(np.max(expected, axis=1)), rtol=1e-4)
    assert found.p[7] == 1.0


def test_random_ones_begin_with_the_true_design_and_repeat_with_the_seed(y):
    design = two_sample_design(["a", "b"] * 3, {"age": [50, 61, 47, 72, 66, 59]})
    maps = torch.from_numpy(y)
    runs = [
        family_wise(maps, design, CONTRAST, generator=torch.Generator().manual_seed(seed), n_permutations=50)
        for seed in (1, 1, 2)
    ]
    assert not runs[0].exact
    assert runs[0].maxima[0].item() == pytest.approx(runs[0].map.t.abs().max().item(), rel=1e-4)
    assert runs[0].maxima.equal(runs[1].maxima)
    assert not runs[0].maxima.equal(runs[2].maxima)


def test_false_positives_are_as_many_as_allowed():
    generator = torch.Generator().manual_seed(3)
    design = two_sample_design(["a", "b"] * 6, {"age": list(range(12, 0, -1))})
    found = 0
    for _ in range(100):
        maps = torch.randn(12, 30, generator=generator)
        result = family_wise(maps, design, CONTRAST, generator=generator, n_permutations=100)
        found += bool((result.p <= 0.1).any())
    # 10 expected; the standard deviation is 3.
    assert 2 <= found <= 19


def test_threshold_is_what_the_probabilities_say(y, generator):
    design = two_sample_design(["a", "a", "a", "b", "b", "b"])
    found = family_wise(torch.from_numpy(y), design, CONTRAST, generator=generator)
    above = found.map.t.abs() > found.threshold(0.25) * (1 + 1e-5)
    assert above.equal(found.p <= 0.25)
    assert found.threshold(0.01) == math.inf


def test_masked_and_constant_voxels_take_no_part(y, generator):
    y[:, 3] = 1.0
    mask = torch.ones(40, dtype=torch.bool)
    mask[7] = False
    design = two_sample_design(["a", "a", "a", "b", "b", "b"])
    found = family_wise(torch.from_numpy(y), design, CONTRAST, generator=generator, mask=mask)
    keep = [voxel for voxel in range(40) if voxel not in (3, 7)]
    alone = family_wise(torch.from_numpy(y[:, keep]), design, CONTRAST, generator=generator)
    torch.testing.assert_close(found.maxima, alone.maxima)
    assert found.p[[3, 7]].tolist() == [1.0, 1.0]


def test_rearrangements_are_counted_and_listed_once_each(generator):
    design = two_sample_design(["a", "b", "a", "b", "b"])
    every, complete = draw_rearrangements(design, most=10, generator=generator)
    assert complete
    assert count_rearrangements(design) == len(every) == len({tuple(row) for row in every.tolist()}) == 10
    assert torch.equal(design.matrix[every[0].long()], design.matrix)


def test_fewer_than_all_are_drawn_at_random(generator):
    signs, complete = draw_rearrangements(paired_design(12), most=500, generator=generator)
    assert not complete
    assert (signs[0] == 1).all()
    assert signs[:, :12].equal(signs[:, 12:])
    assert abs(signs.float().mean().item()) < 0.05


def test_settings_out_of_range_are_refused(y, generator):
    design = Design(torch.ones(6, 1), ("mean",), "signs")
    with pytest.raises(ValueError, match="n_permutations=1 must be at least 2"):
        family_wise(torch.from_numpy(y), design, [1], generator=generator, n_permutations=1)
    with pytest.raises(ValueError, match=r"alpha=5\.0"):
        family_wise(torch.from_numpy(y), design, [1], generator=generator).threshold(5.0)


def test_the_true_design_is_one_of_its_rearrangements_however_clear_it_is():
    """A t of hundreds: its share of the squares is 1 but for the rounding of float32."""
    draw = torch.Generator().manual_seed(0)
    maps = 1e-3 * torch.randn(12, 40, generator=draw, dtype=torch.float64)
    maps[6:, 3] += 1
    design = two_sample_design(["a"] * 6 + ["b"] * 6)
    found = family_wise(maps.float(), design, {"b": 1, "a": -1}, generator=draw, n_permutations=50)
    assert float(found.map.t[3]) > 500
    assert float(found.p.min()) == pytest.approx(1 / 50)

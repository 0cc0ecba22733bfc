"""t-maps against scipy, nilearn and a dense computation in double precision."""

import numpy as np
import pytest
import torch
from scipy import stats

from mrrecon.morphometry import (
    Design,
    analysis_mask,
    one_sample_design,
    paired_design,
    t_map,
    two_sample_design,
)

GROUPS = ["a", "b", "b", "a", "b", "a", "b", "b", "a", "b", "a"]
DIFFERENCE = {"b": 1, "a": -1}


def dense(maps, matrix, contrast):
    """t by the textbook."""
    y, x, c = (np.asarray(values, np.float64) for values in (maps, matrix, contrast))
    inverse = np.linalg.inv(x.T @ x)
    beta = inverse @ x.T @ y
    variance = ((y - x @ beta) ** 2).sum(0) / (len(y) - x.shape[1])
    return c @ beta / np.sqrt(variance * (c @ inverse @ c)), c @ beta


@pytest.fixture
def maps(generator):
    """Values far from 0, as tissue maps are."""
    return 0.5 + 0.1 * torch.randn(11, 5, 6, 7, generator=generator)


@pytest.fixture
def covariates():
    """Of eleven subjects."""
    rng = np.random.default_rng(0)
    return {"age": rng.uniform(30, 80, 11), "tiv": rng.normal(1500, 120, 11)}


def test_two_samples_are_scipys(maps):
    is_b = np.array(GROUPS) == "b"
    expected = stats.ttest_ind(maps[is_b].double().numpy(), maps[~is_b].double().numpy())
    found = t_map(maps, two_sample_design(GROUPS), DIFFERENCE)
    np.testing.assert_allclose(found.t, expected.statistic, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.p_values(), expected.pvalue, rtol=1e-4)


def test_pairs_are_scipys(maps):
    before, after = maps[:5].double().numpy(), maps[5:10].double().numpy()
    found = t_map(maps[:10], paired_design(5), {"after": 1})
    expected = stats.ttest_rel(after, before)
    np.testing.assert_allclose(found.t, expected.statistic, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.effect, (after - before).mean(0), atol=1e-7)
    assert found.degrees_of_freedom == 4


def test_one_sample_is_scipys_one_sided_too(maps):
    found = t_map(maps - 0.5, one_sample_design(11), [1])
    expected = stats.ttest_1samp(maps.double().numpy(), 0.5, alternative="greater")
    np.testing.assert_allclose(found.t, expected.statistic, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.p_values(two_sided=False), expected.pvalue, rtol=1e-3)


def test_any_contrast_is_the_dense_one(maps, generator):
    matrix = torch.randn(11, 4, generator=generator)
    contrast = [0.5, 0.0, -1.0, 2.0]
    found = t_map(maps, Design(matrix, ("a", "b", "c", "d")), contrast)
    t, effect = dense(maps.flatten(1), matrix, contrast)
    np.testing.assert_allclose(found.t.flatten(), t, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.effect.flatten(), effect, rtol=1e-5, atol=1e-7)


def test_covariates_are_nilearns(maps, covariates):
    from nilearn.mass_univariate import permuted_ols

    tested = np.array([[group == "b"] for group in GROUPS], float)
    confounds = np.stack(list(covariates.values()), axis=1)
    values = maps.flatten(1).double().numpy()
    expected = permuted_ols(tested, values, confounds, n_perm=0, verbose=0, output_type="dict")["t"][0]
    found = t_map(maps, two_sample_design(GROUPS, covariates), DIFFERENCE)
    np.testing.assert_allclose(found.t.flatten(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("far", [1e2, 1e4, 1e6])
def test_values_far_from_zero_keep_their_digits(generator, far):
    maps = far + torch.randn(11, 200, generator=generator)
    design = two_sample_design(GROUPS)
    t, _ = dense(maps, design.matrix, [-1, 1])
    np.testing.assert_allclose(t_map(maps, design, DIFFERENCE).t, t, rtol=1e-6, atol=1e-6)


def test_maps_the_kernels_do_not_take_are_tested_all_the_same(maps):
    design, apart = two_sample_design(GROUPS), maps.flatten(1).T.contiguous().T
    t, effect = dense(apart, design.matrix, [-1, 1])
    found = t_map(apart, design, DIFFERENCE)
    np.testing.assert_allclose(found.t, t, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.effect, effect, rtol=1e-5, atol=1e-7)
    t, _ = dense(maps.half().flatten(1), design.matrix, [-1, 1])
    np.testing.assert_allclose(t_map(maps.half(), design, DIFFERENCE).t.flatten(), t, rtol=1e-5, atol=1e-6)


def test_blocks_do_not_change_the_result(maps, monkeypatch):
    whole = t_map(maps, two_sample_design(GROUPS), DIFFERENCE)
    monkeypatch.setattr("mrrecon.morphometry.streaming._BLOCK", 11 * 4 * 17)
    monkeypatch.setattr("mrrecon.morphometry.streaming._LEAST", 17)
    assert t_map(maps, two_sample_design(GROUPS), DIFFERENCE).t.equal(whole.t)


def test_voxels_of_no_variance_are_named_and_have_no_t(maps):
    maps[:, 0, 0, 0] = 0.3
    maps[:, 0, 0, 1] = torch.tensor([float(group == "b") for group in GROUPS])
    found = t_map(maps, two_sample_design(GROUPS), DIFFERENCE)
    assert found.no_variance.nonzero().tolist() == [[0, 0, 0], [0, 0, 1]]
    assert found.t[0, 0, :2].tolist() == [0.0, 0.0]
    assert found.p_values()[0, 0, :2].tolist() == [1.0, 1.0]


def test_outside_the_mask_anything_may_be(maps):
    mask = torch.ones(5, 6, 7, dtype=torch.bool)
    mask[1] = False
    whole = t_map(maps, two_sample_design(GROUPS), DIFFERENCE)
    maps[3, 1, 2] = torch.nan
    found = t_map(maps, two_sample_design(GROUPS), DIFFERENCE, mask=mask)
    assert found.t[mask].equal(whole.t[mask])
    assert found.t[1].abs().max() == found.effect[1].abs().max() == found.no_variance[1].sum() == 0
    assert (found.p_values()[1] == 1).all()


def test_mask_of_the_mean_keeps_what_is_tissue(maps):
    maps[:, 0] = 0.05
    assert analysis_mask(maps, above=0.1)[0].sum() == 0
    with pytest.raises(ValueError, match=r"above=2\.0 leaves no voxel"):
        analysis_mask(maps, above=2.0)


def test_what_cannot_be_tested_is_refused(maps):
    design = two_sample_design(GROUPS)
    with pytest.raises(ValueError, match="maps holds 10 maps, the design 11 rows"):
        t_map(maps[:10], design, DIFFERENCE)
    with pytest.raises(ValueError, match=r"mask has the shape \(5, 6\), the maps have \(5, 6, 7\)"):
        t_map(maps, design, DIFFERENCE, mask=torch.ones(5, 6, dtype=torch.bool))
    with pytest.raises(ValueError, match="mask is empty"):
        t_map(maps, design, DIFFERENCE, mask=torch.zeros(5, 6, 7, dtype=torch.bool))
    maps[4, 1, 1, 1] = torch.inf
    with pytest.raises(ValueError, match="map 4 holds NaN or infinity"):
        t_map(maps, design, DIFFERENCE)
    with pytest.raises(ValueError, match="the squares of the maps leave the range"):
        t_map(1e200 * torch.randn(11, 4, dtype=torch.float64), design, DIFFERENCE)

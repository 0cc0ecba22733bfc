"""Metrics over the voxels that were not observed, and of uncertainty."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from mrrecon.handlers.missing import coverage, missing_metrics, similarity_map


def pair(shape=(1, 20, 24, 3)):
    draw = np.random.default_rng(0)
    label = torch.from_numpy(draw.random(shape))
    return label + 0.1 * torch.from_numpy(draw.standard_normal(shape)), label


def test_only_missing_voxels_count():
    pred, label = pair()
    seen = torch.zeros(label.shape, dtype=torch.bool)
    seen[:, ::2] = True
    pred[seen] += 100
    row = missing_metrics(pred, label, seen)
    error = (pred - label)[~seen].numpy()
    spread = float(label.max() - label.min())
    assert row["missing_share"] == 0.5
    assert row["missing_mse"] == pytest.approx((error**2).mean(), rel=1e-4)
    assert row["missing_psnr"] == pytest.approx(10 * np.log10(spread**2 / (error**2).mean()), abs=1e-3)
    assert "coverage_50" not in row


def test_the_map_of_similarity_is_that_of_scipy_s_gaussian():
    pred, label = pair((1, 1, 20, 24))
    x, y = pred[0, 0].numpy(), label[0, 0].numpy()

    def mean(values):
        return gaussian_filter(values, 1.5, radius=3)[3:-3, 3:-3]

    a, b, both = mean(x), mean(y), mean(x * y)
    spread = mean(x * x) - a * a + mean(y * y) - b * b
    expected = (2 * a * b + 0.01**2) * (2 * (both - a * b) + 0.03**2)
    expected /= (a * a + b * b + 0.01**2) * (spread + 0.03**2)
    np.testing.assert_allclose(similarity_map(pred, label, data_range=1.0)[0, 0], expected, atol=1e-10)


@pytest.mark.parametrize("n", [3, 10])
def test_intervals_of_few_normal_draws_hold_what_they_promise(n, generator):
    draws = torch.randn(n + 1, 40_000, generator=generator, dtype=torch.float64)
    truth, completions = draws[0], draws[1:]
    held = coverage(completions.mean(0) - truth, completions.std(0), n_completions=n)
    for percent, share in held.items():
        assert share == pytest.approx(percent / 100, abs=0.01)


def test_missing_background_is_told_from_missing_tissue():
    label = torch.zeros(1, 10, 10, 1)
    label[:, 5:] = 1.0
    pred, seen = label.clone(), torch.zeros(label.shape, dtype=torch.bool)
    pred[:, 5:] += 9.0
    seen[:, 9], pred[:, 9] = True, 1.0
    row = missing_metrics(pred, label, seen, std=torch.ones_like(label), n_completions=5)
    assert row["coverage_95"] == pytest.approx(5 / 9, abs=1e-4)
    assert row["coverage_95_tissue"] == 0


def test_a_scan_without_holes_has_a_share_alone():
    pred, label = pair()
    assert missing_metrics(pred, label, torch.ones(label.shape, dtype=torch.bool)) == {"missing_share": 0.0}

"""Metrics of reconstructions, against scikit-image."""

import numpy as np
import pytest
import torch
from skimage.metrics import normalized_root_mse, peak_signal_noise_ratio, structural_similarity

from mrrecon.handlers.reconstruction import image_metrics, summary_of, table
from mrrecon.metrics import nmse


def pair(shape=(20, 24, 2)):
    draw = np.random.default_rng(0)
    label = draw.random(shape)
    return label + 0.1 * draw.standard_normal(shape), label


def test_metrics_are_those_of_scikit_image():
    pred, label = pair()
    spread = label.max() - label.min()
    row = image_metrics(torch.from_numpy(pred)[None], torch.from_numpy(label)[None])
    assert row["psnr"] == pytest.approx(peak_signal_noise_ratio(label, pred, data_range=spread), abs=1e-3)
    assert row["nmse"] == pytest.approx(normalized_root_mse(label, pred) ** 2, rel=1e-3)
    options = {"data_range": spread, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    slices = [
        structural_similarity(label[..., z], pred[..., z], win_size=7, full=True, **options)[1]
        for z in (0, 1)
    ]
    assert row["ssim"] == pytest.approx(np.mean([s[3:-3, 3:-3] for s in slices]), abs=0.02)


def test_slices_smaller_than_the_window_have_no_ssim():
    pred, label = pair((5, 6, 7))
    assert "ssim" not in image_metrics(torch.from_numpy(pred)[None], torch.from_numpy(label)[None])


def test_other_grids_are_not_compared():
    with pytest.raises(ValueError, match="give equal grids"):
        image_metrics(torch.ones(1, 2, 2, 2), torch.ones(1, 2, 2, 3))


def test_nmse_of_nothing_is_refused():
    with pytest.raises(ValueError, match="zero everywhere"):
        nmse(torch.ones(1, 1, 4), torch.zeros(1, 1, 4))


def test_each_method_has_its_own_mean_and_worst(tmp_path):
    rows = [
        {"scan": scan, "method": method, "psnr": value, "residual": 0.1, "seconds": 1.0, "iterations": 3}
        for scan, method, value in (("a", "tv", 30.0), ("b", "tv", 20.0), ("a", "sense", 10.0))
    ]
    summary = summary_of(rows)
    assert summary["tv"]["psnr"] == pytest.approx({"mean": 25, "sd": 50**0.5, "worst": 20})
    assert summary["sense"]["psnr"]["worst"] == 10
    assert table(rows, summary, tmp_path).count("\nmean") == 2

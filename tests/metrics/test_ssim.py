import math
import sys

import pytest
import torch
from monai.metrics import SSIMMetric
from skimage.metrics import structural_similarity

from mrrecon.metrics import SSIM, ssim
from mrrecon.metrics.ssim import gaussian_taps, smooth


def pair(*shape, dtype=torch.float32):
    """A smooth image and a noisy one, both in [0, 1]."""
    target = (torch.rand(shape, dtype=dtype).cumsum(-1).cos() + 1) / 2
    return (target + 0.2 * torch.randn(shape, dtype=dtype)).clamp(0, 1), target


@pytest.mark.parametrize("shape", [(2, 1, 40, 33), (2, 3, 13, 30), (2, 1, 24, 17, 20), (1, 2, 11, 12, 13)])
def test_each_image_of_a_batch_agrees_with_monai(shape):
    pred, target = pair(*shape)
    expected = SSIMMetric(spatial_dims=len(shape) - 2, data_range=1.0)(pred, target).flatten()
    torch.testing.assert_close(ssim(pred, target, data_range=1.0), expected, atol=1e-5, rtol=0.0)


def test_it_agrees_with_scikit_image_to_double_precision():
    pred, target = pair(1, 1, 20, 18, 16, dtype=torch.float64)
    _, values = structural_similarity(
        target[0, 0].numpy(), pred[0, 0].numpy(), data_range=3.0, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False, full=True, K1=0.02, K2=0.05,
    )  # fmt: skip
    expected = values[5:-5, 5:-5, 5:-5].mean()  # scikit-image pads, and averages over fewer voxels
    assert ssim(pred, target, data_range=3.0, k1=0.02, k2=0.05).item() == pytest.approx(expected, abs=1e-12)


def test_another_window_agrees_with_monai():
    pred, target = pair(1, 1, 14, 15, 16)
    expected = SSIMMetric(spatial_dims=3, data_range=1.0, win_size=7, kernel_sigma=0.8)(pred, target).item()
    actual = ssim(pred, target, data_range=1.0, window_size=7, sigma=0.8).item()
    assert actual == pytest.approx(expected, abs=1e-5)


def test_slabs_do_not_show(monkeypatch):
    pred, target = pair(2, 1, 29, 14, 15, dtype=torch.float64)
    whole = ssim(pred, target, data_range=1.0)
    # By its name in sys.modules: mrrecon.metrics.ssim is the function.
    monkeypatch.setattr(sys.modules["mrrecon.metrics.ssim"], "_SLAB_CPU", 4 * 2 * 14 * 15)
    torch.testing.assert_close(ssim(pred, target, data_range=1.0), whole)


def test_equal_images_score_one_and_a_negative_less_than_zero():
    x = torch.rand(1, 1, 12, 12, 12)
    assert ssim(x, x.clone(), data_range=1.0).item() == 1.0
    assert ssim(1 - x, x, data_range=1.0).item() < -0.5


def test_constant_images_score_by_their_means_alone():
    actual = ssim(torch.full((1, 1, 11, 11, 11), 0.5), torch.full((1, 1, 11, 11, 11), 0.25), data_range=1.0)
    assert actual.item() == pytest.approx((0.25 + 1e-4) / (0.3125 + 1e-4), rel=1e-6)


def test_a_great_common_intensity_costs_no_precision():
    pred, target = pair(1, 1, 16, 16, 16)
    pred, target = pred + 1000, target + 1000
    expected = ssim(pred.double(), target.double(), data_range=1.0)
    torch.testing.assert_close(ssim(pred, target, data_range=1.0).double(), expected, atol=1e-5, rtol=0.0)


def test_intensities_and_range_may_be_scaled_together():
    pred, target = pair(1, 1, 12, 12, 12)
    expected = ssim(pred, target, data_range=1.0)
    torch.testing.assert_close(ssim(pred * 1e9, target * 1e9, data_range=1e9), expected, atol=1e-6, rtol=0.0)


def test_half_precision_is_computed_in_single():
    pred, target = (x.bfloat16() for x in pair(1, 1, 12, 12, 12))
    expected = ssim(pred.float(), target.float(), data_range=1.0)
    assert torch.equal(ssim(pred, target, data_range=1.0), expected)


def test_the_gradient_is_right():
    pred, target = pair(2, 1, 4, 5, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda x: ssim(x, target, data_range=1.0, window_size=3), pred.requires_grad_(), fast_mode=True
    )


def test_taps_are_those_of_the_dense_gaussian():
    x = torch.rand(1, 1, 9, 8, 7, dtype=torch.float64)
    g = torch.exp(-(torch.arange(-2, 3, dtype=torch.float64) ** 2) / 2)
    kernel = torch.einsum("i,j,k->ijk", g, g, g)
    expected = torch.nn.functional.conv3d(x, kernel[None, None] / kernel.sum())
    torch.testing.assert_close(smooth(x, gaussian_taps(5, 1.0)), expected)


@pytest.mark.parametrize("place", [(0, 0, 0), (13, 13, 13), (6, 0, 7)])
def test_nan_anywhere_is_refused(place):
    pred, target = pair(1, 1, 14, 14, 14)
    target[(0, 0, *place)] = math.nan
    with pytest.raises(ValueError, match="target must be finite, got NaN or infinity in 1 of 2744 voxels"):
        ssim(pred, target, data_range=1.0)


def test_an_image_smaller_than_the_window_is_refused():
    with pytest.raises(
        ValueError, match=r"window_size=11 must not exceed the smallest side .* \[16, 16, 8\]"
    ):
        ssim(*pair(1, 1, 16, 16, 8), data_range=1.0)


@pytest.mark.parametrize(("argument", "value"), [("window_size", 10), ("window_size", 1), ("sigma", 0.0)])
def test_a_window_that_is_none_is_refused(argument, value):
    with pytest.raises(ValueError, match=f"{argument}={value}"):
        ssim(*pair(1, 1, 16, 16), data_range=1.0, **{argument: value})


def test_the_class_holds_the_settings():
    pred, target = pair(2, 1, 12, 12, 12)
    settings = {"data_range": 2.0, "window_size": 5, "sigma": 1.0, "k1": 0.02, "k2": 0.04}
    assert torch.equal(SSIM(**settings)(pred, target), ssim(pred, target, **settings))


@pytest.mark.gpu
def test_a_gpu_gives_the_value_of_the_cpu():
    pred, target = pair(2, 1, 40, 30, 20)
    actual = ssim(pred.cuda(), target.cuda(), data_range=1.0).cpu()
    torch.testing.assert_close(actual, ssim(pred, target, data_range=1.0), atol=1e-6, rtol=0.0)

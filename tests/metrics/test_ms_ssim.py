import math

import pytest
import torch
from monai.metrics import MultiScaleSSIMMetric
from pytorch_msssim import ms_ssim as ms_ssim_of_pytorch_msssim

from mrrecon.metrics import MSSSIM, ms_ssim, ms_ssim_scales, ssim
from mrrecon.metrics.ms_ssim import halve

WANG = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def pair(*shape, dtype=torch.float32):
    """A smooth image and a noisy one, both in [0, 1]."""
    target = ((0.3 * torch.rand(shape, dtype=dtype)).cumsum(-1).cos() + 1) / 2
    return (target + 0.2 * torch.randn(shape, dtype=dtype)).clamp(0, 1), target


@pytest.mark.parametrize("shape", [(2, 1, 176, 192), (2, 3, 181, 201)])
def test_five_scales_agree_with_monai(shape):
    pred, target = pair(*shape)
    expected = MultiScaleSSIMMetric(spatial_dims=2, data_range=1.0, kernel_size=11)(pred, target).flatten()
    torch.testing.assert_close(ms_ssim(pred, target, data_range=1.0), expected, atol=1e-5, rtol=0.0)


@pytest.mark.parametrize("shape", [(2, 1, 44, 45, 48), (1, 2, 50, 47, 46)])
def test_three_scales_in_space_agree_with_monai(shape):
    pred, target = pair(*shape)
    weights = (0.2, 0.3, 0.5)
    expected = MultiScaleSSIMMetric(spatial_dims=3, data_range=1.0, kernel_size=11, weights=weights)(
        pred, target
    )
    torch.testing.assert_close(
        ms_ssim(pred, target, data_range=1.0, weights=weights), expected.flatten(), atol=1e-5, rtol=0.0
    )


def test_five_scales_agree_with_pytorch_msssim():
    pred, target = pair(2, 1, 176, 192)
    expected = ms_ssim_of_pytorch_msssim(pred, target, data_range=1.0, size_average=False)
    torch.testing.assert_close(ms_ssim(pred, target, data_range=1.0), expected, atol=1e-5, rtol=0.0)


def test_four_scales_in_space_agree_with_pytorch_msssim():
    pred, target = pair(2, 1, 40, 48, 56)
    weights = [0.1, 0.2, 0.3, 0.4]
    expected = ms_ssim_of_pytorch_msssim(
        pred, target, data_range=1.0, size_average=False, win_size=3, weights=weights
    )
    actual = ms_ssim(pred, target, data_range=1.0, window_size=3, weights=weights)
    torch.testing.assert_close(actual, expected, atol=1e-5, rtol=0.0)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ([192, 256, 192], (5, 11)),
        ([176, 176, 176], (5, 11)),
        ([175, 400, 400], (4, 11)),
        ([64, 64, 64], (3, 11)),
        ([11, 64, 64], (1, 11)),
        ([10, 64, 64], (1, 9)),
        ([8, 400, 400], (1, 7)),
        ([3, 64, 64], (1, 3)),
    ],
)
def test_as_many_scales_are_used_as_the_smallest_side_allows(shape, expected):
    assert ms_ssim_scales(shape) == expected


def test_fewer_scales_are_weighted_as_before_among_themselves():
    pred, target = pair(1, 1, 24, 30, 22)
    total = WANG[0] + WANG[1]
    weights = tuple(w * sum(WANG) / total for w in WANG[:2])
    expected = MultiScaleSSIMMetric(spatial_dims=3, data_range=1.0, kernel_size=11, weights=weights)(
        pred, target
    )
    assert ms_ssim(pred, target, data_range=1.0).item() == pytest.approx(expected.item(), abs=1e-5)


def test_a_thin_image_is_compared_on_one_scale_with_a_smaller_window():
    pred, target = pair(1, 1, 20, 20, 8, dtype=torch.float64)
    expected = ssim(pred, target, data_range=1.0, window_size=7).item() ** sum(WANG)
    assert ms_ssim(pred, target, data_range=1.0).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("shape", [(1, 1, 64, 64), (1, 1, 23, 24, 25), (1, 1, 3, 3, 3)])
def test_equal_images_score_one(shape):
    x = torch.rand(shape)
    assert ms_ssim(x, x.clone(), data_range=1.0).item() == 1.0


def test_a_scale_that_is_not_correlated_gives_zero():
    x = torch.rand(1, 1, 24, 24)
    assert ms_ssim(1 - x, x, data_range=1.0).item() == 0.0


def test_halving_averages_blocks_and_drops_an_odd_last_voxel():
    x = torch.rand(2, 3, 7, 6, 5)
    torch.testing.assert_close(halve(x), torch.nn.functional.avg_pool3d(x, 2))


def test_half_precision_is_computed_in_single():
    pred, target = (x.half() for x in pair(1, 1, 24, 24))
    expected = ms_ssim(pred.float(), target.float(), data_range=1.0)
    assert torch.equal(ms_ssim(pred, target, data_range=1.0), expected)


def test_the_gradient_is_right():
    pred, target = pair(2, 1, 6, 7, 8, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda x: ms_ssim(x, target, data_range=1.0, window_size=3, weights=(0.4, 0.6)),
        pred.requires_grad_(),
        fast_mode=True,
    )


def test_nan_is_refused():
    pred, target = pair(1, 1, 24, 24)
    pred[0, 0, 3, 3] = math.nan
    with pytest.raises(ValueError, match="pred must be finite, got NaN or infinity in 1 of 576 voxels"):
        ms_ssim(pred, target, data_range=1.0)


def test_a_single_slice_in_space_is_refused():
    with pytest.raises(ValueError, match=r"at least 3 voxels, got \[24, 24, 1\]: give slices as 2-D images"):
        ms_ssim(*pair(1, 1, 24, 24, 1), data_range=1.0)


@pytest.mark.parametrize("weights", [(), (0.5, 0.0), (0.5, -0.1)])
def test_weights_must_be_positive(weights):
    with pytest.raises(ValueError, match="must be one or more positive numbers"):
        ms_ssim(*pair(1, 1, 24, 24), data_range=1.0, weights=weights)


def test_the_class_holds_the_settings():
    pred, target = pair(2, 1, 24, 24)
    settings = {
        "data_range": 2.0,
        "weights": (0.3, 0.7),
        "window_size": 5,
        "sigma": 1.0,
        "k1": 0.02,
        "k2": 0.04,
    }
    assert torch.equal(MSSSIM(**settings)(pred, target), ms_ssim(pred, target, **settings))

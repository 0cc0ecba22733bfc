import math

import pytest
import torch
from monai.metrics import MMDMetric

from mrrecon.metrics import log_mmd, mmd, mmd_unbiased


def gram_means(x, y):
    """Means of the three blocks of the Gram matrix, as in the definition with a kernel."""
    x, y = x.flatten(1), y.flatten(1)
    return (x @ x.T).mean(), (y @ y.T).mean(), (x @ y.T).mean()


@pytest.mark.parametrize(("n_x", "n_y"), [(4, 4), (3, 5), (1, 1)])
def test_the_biased_estimate_is_that_of_the_gram_matrix(n_x, n_y):
    x, y = torch.rand(n_x, 1, 5, 4, 3, dtype=torch.float64), torch.rand(n_y, 1, 5, 4, 3, dtype=torch.float64)
    xx, yy, xy = gram_means(x, y)
    torch.testing.assert_close(mmd(x, y), xx + yy - 2 * xy)


def test_for_single_images_it_is_the_sum_of_squared_errors():
    x, y = torch.rand(2, 1, 1, 6, 6)
    torch.testing.assert_close(mmd(x, y), torch.nn.functional.mse_loss(x, y, reduction="sum"))


def test_the_logarithm_is_natural():
    x, y = torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), 5.0)
    assert log_mmd(x, y).item() == pytest.approx(math.log(100.0))
    assert log_mmd(x, x).item() == -math.inf


def test_the_unbiased_estimate_agrees_with_monai():
    x, y = torch.rand(5, 1, 6, 5, 4), torch.rand(5, 1, 6, 5, 4)
    torch.testing.assert_close(mmd_unbiased(x, y), MMDMetric()(x, y), atol=1e-4, rtol=1e-5)


def test_the_unbiased_estimate_is_the_sum_over_pairs_of_different_images():
    x, y = torch.rand(3, 1, 4, 4, dtype=torch.float64), torch.rand(5, 1, 4, 4, dtype=torch.float64)
    kxx, kyy = x.flatten(1) @ x.flatten(1).T, y.flatten(1) @ y.flatten(1).T
    expected = (kxx.sum() - kxx.trace()) / 6 + (kyy.sum() - kyy.trace()) / 20 - 2 * gram_means(x, y)[2]
    torch.testing.assert_close(mmd_unbiased(x, y), expected)


def test_a_great_common_intensity_does_not_drown_the_unbiased_estimate():
    x, y = torch.rand(4, 1, 8, 8), torch.rand(4, 1, 8, 8) + 0.5
    torch.testing.assert_close(mmd_unbiased(x + 1024, y + 1024), mmd_unbiased(x, y), atol=0.0, rtol=1e-3)


def test_one_image_cannot_give_an_unbiased_estimate():
    with pytest.raises(ValueError, match="y must hold at least 2 images along its first axis, got 1"):
        mmd_unbiased(torch.rand(2, 1, 4, 4), torch.rand(1, 1, 4, 4))


@pytest.mark.parametrize("function", [mmd, mmd_unbiased])
def test_nan_is_refused(function):
    x, y = torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, 4, 4)
    y[0, 0, 0, 0] = math.nan
    with pytest.raises(ValueError, match="y must be finite, got NaN or infinity in 1 of 32 voxels"):
        function(x, y)

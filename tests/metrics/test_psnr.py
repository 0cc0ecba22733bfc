import math

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from mrrecon.metrics import PSNR, psnr


@pytest.mark.parametrize("shape", [(2, 1, 9, 8), (2, 3, 7, 6, 5)])
@pytest.mark.parametrize("data_range", [1.0, 255.0])
def test_each_image_of_a_batch_agrees_with_scikit_image(shape, data_range):
    pred, target = torch.rand(2, *shape, dtype=torch.float64) * data_range
    expected = [
        peak_signal_noise_ratio(t.numpy(), p.numpy(), data_range=data_range)
        for p, t in zip(pred, target, strict=True)
    ]
    torch.testing.assert_close(
        psnr(pred, target, data_range=data_range), torch.tensor(expected, dtype=torch.float64)
    )


def test_equal_images_have_infinite_psnr():
    x = torch.rand(2, 1, 4, 4, 4)
    assert psnr(x, x.clone(), data_range=1.0).tolist() == [math.inf, math.inf]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(dtype):
    pred, target = (1000 * torch.rand(2, 1, 1, 8, 8)).to(dtype)
    expected = psnr(pred.double(), target.double(), data_range=1000.0).item()
    assert psnr(pred, target, data_range=1000.0).item() == pytest.approx(expected, abs=1e-5)


def test_nan_is_refused():
    pred = torch.zeros(1, 1, 4, 4)
    pred[0, 0, 1, 1] = math.nan
    with pytest.raises(ValueError, match="pred must be finite, got NaN or infinity in 1 of 16 voxels"):
        psnr(pred, torch.zeros(1, 1, 4, 4), data_range=1.0)


def test_the_gradient_is_right():
    pred, target = torch.rand(2, 2, 1, 3, 4, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: psnr(x, target, data_range=2.0), pred.requires_grad_())


def test_the_class_holds_the_range():
    pred, target = torch.rand(2, 3, 1, 4, 4)
    assert torch.equal(PSNR(data_range=7.0)(pred, target), psnr(pred, target, data_range=7.0))

import pytest
import torch
import torch.nn.functional as F

from mrrecon.networks import blur


@pytest.mark.parametrize("shape", [(1, 1, 4, 6, 8), (2, 3, 1, 5, 2), (1, 8, 2, 2, 2)])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last_3d])
def test_blur_is_the_pooling_of_the_image_behind_one_zero(shape, memory_format):
    x = torch.randn(shape, dtype=torch.float64).contiguous(memory_format=memory_format)
    expected = F.avg_pool3d(F.pad(x, [1, 0, 1, 0, 1, 0]), kernel_size=2, stride=1)
    torch.testing.assert_close(blur(x), expected)


def test_blur_has_the_gradient_of_its_values():
    x = torch.randn(1, 2, 3, 1, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(blur, x)
    assert torch.autograd.gradgradcheck(blur, x)


def test_blur_keeps_bfloat16_and_its_input():
    x = torch.ones(1, 8, 4, 4, 4, dtype=torch.bfloat16)
    y = blur(x)
    assert y.dtype == torch.bfloat16
    assert y[0, 0, 0, 0].tolist() == [0.125, 0.25, 0.25, 0.25]
    assert bool((x == 1).all())


def test_scripted_blur_is_the_eager_one():
    x = torch.randn(1, 2, 3, 4, 5)
    torch.testing.assert_close(torch.jit.script(blur)(x), blur(x))

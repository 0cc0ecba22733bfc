import pytest
import torch
import torch.nn.functional as F

from mrrecon.networks import SparseConvolution

SHAPES = {2: (6, 9), 3: (4, 5, 6)}
CONV = {2: F.conv2d, 3: F.conv3d}


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel_size", [1, 3, 5])
def test_with_everything_observed_it_is_the_ordinary_convolution(dims, stride, kernel_size):
    conv = SparseConvolution(dims, 2, 3, kernel_size=kernel_size, stride=stride, bias=True)
    conv.bias.data = torch.randn(3)
    x = torch.randn(2, 2, *SHAPES[dims])
    r, mask = conv(x, torch.ones(2, 1, *SHAPES[dims]))
    expected = CONV[dims](x, conv.weight, conv.bias, stride, kernel_size // 2)
    torch.testing.assert_close(r, expected)
    torch.testing.assert_close(mask, torch.ones_like(r[:, :1]))


@pytest.mark.parametrize("dims", [2, 3])
def test_the_response_is_equation_11_and_the_mask_equation_12(dims):
    conv = SparseConvolution(dims, 1, 1)
    shape = SHAPES[dims]
    y, m = torch.randn(1, 1, *shape), (torch.rand(1, 1, *shape) < 0.1).float()
    r, mask = conv(y, m)
    for k in torch.cartesian_prod(*[torch.arange(n) for n in shape]).tolist():
        inside = tuple(slice(max(i - 1, 0), i + 2) for i in k)
        kernel = tuple(slice(max(1 - i, 0), 3 - max(i + 2 - n, 0)) for i, n in zip(k, shape, strict=True))
        seen = m[0, 0][inside]
        total = (seen * y[0, 0][inside] * conv.weight[0, 0][kernel]).sum()
        expected = seen.numel() / seen.sum() * total if seen.any() else torch.tensor(0.0)
        torch.testing.assert_close(r[0, 0][tuple(k)], expected, atol=1e-5, rtol=1e-5)
        assert bool(mask[0, 0][tuple(k)]) == bool(seen.any())


def test_a_constant_image_stays_constant_however_little_is_observed():
    conv = SparseConvolution(2, 1, 1)
    conv.weight.data.fill_(1 / 9)
    m = (torch.rand(1, 1, 9, 9) < 0.3).float()
    r, mask = conv(torch.full((1, 1, 9, 9), 2.0), m)
    # Inside the image all nine entries of the kernel count; at its border only those inside do.
    inside = mask[..., 1:-1, 1:-1] > 0
    torch.testing.assert_close(r[..., 1:-1, 1:-1][inside], torch.full((int(inside.sum()),), 2.0))


def test_missing_voxels_may_hold_anything():
    conv = SparseConvolution(2, 1, 2, bias=True)
    y, m = torch.randn(1, 1, 8, 8), (torch.rand(1, 1, 8, 8) < 0.3).float()
    torch.testing.assert_close(conv(torch.where(m > 0, y, torch.nan), m), conv(y, m))


def test_the_gradient_is_that_of_the_values():
    conv = SparseConvolution(2, 1, 2, bias=True).double()
    y = torch.randn(1, 1, 4, 5, dtype=torch.float64, requires_grad=True)
    m = (torch.rand(1, 1, 4, 5) < 0.4).double()
    assert torch.autograd.gradcheck(lambda y: conv(y, m)[0], y)


@pytest.mark.parametrize(
    ("arguments", "said"), [((1, 1, 1), "spatial_dims=1"), ((4, 1, 1), "spatial_dims=4")]
)
def test_other_dimensions_are_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        SparseConvolution(*arguments)


def test_an_even_kernel_is_refused():
    with pytest.raises(ValueError, match="kernel_size=2"):
        SparseConvolution(2, 1, 1, kernel_size=2)

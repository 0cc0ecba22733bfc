import numpy as np
import pytest
import torch

from mrrecon.tensors import channels_to_complex, complex_to_channels, crop_to_shape, pad_to_multiple

SHAPES = [(7,), (8, 8), (5, 8, 13), (1, 64, 65), (3, 4, 5, 6)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("multiple", [1, 4, 64])
def test_cropping_undoes_padding(shape, multiple):
    x = torch.rand(2, 3, *shape)
    padded, original = pad_to_multiple(x, multiple)
    assert original == list(shape)
    assert all(
        size % multiple == 0 and size - n < multiple for size, n in zip(padded.shape[2:], shape, strict=True)
    )
    assert torch.equal(crop_to_shape(padded, original), x)


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "wrap"])
def test_padding_is_that_of_numpy(mode):
    x = torch.rand(1, 2, 5, 8, 6)
    widths = [(0, 0), (0, 0), (1, 2), (0, 0), (1, 1)]
    expected = np.pad(x.numpy(), widths, mode, **({"constant_values": -1.5} if mode == "constant" else {}))
    name = {"edge": "replicate", "wrap": "circular"}.get(mode, mode)
    padded, _ = pad_to_multiple(x, 4, mode=name, value=-1.5)
    assert np.array_equal(padded.numpy(), expected)


def test_a_size_that_fits_is_left_as_it_is():
    x = torch.rand(1, 1, 8, 16)
    padded, _ = pad_to_multiple(x, 8)
    assert torch.equal(padded, x)


def test_cropping_keeps_the_middle():
    x = torch.arange(7.0).reshape(1, 1, 7)
    assert crop_to_shape(x, [3]).flatten().tolist() == [2.0, 3.0, 4.0]
    assert crop_to_shape(x, [4]).flatten().tolist() == [1.0, 2.0, 3.0, 4.0]


def test_gradients_pass_through_padding_and_cropping():
    x = torch.rand(1, 1, 3, 5, requires_grad=True)
    crop_to_shape(*pad_to_multiple(x, 4)).sum().backward()
    assert torch.equal(x.grad, torch.ones_like(x))


def test_device_and_precision_follow_the_input():
    x = torch.rand(1, 1, 3, device="meta", dtype=torch.bfloat16)
    padded, shape = pad_to_multiple(x, 4)
    cropped = crop_to_shape(padded, shape)
    assert (cropped.device, cropped.dtype, cropped.shape) == (x.device, x.dtype, x.shape)


@pytest.mark.parametrize("multiple", [0, -4])
def test_padding_refuses_a_multiple_below_one(multiple):
    with pytest.raises(ValueError, match=f"multiple={multiple} must be at least 1"):
        pad_to_multiple(torch.rand(1, 1, 4), multiple)


def test_padding_refuses_an_image_without_space():
    with pytest.raises(ValueError, match="got 2 axes"):
        pad_to_multiple(torch.rand(4, 4), 2)


@pytest.mark.parametrize(
    ("shape", "words"), [([5, 4], "must not be greater"), ([4], "each of the 2 spatial axes")]
)
def test_cropping_refuses_a_shape_it_cannot_give(shape, words):
    with pytest.raises(ValueError, match=words):
        crop_to_shape(torch.rand(1, 1, 4, 4), shape)


class PadAndCrop(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        padded, shape = pad_to_multiple(x, 8, mode="replicate")
        return crop_to_shape(2 * padded, shape)


def test_padding_and_cropping_script():
    x = torch.rand(1, 1, 5, 8, 13)
    assert torch.equal(torch.jit.script(PadAndCrop())(x), 2 * x)


def test_an_exported_program_takes_other_sizes():
    free = torch.export.Dim.DYNAMIC
    program = torch.export.export(
        PadAndCrop(), (torch.rand(1, 1, 5, 13),), dynamic_shapes=({2: free, 3: free},)
    )
    x = torch.rand(1, 1, 16, 9)
    assert torch.equal(program.module()(x), 2 * x)


def test_real_parts_come_before_imaginary_parts():
    x = torch.tensor([[[1 + 5j, 2 + 6j], [3 + 7j, 4 + 8j]]])
    assert complex_to_channels(x).tolist() == [[[1, 2], [3, 4], [5, 6], [7, 8]]]


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_channels_become_complex_again(dtype):
    x = torch.randn(2, 3, 4, 5, dtype=dtype)
    again = channels_to_complex(complex_to_channels(x))
    assert again.dtype == dtype
    assert torch.equal(again, x)


def test_channels_keep_the_norm():
    x = torch.randn(1, 2, 6, dtype=torch.complex128)
    assert complex_to_channels(x).square().sum().item() == pytest.approx((x.abs() ** 2).sum().item())


def test_a_real_image_has_no_channels_to_split():
    with pytest.raises(TypeError, match=r"x must be complex, got torch.float32"):
        complex_to_channels(torch.rand(1, 1, 4))


def test_an_odd_number_of_channels_is_refused():
    with pytest.raises(ValueError, match="even number of channels, got 3"):
        channels_to_complex(torch.rand(1, 3, 4))

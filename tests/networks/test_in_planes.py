"""The stages at the highest resolution, computed a few planes at a time, against the plain blocks."""

import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from plain_vqvae import PlainFixupBlock, PlainHead

from mrrecon.networks import FixupBlock, MultiLevelVQVAE, decoder_in_planes, encoder_in_planes
from mrrecon.networks.convolution import convolved
from mrrecon.networks.planes import Planes, chunks

SHAPES = [(2, 2, 4), (10, 4, 12), (80, 6, 4)]


def pair(mode: str, n_in: int, n_out: int, *, blurred: bool = False) -> tuple[FixupBlock, PlainFixupBlock]:
    """One block and the plain way to write it, in float64, with the same random parameters."""
    plain = PlainFixupBlock(n_in, n_out, mode, blurred=blurred, slope=0.1).double()
    with torch.no_grad():
        for parameter in plain.parameters():
            parameter.copy_(torch.randn_like(parameter))
    block = FixupBlock(n_in, n_out, mode=mode, negative_slope=0.1, blurred=blurred).double()
    block.load_state_dict(plain.state_dict())
    return block, plain


@pytest.mark.parametrize("chunk", [6, 8, 16])
@pytest.mark.parametrize("n_in", [1, 2])
@pytest.mark.parametrize("shape", SHAPES)
def test_in_planes_both_blocks_of_the_encoder_give_the_same_values(shape, n_in, chunk, monkeypatch):
    monkeypatch.setattr(encoder_in_planes, "CHUNK", chunk)
    (level, plain_level), (down, plain_down) = pair("level", n_in, 2), pair("down", 2, 3)
    x = torch.randn(2, n_in, *shape, dtype=torch.float64)
    with torch.inference_mode():
        y = encoder_in_planes.encoded_in_planes(level, down, x)
        torch.testing.assert_close(y, plain_down(plain_level(x)))


@pytest.mark.parametrize("chunk", [3, 5, 6])
@pytest.mark.parametrize("blurred", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_in_planes_block_and_head_of_the_decoder_give_the_same_values(shape, blurred, chunk, monkeypatch):
    monkeypatch.setattr(decoder_in_planes, "CHUNK", chunk)
    up, plain_up = pair("up", 3, 2, blurred=blurred)
    head = PlainHead(2, 2, blurred).double()
    x = torch.randn(2, 3, *shape, dtype=torch.float64)
    with torch.inference_mode():
        y = decoder_in_planes.decoded_in_planes(up, head.conv, x, blurred=blurred)
        torch.testing.assert_close(y, head(plain_up(x)))


def test_in_float32_the_values_are_the_same_to_rounding():
    (level, _), (down, _), (up, _) = pair("level", 1, 4), pair("down", 4, 8), pair("up", 8, 8)
    head = PlainHead(8, 1, True).double()
    x = torch.randn(1, 1, 40, 8, 8, dtype=torch.float64)
    blocks = level, down, up, head
    with torch.inference_mode():
        wanted = head(up(down(level(x))))
        level, down, up, head = (block.float() for block in blocks)
        h = encoder_in_planes.encoded_in_planes(level, down, x.float())
        y = decoder_in_planes.decoded_in_planes(up, head.conv, h, blurred=True)
    assert float((y - wanted).abs().max() / wanted.abs().max()) < 1e-5


def test_the_input_is_left_as_it_was():
    (level, _), (down, _), (up, _) = pair("level", 1, 2), pair("down", 2, 3), pair("up", 1, 2)
    x = torch.randn(1, 1, 8, 4, 4, dtype=torch.float64)
    before = x.clone()
    with torch.inference_mode():
        encoder_in_planes.encoded_in_planes(level, down, x)
        decoder_in_planes.decoded_in_planes(up, PlainHead(2, 1, False).double().conv, x, blurred=True)
    assert torch.equal(x, before)


def test_an_image_with_metadata_gives_the_codes_of_its_numbers():
    network = MultiLevelVQVAE(channels=(2, 2, 2, 2, 2, 2, 2), n_codes=8, code_channels=(2, 2, 2)).eval()
    x = torch.rand(1, 1, 64, 64, 64)
    with torch.inference_mode():
        pairs = zip(network.encode(MetaTensor(x)), network.encode(x), strict=True)
        assert all(torch.equal(ours, wanted) for ours, wanted in pairs)


@pytest.mark.parametrize("depth", range(1, 40))
def test_chunks_follow_each_other_and_none_is_much_smaller(depth):
    parts = list(chunks(depth, 6))
    assert [i for start, end in parts for i in range(start, end)] == list(range(depth))
    assert len(parts) == 1 or all(3 <= end - start <= 8 for start, end in parts)


@pytest.mark.parametrize("stride", [1, 2])
def test_joined_planes_are_those_that_a_padded_convolution_sees(stride):
    x, kernel = torch.randn(1, 1, 12, 1, 1), torch.randn(1, 1, 3, 1, 1)
    planes = Planes(stride=stride)
    y = []
    for start, end in ((0, 5), (5, 8), (8, 12)):
        part = planes.join(x[:, :, start:end], 0, last=end == 12)
        y.append(torch.conv3d(part, kernel, stride=(stride, 1, 1)))
    torch.testing.assert_close(torch.cat(y, 2), torch.conv3d(x, kernel, None, (stride, 1, 1), (1, 0, 0)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize("n_in", [1, 2])
def test_a_small_convolution_is_the_one_of_torch(n_in, order, dtype):
    x = torch.randn(2, n_in, 6, 9, 7, dtype=dtype).contiguous(memory_format=order)[:, :, :, 1:6]
    weight, bias = torch.randn(3, n_in, 3, 2, 2, dtype=dtype), torch.randn(1, dtype=dtype).expand(3)
    settings = {"stride": [2, 1, 1], "padding": [1, 0, 1]}
    expected = torch.nn.functional.conv3d(x, weight, bias, **settings)
    with torch.inference_mode():
        torch.testing.assert_close(convolved(x, weight, bias, **settings), expected)

import pytest
import torch
from plain_vqvae import PlainFixupBlock

from mrrecon.networks import FixupBlock, depth_to_space, space_to_depth
from mrrecon.networks.fixup_on_blocks import down_on_blocks, level_on_blocks
from mrrecon.networks.space_to_depth import space_to_depth_and_ones


def pair(mode: str, n_in: int, n_out: int) -> tuple[FixupBlock, PlainFixupBlock]:
    """One block and the plain way to write it, in float64, with the same random parameters."""
    plain = PlainFixupBlock(n_in, n_out, mode, blurred=False, slope=0.1).double()
    with torch.no_grad():
        for parameter in plain.parameters():
            parameter.copy_(torch.randn_like(parameter))
    block = FixupBlock(n_in, n_out, mode=mode, negative_slope=0.1).double()
    block.load_state_dict(plain.state_dict())
    return block, plain


@pytest.mark.parametrize("shape", [(2, 2, 2), (4, 6, 8), (8, 2, 4)])
@pytest.mark.parametrize(("mode", "n_in"), [("level", 1), ("level", 2), ("down", 3)])
def test_on_blocks_a_block_gives_the_same_values(mode, n_in, shape):
    block, plain = pair(mode, n_in, 4)
    x = torch.randn(2, n_in, *shape, dtype=torch.float64)
    if mode == "level":
        y = depth_to_space(level_on_blocks(block, space_to_depth_and_ones(x)))
    else:
        y = down_on_blocks(block, space_to_depth(x))
    torch.testing.assert_close(y, plain(x))


@pytest.mark.parametrize(("mode", "n_in"), [("level", 1), ("down", 3)])
def test_on_blocks_a_block_gives_the_same_values_where_no_gradient_is_taken(mode, n_in):
    block, plain = pair(mode, n_in, 4)
    x = torch.randn(2, n_in, 4, 6, 8, dtype=torch.float64)
    with torch.inference_mode():
        if mode == "level":
            y = depth_to_space(level_on_blocks(block, space_to_depth_and_ones(x)))
        else:
            y = down_on_blocks(block, space_to_depth(x))
    torch.testing.assert_close(y, plain(x))


def test_on_blocks_the_gradients_are_the_same():
    (full, plain_full), (half, plain_half) = pair("level", 1, 2), pair("down", 2, 3)
    x = torch.randn(2, 1, 4, 6, 8, dtype=torch.float64)
    y = down_on_blocks(half, level_on_blocks(full, space_to_depth_and_ones(x)))
    direction = torch.randn_like(y)
    y.backward(direction)
    plain_half(plain_full(x)).backward(direction)
    for ours, theirs in ((full, plain_full), (half, plain_half)):
        wanted = {name: parameter.grad for name, parameter in theirs.named_parameters()}
        torch.testing.assert_close({name: p.grad for name, p in ours.named_parameters()}, wanted)


def test_depth_to_space_undoes_space_to_depth():
    x = torch.randn(2, 3, 4, 6, 8)
    assert torch.equal(depth_to_space(space_to_depth(x)), x)


def test_the_channel_after_the_blocks_is_one_and_the_rest_is_untouched():
    x = torch.randn(2, 3, 4, 6, 8)
    blocks = space_to_depth_and_ones(x)
    assert torch.equal(blocks[:, :-1], space_to_depth(x))
    assert blocks[:, -1].eq(1).all()


def test_the_blocks_of_one_channel_lie_channels_last():
    assert space_to_depth_and_ones(torch.randn(2, 1, 4, 6, 8)).stride(1) == 1


def test_a_block_of_voxels_is_eight_channels_in_their_order():
    blocks = space_to_depth(torch.arange(16.0).reshape(2, 1, 2, 2, 2))
    assert blocks.shape == (2, 8, 1, 1, 1)
    assert blocks.flatten().tolist() == list(range(16))

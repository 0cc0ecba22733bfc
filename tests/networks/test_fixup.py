import math

import pytest
import torch
from plain_vqvae import PlainFixupBlock

from mrrecon.networks import FixupBlock

MODES = ["level", "down", "up"]


def perturbed(block: torch.nn.Module) -> torch.nn.Module:
    """The block in float64 with all of its parameters away from where they start."""
    block = block.double()
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return block


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("blurred", [False, True])
def test_block_is_the_formula(mode, blurred):
    block = perturbed(FixupBlock(3, 5, mode=mode, blurred=blurred, negative_slope=0.1))
    plain = PlainFixupBlock(3, 5, mode, blurred, 0.1).double()
    plain.load_state_dict(block.state_dict())
    x = torch.randn(2, 3, 4, 6, 8, dtype=torch.float64, requires_grad=True)
    y, expected = block(x), plain(x)
    torch.testing.assert_close(y, expected)
    direction = torch.randn_like(y)
    gradients = torch.autograd.grad(y, [x, *block.parameters()], direction)
    wanted = torch.autograd.grad(expected, [x, *plain.parameters()], direction)
    ours = dict(zip(["x", *dict(block.named_parameters())], gradients, strict=True))
    theirs = dict(zip(["x", *dict(plain.named_parameters())], wanted, strict=True))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("mode", MODES)
def test_block_starts_as_its_skip_path(mode):
    block = FixupBlock(2, 3, mode=mode)
    x = torch.randn(1, 2, 4, 4, 4)
    torch.testing.assert_close(block(x), torch.nn.functional.leaky_relu(block.skip_conv(x)))


@pytest.mark.parametrize(("mode", "kernel"), [("level", 27), ("down", 27), ("up", 64)])
def test_block_has_the_parameters_of_the_paper(mode, kernel):
    block = FixupBlock(6, 4, mode=mode)
    assert sum(p.numel() for p in block.parameters()) == 2 * kernel * 6 * 4 + 27 * 4**2 + 5


@pytest.mark.parametrize(("mode", "fan"), [("level", 64 * 27), ("up", 32 * 64)])
def test_first_convolution_starts_with_the_deviation_of_fixup(mode, fan):
    block = FixupBlock(32, 64, mode=mode, n_layers=16)
    assert float(block.conv1.weight.detach().std()) == pytest.approx(math.sqrt(2 / fan) / 4, rel=0.02)
    assert float(block.skip_conv.weight.detach().std()) == pytest.approx(math.sqrt(2 / fan), rel=0.02)


def test_block_leaves_its_input_as_it_was():
    x = torch.ones(1, 2, 4, 4, 4)
    FixupBlock(2, 2)(x)
    assert bool((x == 1).all())


def test_unknown_mode_is_named():
    with pytest.raises(ValueError, match="mode='sideways' is not known: use 'level', 'down' or 'up'"):
        FixupBlock(1, 1, mode="sideways")

import pytest
import torch

from mrrecon.losses import CRPSLoss
from mrrecon.networks import CompletionNetwork, fill_holes
from mrrecon.networks.sparse_blocks import ResidualBlock, SparseEncoder

SIZES = {2: (19, 22), 3: (9, 18, 7)}


def network(dims: int = 2, **changes) -> CompletionNetwork:
    torch.manual_seed(3)
    net = CompletionNetwork(dims, **{"channels": (4, 6, 8), **changes})
    torch.nn.init.normal_(net.decoder.last.weight)  # zero at the start: it would hide everything before it
    return net.eval()


def images(dims: int = 2, n: int = 2) -> torch.Tensor:
    x = torch.rand(n, 2, *SIZES[dims], generator=torch.Generator().manual_seed(1))
    x[:, 1] = (x[:, 1] < 0.3).float()
    return x


@pytest.mark.parametrize("dims", [2, 3])
def test_an_image_comes_back_in_its_size(dims):
    assert network(dims)(images(dims)).shape == (2, 1, *SIZES[dims])
    assert network(dims).impute(images(dims), 3).shape == (3, 2, 1, *SIZES[dims])


@pytest.mark.parametrize("dims", [2, 3])
def test_what_stands_in_the_holes_has_no_influence(dims):
    x = images(dims)
    other = torch.where(x[:, 1:] > 0, x[:, :1], torch.rand(x[:, :1].shape) + 9)
    torch.testing.assert_close(network(dims)(torch.cat([other, x[:, 1:]], 1)), network(dims)(x))


def test_the_parameters_are_those_of_its_blocks():
    widths, noise = (16, 32, 64, 96, 128), 2
    blocks = [ResidualBlock(2, c + w + 1 + noise, w) for w, c in zip(widths, (*widths[1:], 0), strict=True)]
    parts = [SparseEncoder(2, 1, widths), *blocks, torch.nn.Conv2d(16, 1, 1)]
    expected = sum(p.numel() for part in parts for p in part.parameters())
    assert sum(p.numel() for p in CompletionNetwork(2).parameters()) == expected == 1_298_769


def test_untrained_it_gives_the_first_guess():
    x = torch.rand(1, 2, 18, 22).round()
    torch.testing.assert_close(
        CompletionNetwork(2, channels=(4, 6)).eval()(x), fill_holes(x[:, :1], x[:, 1:])
    )


def test_a_frame_of_which_nothing_was_observed_makes_no_difference():
    x = images()  # 19 x 22, which it frames to 20 x 24 by itself
    framed = torch.nn.functional.pad(x, (1, 1, 0, 1))
    torch.testing.assert_close(network()(x), network()(framed)[..., :19, 1:23])


def test_completions_differ_and_the_same_generator_gives_the_same():
    net, x = network(), images()
    once, again = (net.impute(x, 2, torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(once, again)
    assert float((once[0] - once[1]).detach().abs().max()) > 1e-3


def test_in_training_it_gives_two_draws():
    torch.manual_seed(0)
    draws = network().train()(images())
    assert draws.shape == (2, 2, *SIZES[2])
    assert not torch.equal(draws[:, 0], draws[:, 1])


@pytest.mark.parametrize("dims", [2, 3])
def test_scripted_it_gives_the_same(dims):
    net = network(dims)
    scripted = torch.jit.script(net)
    for x in (images(dims), images(dims, 1)[..., :5]):
        torch.testing.assert_close(scripted(x), net(x))


def test_it_learns_what_is_hidden_and_how_sure_it_is():
    # Each image is constant up to noise of 0.1: what is hidden is its level, give or take 0.1.
    torch.manual_seed(0)
    net = CompletionNetwork(2, channels=(8, 8)).train()
    optimizer, loss = torch.optim.Adam(net.parameters(), 5e-3), CRPSLoss()
    for _ in range(150):
        y = torch.rand(16, 1, 1, 1) + 0.1 * torch.randn(16, 1, 8, 8)
        seen = (torch.rand(16, 1, 8, 8) < 0.5).float()
        value = loss(net(torch.cat([y * seen, seen], 1)), (y, 1 - seen))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    draws = net.eval().impute(torch.cat([y * seen, seen], 1), 50, torch.Generator().manual_seed(0))
    spread = draws.detach().std(0)[seen == 0].mean()
    assert 0.07 < float(spread) < 0.13


def test_without_noise_channels_it_refuses():
    with pytest.raises(ValueError, match="n_noise=0"):
        CompletionNetwork(2, n_noise=0)
    with pytest.raises(ValueError, match="n=0"):
        network().impute(images(), 0)

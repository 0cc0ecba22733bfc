"""The four networks of an α-WGAN."""

import pytest
import torch
from torch.nn import functional as F

from mrrecon.networks import (
    AlphaWGAN,
    CodeCritic,
    VolumeEncoder,
    VolumeGenerator,
    halving_convolution,
    upsampled_convolution,
)

SMALL = {"channels": (4, 6), "latent": 7}


@pytest.fixture
def small() -> AlphaWGAN:
    network = AlphaWGAN(**SMALL)
    for _ in range(3):  # running averages that are not those of the start
        network(torch.rand(4, 1, 16, 16, 16))
    return network.eval()


def n_parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("make", "n"),
    [
        (lambda: VolumeEncoder(), 43_785_896),
        (lambda: VolumeGenerator(), 37_416_512),
        (lambda: VolumeEncoder(1), 11_049_665),
        (lambda: CodeCritic(), 20_901_889),
    ],
    ids=["encoder", "generator", "critic", "code critic"],
)
def test_the_defaults_have_the_published_numbers_of_parameters(make, n):
    with torch.device("meta"):
        assert n_parameters(make()) == n


def test_the_default_network_takes_a_cube_of_64():
    with torch.device("meta"):
        network = AlphaWGAN()
        assert network(torch.empty(2, 1, 64, 64, 64)).shape == (2, 1, 64, 64, 64)
        assert network.encode(torch.empty(2, 1, 64, 64, 64)).shape == (2, 1000)


@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
def test_image_in_image_out_in_the_range_from_0_to_1(norm, generator):
    network = AlphaWGAN(**SMALL, norm=norm)
    y = network(torch.rand(2, 1, 16, 16, 16, generator=generator))
    assert y.shape == (2, 1, 16, 16, 16)
    assert y.min() >= 0
    assert y.max() <= 1


def test_the_networks_inside_work_from_minus_1_to_1(small, generator):
    x = torch.rand(2, 1, 16, 16, 16, generator=generator)
    expected = (small.generator(small.encoder(2 * x - 1)) + 1) / 2
    torch.testing.assert_close(small(x), expected)


def test_what_lies_beyond_the_range_is_cut_off(small):
    bright = torch.full((1, 1, 16, 16, 16), 1.7)
    assert torch.equal(small.encode(bright), small.encode(torch.ones_like(bright)))


@pytest.mark.parametrize("shape", [(1, 1, 16, 16, 17), (1, 2, 16, 16, 16), (1, 16, 16, 16)])
def test_another_size_is_refused_with_the_size_it_takes(small, shape):
    with pytest.raises(ValueError, match=r"takes \(batch, 1, 16, 16, 16\), no other size"):
        small(torch.zeros(shape))


def test_a_code_of_another_length_is_refused(small):
    with pytest.raises(ValueError, match=r"takes \(batch, 7\)"):
        small.decode(torch.zeros(1, 8))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: VolumeEncoder(channels=()), "channels"),
        (lambda: VolumeGenerator(channels=(4, 0)), "channels"),
        (lambda: VolumeEncoder(0), "n_features=0"),
        (lambda: VolumeGenerator(0), "latent=0"),
        (lambda: CodeCritic(3, hidden=0), "hidden=0"),
        (lambda: CodeCritic(norm="layer"), "norm='layer'"),
        (lambda: AlphaWGAN(norm="group"), "norm='group'"),
        (lambda: AlphaWGAN(**SMALL).sample(0), "n=0"),
    ],
)
def test_an_argument_out_of_range_is_named(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_the_ends_of_an_interpolation_are_the_reconstructions(small, generator):
    x0, x1 = torch.rand(2, 1, 1, 16, 16, 16, generator=generator)
    between = small.interpolate(x0, x1, torch.tensor([0.0, 0.25, 1.0]))
    torch.testing.assert_close(between[:1], small(x0))
    torch.testing.assert_close(between[2:], small(x1))
    code = 0.75 * small.encode(x0) + 0.25 * small.encode(x1)
    torch.testing.assert_close(between[1:2], small.decode(code))


def test_samples_are_those_of_normal_codes_and_follow_the_generator(small):
    samples = small.sample(3, torch.Generator().manual_seed(4))
    codes = torch.randn(3, 7, generator=torch.Generator().manual_seed(4))
    torch.testing.assert_close(samples, small.decode(codes))


def test_scripted_and_eager_networks_agree(small, generator):
    x = torch.rand(2, 1, 16, 16, 16, generator=generator)
    scripted = torch.jit.script(small)
    torch.testing.assert_close(scripted(x), small(x))
    torch.testing.assert_close(scripted.encode(x), small.encode(x))
    critics = VolumeEncoder(1, channels=(4, 6)).eval(), CodeCritic(7, hidden=5).eval()
    for critic, given in zip(critics, (x, torch.randn(2, 7, generator=generator)), strict=True):
        torch.testing.assert_close(torch.jit.script(critic)(given), critic(given))


def test_one_batch_can_be_learned_by_heart(generator):
    network = AlphaWGAN(channels=(6, 8), latent=8)
    x = F.interpolate(torch.rand(2, 1, 4, 4, 4, generator=generator), scale_factor=4.0, mode="trilinear")
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(60):
        loss = F.l1_loss(network(x), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.3 * losses[0]


def test_state_dict_keys_are_what_weights_are_stored_under():
    keys = {name.rpartition(".")[0] for name in AlphaWGAN(channels=(2, 3), latent=2).state_dict()}
    encoder = {"encoder.first", "encoder.stages.0.0", "encoder.stages.0.1", "encoder.head"}
    middle = {"generator.norm", "generator.stages.0.0.conv", "generator.stages.0.1"}
    assert keys == encoder | middle | {"generator.spread", "generator.head.conv"}


def test_a_convolution_of_the_doubled_image_needs_no_doubled_image(generator):
    x = torch.randn(2, 3, 4, 5, 6, generator=generator, dtype=torch.float64)
    weight = torch.randn(7, 3, 3, 3, 3, generator=generator, dtype=torch.float64)
    plain = F.conv3d(F.interpolate(x, scale_factor=2), weight, padding=1)
    torch.testing.assert_close(upsampled_convolution(x, weight), plain)


def test_a_strided_convolution_is_one_over_blocks(generator):
    x = torch.randn(2, 3, 4, 6, 8, generator=generator, dtype=torch.float64)
    weight = torch.randn(7, 3, 4, 4, 4, generator=generator, dtype=torch.float64)
    bias = torch.randn(7, generator=generator, dtype=torch.float64)
    plain = F.conv3d(x, weight, bias, stride=2, padding=1)
    torch.testing.assert_close(halving_convolution(x, weight, bias), plain)

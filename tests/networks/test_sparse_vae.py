import pytest
import torch

from mrrecon.losses import observed_elbo
from mrrecon.networks import SPARSE_VARIANTS, SparseVAE, fill_holes

SIZES = {2: (28, 28), 3: (18, 9, 33)}
REGIONS = {2: (1, 2), 3: (2, 1, 3)}


def network(variant: str, dims: int = 2, **changes) -> SparseVAE:
    arguments = {"shape": SIZES[dims], "region": REGIONS[dims], "channels": (4, 4, 6, 6, 8), "n_latents": 3}
    return SparseVAE(dims, variant, **{**arguments, **changes}).eval()


def images(dims: int = 2, n: int = 2) -> torch.Tensor:
    x = torch.rand(n, 2, *SIZES[dims])
    x[:, 1] = (x[:, 1] < 0.3).float()
    return x


@pytest.mark.parametrize("variant", SPARSE_VARIANTS)
@pytest.mark.parametrize("dims", [2, 3])
def test_an_image_comes_back_in_its_size(variant, dims):
    assert network(variant, dims)(images(dims)).shape == (2, 1, *SIZES[dims])


@pytest.mark.parametrize(
    ("variant", "code"),
    [("conv_sparse", (2, 10, 2, 2)), ("conv_FC_sparse", (2, 10)), ("conv_local_sparse", (2, 10, 2, 1))],
)
def test_the_code_has_the_size_of_the_paper(variant, code):
    mean, log_variance = SparseVAE(2, variant, shape=(28, 28), region=(1, 2)).eval().posterior(images())
    assert mean.shape == log_variance.shape == code


def test_the_default_network_has_as_many_parameters_as_its_layers_say():
    conv, skip = 32 * 32 * 9 + 32, 32 * 32
    encoder = (32 * 9 + 32 + conv + 32) + 4 * (2 * conv + skip)
    decoder = 5 * (2 * conv + skip) + 33
    heads = 2 * (32 * 10 + 10) + 10 * 32 + 32
    assert sum(p.numel() for p in SparseVAE(2).parameters()) == encoder + decoder + heads + 1


@pytest.mark.parametrize("variant", SPARSE_VARIANTS)
def test_what_stands_in_the_holes_has_no_influence(variant):
    x = images()
    other = torch.where(x[:, 1:] > 0, x[:, :1], torch.rand(2, 1, *SIZES[2]) + 9)
    torch.testing.assert_close(
        network_seeded(variant)(torch.cat([other, x[:, 1:]], 1)), network_seeded(variant)(x)
    )


def network_seeded(variant: str) -> SparseVAE:
    torch.manual_seed(3)
    return network(variant)


def test_conv_mean_sees_the_mean_image_in_the_holes():
    net, x = network("conv_mean"), images()
    net.mean_image = torch.rand(1, 1, *SIZES[2])
    filled = torch.where(x[:, 1:] > 0, x[:, :1], net.mean_image)
    full = torch.cat([filled, torch.ones_like(filled)], 1)
    torch.testing.assert_close(net(x), net(full))


def test_the_mean_image_is_that_of_all_observed_voxels():
    net, batches = network("conv_mean"), [images(n=3) for _ in range(4)]
    for x in batches:
        net.train()(torch.cat([torch.where(x[:, 1:] > 0, x[:, :1], 9.0), x[:, 1:]], 1))
    y, mask = torch.cat(batches).split(1, 1)
    expected = (y * mask).sum(0) / mask.sum(0).clamp(min=1)
    torch.testing.assert_close(net.mean_image[0], expected)


def test_the_caller_may_interpolate_and_wmask_sees_the_mask():
    x = images()
    other = torch.cat([x[:, :1], 1 - x[:, 1:]], 1)
    given = {
        variant: network(variant, interpolates=False) for variant in ("conv_interp", "conv_interp_wmask")
    }
    assert torch.equal(given["conv_interp"](x), given["conv_interp"](other))
    assert not torch.allclose(given["conv_interp_wmask"](x), given["conv_interp_wmask"](other))


def test_the_network_interpolates_what_a_caller_would():
    own, x = network("conv_interp", shape=None), torch.rand(1, 2, 32, 16).round()
    given = network("conv_interp", shape=None, interpolates=False)
    given.load_state_dict(own.state_dict())
    filled = torch.cat([fill_holes(x[:, :1], x[:, 1:]), x[:, 1:]], 1)
    torch.testing.assert_close(own(x), given(filled))


def test_several_codes_are_drawn_in_training():
    net, x = network("conv_sparse", n_draws=5).train(), images()
    pred, mean, log_variance, _ = net(x)
    assert pred.shape == (2, 5, *SIZES[2])
    assert not torch.allclose(pred[:, 0], pred[:, 1])
    torch.manual_seed(1)
    noise = torch.randn(10, *mean.shape[1:])
    z = mean.repeat_interleave(5, 0) + noise * (0.5 * log_variance).exp().repeat_interleave(5, 0)
    torch.manual_seed(1)
    torch.testing.assert_close(net(x)[0].flatten(0, 1), net.decode(z, [28, 28])[:, 0])


@pytest.mark.parametrize("variant", SPARSE_VARIANTS)
def test_script_and_eager_are_alike(variant):
    net, x = network(variant), images()
    torch.testing.assert_close(torch.jit.script(net)(x), net(x))


def test_completions_scatter_with_the_posterior_around_the_decoded_mean():
    net, x = network("conv_sparse"), images(n=1)
    net.bottleneck.to_log_variance.bias.data.fill_(-30.0)
    net.bottleneck.to_log_variance.weight.data.zero_()
    torch.testing.assert_close(net.impute(x, 2), net(x).expand(2, -1, -1, -1, -1), atol=1e-3, rtol=1e-3)
    net.bottleneck.to_log_variance.bias.data.zero_()
    assert float(net.impute(x, 3).detach().std(0).mean()) > 1e-4


def test_the_same_generator_gives_the_same_completions():
    net, x = network("conv_FC_sparse"), images()
    draws = [net.impute(x, 2, torch.Generator().manual_seed(5)) for _ in range(2)]
    assert torch.equal(*draws)


@pytest.mark.parametrize("variant", ["conv_sparse", "conv_FC_sparse"])
def test_it_overfits_one_batch_from_its_observed_part(variant):
    net, x = network(variant, channels=(8, 8, 8), region=(7, 7), sigma=0.05).train(), images()
    smooth = torch.linspace(0, 1, 28)[:, None] * torch.linspace(1, 0.2, 28)
    x[:, 0] = smooth
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(120):
        pred, mean, log_variance, log_sigma = net(x)
        nll, kl = observed_elbo(
            pred, x[:, :1], mask=x[:, 1:], mean=mean, log_variance=log_variance, log_sigma=log_sigma
        )
        optimizer.zero_grad()
        (nll + kl).backward()
        optimizer.step()
    missing = x[:, 1:] == 0
    assert float((net.eval()(x) - x[:, :1]).detach()[missing].square().mean()) < 0.1 * float(
        x[:, :1][missing].var()
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"variant": "conv_none"}, "variant='conv_none'"),
        ({"variant": "conv_FC_sparse"}, "needs shape"),
        ({"variant": "conv_mean", "shape": (4,)}, "needs shape"),
        ({"variant": "conv_sparse", "n_draws": 0}, "n_draws=0 must be at least 1"),
        ({"variant": "conv_local_sparse", "shape": (32, 32)}, "needs region"),
        ({"sigma": 0.0}, "sigma=0.0"),
    ],
)
def test_impossible_networks_are_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        SparseVAE(2, **arguments)


def test_no_completion_is_refused():
    with pytest.raises(ValueError, match="n=0"):
        network("conv_sparse").impute(images(), 0)

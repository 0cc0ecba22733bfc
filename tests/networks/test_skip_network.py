import pytest
import torch

from mrrecon.networks import SkipNetwork


@pytest.mark.parametrize(("out_channels", "n_parameters"), [(1, 2_217_573), (3, 2_217_831)])
def test_it_has_as_many_parameters_as_the_published_network(out_channels, n_parameters):
    network = SkipNetwork(2, out_channels=out_channels)
    assert sum(p.numel() for p in network.parameters()) == n_parameters


@pytest.mark.parametrize("shape", [(32, 32), (33, 47), (5, 9), (9, 6, 17)])
def test_an_image_of_any_size_comes_out_between_0_and_1(shape):
    sizes = {"down": (4, 4, 4), "up": (4, 4, 4), "skip": (2, 0, 2)}
    image = SkipNetwork(len(shape), 3, 2, **sizes)(torch.rand(1, 3, *shape)).detach()
    assert image.shape == (1, 2, *shape)
    assert 0 < float(image.min()) <= float(image.max()) < 1


def test_every_parameter_learns():
    network = SkipNetwork(2, 3, 1, down=(4, 4), up=(4, 4), skip=(2, 2))
    network(torch.rand(1, 3, 16, 16)).square().sum().backward()
    gradients = {name: p.grad for name, p in network.named_parameters()}
    # A bias in front of a normalisation is taken out again.
    assert all(bool(g.any()) for name, g in gradients.items() if not name.endswith("conv.bias"))


def test_script_and_eager_are_alike():
    network = SkipNetwork(2, 3, 1, down=(4, 4), up=(4, 4), skip=(2, 2)).eval()
    x = torch.rand(1, 3, 16, 18)
    torch.testing.assert_close(torch.jit.script(network)(x), network(x))


@pytest.mark.parametrize(
    ("dims", "arguments", "said"),
    [
        (1, {}, "spatial_dims=1"),
        (2, {"down": (4,), "up": (4, 4), "skip": (1, 1)}, "equally long, got 1, 2, 2"),
        (2, {"down": (), "up": (), "skip": ()}, "equally long, got 0, 0, 0"),
    ],
)
def test_impossible_networks_are_refused(dims, arguments, said):
    with pytest.raises(ValueError, match=said):
        SkipNetwork(dims, **arguments)

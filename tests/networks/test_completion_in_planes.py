import pytest
import torch

from mrrecon.inferers.imputation_planes import completions_in_planes
from mrrecon.inferers.imputation_samplers import sampler_of
from mrrecon.networks import CompletionInPlanes


def network(**arguments) -> CompletionInPlanes:
    torch.manual_seed(0)
    net = CompletionInPlanes(channels=(4, 6), **arguments).eval()
    torch.nn.init.normal_(net.of_planes.decoder.last.weight)
    return net


def volumes() -> torch.Tensor:
    x = torch.rand(2, 2, 9, 7, 12, generator=torch.Generator().manual_seed(1))
    x[:, 1] = (torch.arange(12) % 4 == 1).float()
    return x


def test_it_is_the_mean_of_its_planes_one_by_one():
    net, x = network(batch_size=4), volumes()
    across = torch.stack([net.of_planes(x[:, :, i]) for i in range(9)], 2)
    along = torch.stack([net.of_planes(x[:, :, :, i]) for i in range(7)], 3)
    torch.testing.assert_close(net(x), (across + along) / 2)


def test_it_is_what_the_inferer_makes_of_the_network_for_slices():
    net, x = network(), volumes()
    sampler = sampler_of(net.of_planes, n_completions=0)
    for volume, expected in zip(x, net(x), strict=True):
        found = completions_in_planes(
            sampler, volume, n=1, axes=[0, 1], batch_size=3, seed=0, on_draw=lambda *_: None
        )
        torch.testing.assert_close(found[0], expected[0])


def test_a_plane_in_which_nothing_was_observed_has_no_say():
    net, x = network(), volumes()
    x[:, 1, 0] = 0
    along = torch.stack([net.of_planes(x[:, :, :, i]) for i in range(7)], 3)
    torch.testing.assert_close(net(x)[:, :, 0], along[:, :, 0])


def test_scripted_it_gives_the_same():
    net, x = network(), volumes()
    torch.testing.assert_close(torch.jit.script(net)(x), net(x))


def test_it_refuses_axes_that_there_are_not():
    with pytest.raises(ValueError, match=r"axes=\(0, 3\)"):
        network(axes=(0, 3))

import pytest
import torch

from mrrecon.inferers.imputation_planes import completions_in_planes, plane_axes
from mrrecon.inferers.imputation_samplers import sampler_of
from mrrecon.networks import CompletionNetwork
from mrrecon.simulate import missing_slices, rotated_slices


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("tilt", [0, 15])
def test_planes_cut_across_the_slices_that_are_there(axis, tilt):
    generator = torch.Generator().manual_seed(0)
    if tilt:
        seen = rotated_slices([48, 40, 44], max_angle=tilt, generator=generator)
    else:
        seen = missing_slices([48, 40, 44], axis=0, offset=2)
    assert axis not in plane_axes(seen.movedim(0, axis))


class Mean(torch.nn.Module):
    """Gives each hole the mean of its slice, so that what it saw can be told."""

    spatial_dims = 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = (x[:, :1] * x[:, 1:]).sum((2, 3)) / x[:, 1:].sum((2, 3)).clamp(min=1)
        mean = torch.where(x[:, 1:].flatten(1).any(1)[:, None], mean, 9.0)
        return torch.where(x[:, 1:] > 0, x[:, :1], mean[..., None, None])


def volume() -> torch.Tensor:
    y = torch.rand(6, 7, 12)
    seen = missing_slices([6, 7, 12], axis=2, offset=2, acceleration=4)
    return torch.stack([y * seen, seen.float()])


def filled(x: torch.Tensor, axes: list[int]) -> torch.Tensor:
    sampler = sampler_of(Mean(), n_completions=0)
    return completions_in_planes(sampler, x, n=1, axes=axes, batch_size=4, seed=0, on_draw=lambda *_: None)[0]


def test_two_directions_are_averaged():
    x = volume()
    y, seen = x[0], x[1] > 0
    expected = torch.zeros_like(y)
    for axis in (0, 1):
        other = 1 - axis
        mean = (y * seen).sum((other, 2), keepdim=True) / seen.sum((other, 2), keepdim=True)
        expected += 0.5 * torch.where(seen, y, mean)
    torch.testing.assert_close(filled(x, [0, 1]), expected)


def test_neighbouring_planes_get_similar_random_numbers_and_far_ones_others():
    torch.manual_seed(0)
    net = CompletionNetwork(2, channels=(4, 4)).eval()
    torch.nn.init.normal_(net.decoder.last.weight)
    x = torch.zeros(2, 48, 16, 16)
    x[1, :, 0, 0] = 1  # all planes show the same: they differ by their random numbers alone
    with torch.no_grad():
        draws = completions_in_planes(
            sampler_of(net, n_completions=2), x, n=2, axes=[0], batch_size=5, seed=0, on_draw=lambda *_: None
        )
    steps = (draws[0, 1:] - draws[0, :-1]).square().mean((1, 2)).sqrt()
    apart = (draws[0, 24:] - draws[0, :-24]).square().mean((1, 2)).sqrt()
    assert float(steps.max()) < 0.6 * float(apart.min())
    assert float((draws[0] - draws[1]).abs().max()) > 0.1


def test_batches_make_no_difference():
    torch.manual_seed(0)
    net = CompletionNetwork(2, channels=(4, 4)).eval()
    torch.nn.init.normal_(net.decoder.last.weight)
    sampler, x = sampler_of(net, n_completions=2), volume()
    with torch.no_grad():
        one, two = (
            completions_in_planes(
                sampler, x, n=2, axes=[0, 1], batch_size=size, seed=3, on_draw=lambda *_: None
            )
            for size in (3, 8)
        )
    torch.testing.assert_close(one, two)


def test_the_mean_of_a_pair_is_free_of_what_is_linear_in_the_random_numbers():
    class Noisy(Mean):
        multiple = 1

        def encode(self, x: torch.Tensor) -> tuple:
            return super().forward(x), [x[:, :1]], [x[:, 1:]]

        def noise(self, features: list, generator: torch.Generator) -> list:
            return [torch.randn(features[0].shape, generator=generator)]

        def draw(self, guess: torch.Tensor, *rest: list) -> torch.Tensor:
            return guess + rest[-1][0]

    x = volume()
    sampler = sampler_of(Noisy(), n_completions=4)
    draws = completions_in_planes(sampler, x, n=4, axes=[0, 1], batch_size=4, seed=0, on_draw=lambda *_: None)
    assert float((draws[0] - draws[2]).abs().max()) > 0.5
    torch.testing.assert_close(draws[:2].mean(0), filled(x, [0, 1]))
    torch.testing.assert_close(draws.mean(0), filled(x, [0, 1]))


def test_a_plane_in_which_nothing_was_observed_has_no_say():
    x = volume()
    x[:, 0] = 0  # planes across axis 0 lose one; those across axis 1 have its voxels still
    one = filled(x, [0, 1])
    torch.testing.assert_close(one[0], filled(x, [1])[0])
    torch.testing.assert_close(one[1:], (filled(x, [0])[1:] + filled(x, [1])[1:]) / 2)

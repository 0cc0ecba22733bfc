"""Scans completed by networks: units, axes, slices, tiles, random numbers, and what is refused."""

import itertools

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from torch import nn

from mrrecon.inferers import ImputationInferer
from mrrecon.inferers.imputation_tiles import tile_starts
from mrrecon.networks import CompletionInPlanes, CompletionNetwork, SparseVAE
from mrrecon.solvers import interpolate_missing

MULTIPLE = 4


class Noise(nn.Module):
    """Half of the range everywhere, and the random numbers of the finest level."""

    def __init__(self, spatial_dims=3):
        super().__init__()
        self.spatial_dims, self.multiple = spatial_dims, MULTIPLE

    def encode(self, x):
        sizes = [[-(-n // MULTIPLE) * MULTIPLE >> level for n in x.shape[2:]] for level in range(3)]
        features = [x.new_zeros(len(x), 5, *size) for size in sizes]
        return torch.full_like(x[:, :1], 0.5), features, features

    def noise(self, features, generator=None):
        return [torch.randn(len(h), 1, *h.shape[2:], generator=generator) for h in features]

    def draw(self, guess, features, masks, noise):  # noqa: ARG002
        return guess + noise[0][tuple(slice(n) for n in guess.shape)]


class Codes(nn.Module):
    """A code per block of voxels, with a variance of 1, which is the image."""

    spatial_dims, multiple = 3, MULTIPLE

    def posterior(self, x):
        mean = nn.functional.avg_pool3d(x[:, 1:], MULTIPLE, ceil_mode=True)
        return mean, torch.zeros_like(mean)

    def decode(self, z, shape):
        return nn.functional.interpolate(z, size=shape)


def scan(shape=(12, 16, 8), share=0.6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    y = 100 * torch.rand(1, 1, *shape, generator=generator)
    y[torch.rand(y.shape, generator=generator) < share] = torch.nan
    return y


def trained(dims):
    torch.manual_seed(0)
    network = CompletionNetwork(dims, channels=[4, 4, 8]).eval()
    nn.init.normal_(network.decoder.last.weight)
    return network


CASES = {
    "slices": (2, {}),
    "volume": (3, {}),
    "tiles": (3, {"roi_size": 8, "overlap": 0.5}),
    "planes": (2, {"slice_axis": "planes"}),
}


@pytest.mark.parametrize("case", CASES)
def test_observed_voxels_survive_and_holes_are_filled(case):
    dims, options = CASES[case]
    y = scan()
    seen = y.isfinite()
    solution = ImputationInferer(3, **options).solve(y, trained(dims))
    assert torch.equal(solution.image[seen], y[seen])
    assert torch.equal(solution.std[seen], torch.zeros(int(seen.sum())))
    assert torch.equal(solution.completions[0][:, seen[0, 0]], y[seen].expand(3, -1))
    assert solution.image.isfinite().all()
    assert (solution.std[~seen] > 0).float().mean() > 0.9
    torch.testing.assert_close(solution.image[0], solution.completions.mean(1))
    torch.testing.assert_close(solution.std[0], solution.completions.std(1), rtol=1e-4, atol=1e-4)


def test_completions_come_in_the_units_of_the_scan():
    y = scan((40, 40, 40))
    observed = y[y.isfinite()].numpy()
    low, high = np.percentile(observed, [0.05, 99.95])
    drawn = ImputationInferer(1, keep_observed=False).solve(y, Noise()).completions
    scaled = (drawn - low) / (high - low)
    assert scaled.mean() == pytest.approx(0.5, abs=0.02)
    assert scaled.std() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("network", [Noise(), Codes()])
def test_tiles_that_overlap_share_their_random_numbers(network):
    y = scan((16, 12, 20))
    once = ImputationInferer(4).solve(y, network).completions
    tiled = ImputationInferer(4, roi_size=8, overlap=0.5).solve(y, network).completions
    if isinstance(network, Codes):  # the mean of a code depends on the border of no tile
        torch.testing.assert_close(tiled.var(1), once.var(1), rtol=1e-3, atol=1e-2)
    torch.testing.assert_close(tiled, once, rtol=1e-4, atol=1e-3)


def test_tiles_cover_the_axis_and_overlap_as_asked():
    for size, tile in itertools.product((32, 48, 80), (16, 32)):
        starts = tile_starts(size, tile, step=16, overlap=0.25)
        covered = {voxel for start in starts for voxel in range(start, start + tile)}
        assert covered == set(range(size))
        assert all(start % 16 == 0 for start in starts)


def test_the_temperature_stretches_what_differs_from_the_mean():
    y, network = scan(), trained(3)
    one, two = (ImputationInferer(4, temperature=t).solve(y, network) for t in (1, 2))
    torch.testing.assert_close(two.image, one.image)
    torch.testing.assert_close(two.std, 2 * one.std)
    expected = one.image + 2 * (one.completions - one.image)
    torch.testing.assert_close(two.completions, expected, rtol=1e-4, atol=1e-3)


def test_a_seed_gives_the_same_completions_in_any_batch():
    y, network = scan(), trained(2)
    first = ImputationInferer(2, seed=1, batch_size=1).solve(y, network).completions
    again = ImputationInferer(2, seed=1, batch_size=5).solve(y, network).completions
    other = ImputationInferer(2, seed=2).solve(y, network).completions
    torch.testing.assert_close(again, first, rtol=1e-4, atol=1e-3)
    assert not torch.allclose(other, first, atol=0.1)


def test_no_completions_are_the_one_image_of_the_network():
    y, network = scan((8, 8, 8)), trained(3)
    solution = ImputationInferer(0, keep_observed=False).solve(y, network)
    observed = y[y.isfinite()]
    low, high = np.percentile(observed.numpy(), [0.05, 99.95])
    x = torch.cat([(y.nan_to_num() - low) / (high - low), y.isfinite().float()], 1)
    with torch.no_grad():
        expected = network(torch.where(x[:, 1:] > 0, x, 0)) * (high - low) + low
    torch.testing.assert_close(solution.image, expected.float(), rtol=1e-4, atol=1e-3)
    assert solution.std is None
    assert solution.completions is None


@pytest.mark.parametrize("dims", [2, 3])
def test_the_axes_of_the_file_do_not_matter(dims):
    y, network = scan(), trained(dims)
    stored = y.permute(0, 1, 4, 3, 2).flip(3)  # top first, then back, then right
    affine = torch.tensor([[0, 0, 1.0, 0], [0, -2, 0, 9], [3, 0, 0, 0], [0, 0, 0, 1]], dtype=torch.float64)
    batch = MetaTensor(stored, affine=affine[None])
    expected = ImputationInferer(2).solve(y, network)
    found = ImputationInferer(2).solve(batch, network)
    turned = found.completions.flip(3).permute(0, 1, 4, 3, 2)
    torch.testing.assert_close(turned, expected.completions, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("shape", "slice_axis", "seen"),
    [
        ((4, 5, 6), "coronal", (5, 1, 4, 6)),
        ((4, 5, 6), "sagittal", (4, 1, 5, 6)),
        ((4, 5, 6), "axial", (6, 1, 4, 5)),
        ((4, 1, 6), "axial", (1, 1, 4, 6)),
        ((1, 5, 6), "coronal", (1, 1, 5, 6)),
    ],
)
def test_a_network_of_two_axes_gets_slices(shape, slice_axis, seen):
    sizes = []

    class Recorder(nn.Module):
        spatial_dims = 2

        def forward(self, x):
            sizes.append((len(x), 1, *x.shape[2:]))
            return x[:, :1]

    ImputationInferer(0, slice_axis=slice_axis).solve(scan(shape), Recorder())
    assert sizes == [seen]


@pytest.mark.parametrize("value", [7.0, 0.0])
def test_what_is_constant_stays_so_and_is_sure(value):
    y = torch.full((1, 1, 4, 5, 6), value)
    y[:, :, 1] = torch.nan
    solution = ImputationInferer(3).solve(y, trained(3))
    assert torch.equal(solution.image, torch.full_like(y, value))
    assert not solution.std.any()
    assert solution.completions.shape == (1, 3, 4, 5, 6)


def test_a_whole_scan_comes_back_as_it_is():
    y = scan(share=0)
    solution = ImputationInferer(3).solve(y, None)
    assert torch.equal(solution.image, y)
    assert not solution.std.any()


def test_a_network_for_one_size_gets_smaller_scans_in_a_frame():
    network = SparseVAE(2, "conv_FC_sparse", shape=(16, 16), channels=[4, 4], n_latents=3).eval()
    y = scan((12, 3, 16))
    solution = ImputationInferer(2, spatial_size=[16, 16]).solve(y, network)
    assert solution.image.shape == y.shape
    with pytest.raises(ValueError, match="works at 16 x 16 voxels, and got 12 x 20"):
        ImputationInferer(2, spatial_size=[16, 16]).solve(scan((12, 3, 20)), network)


@pytest.mark.parametrize("shape", [(6, 18, 9), (8, 8, 8), (7, 6, 5)])
def test_a_network_for_one_size_works_in_tiles_of_it(shape):
    options = {"shape": (8, 8, 8), "channels": [4, 4], "n_latents": 2, "region": (2, 2, 2)}
    network = SparseVAE(3, "conv_local_sparse", **options).eval()
    inferer = ImputationInferer(2, spatial_size=[8, 8, 8], roi_size=8)
    solution = inferer.solve(scan(shape), network)
    assert solution.image.isfinite().all()
    assert solution.std.max() > 0


def test_baselines_work_as_the_network_does_slice_by_slice_or_on_the_volume():
    y = scan()
    filled, seen = y[0, 0].nan_to_num(), y[0, 0].isfinite()
    volume = ImputationInferer(spatial_dims=3).solve(y, None, method="linear")
    assert torch.equal(volume.image[0, 0], interpolate_missing(filled, seen))
    slices = ImputationInferer(spatial_dims=2).solve(y, None, method="linear").image[0, 0]
    assert torch.equal(slices[:, 3], interpolate_missing(filled[:, 3], seen[:, 3]))
    assert slices.shape == y.shape[2:]
    tv = ImputationInferer(spatial_dims=2, max_iterations=5).solve(y, None, method="tv")
    assert torch.equal(tv.image[y.isfinite()], y[y.isfinite()])
    assert tv.std is None


def test_progress_is_told_and_ends_with_nothing_left():
    told = []
    ImputationInferer(2, batch_size=8, on_iteration=lambda *said: told.append(said)).solve(scan(), trained(2))
    assert [number for number, _ in told] == [1, 2, 3, 4]
    assert [left for _, left in told] == [0.75, 0.5, 0.25, 0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n_completions": -1}, "n_completions=-1 must be a whole number, at least 0"),
        ({"temperature": -1}, "temperature=-1 must be 0 or a positive number"),
        ({"slice_axis": "oblique"}, "slice_axis='oblique' must be one of sagittal, coronal, axial or planes"),
        ({"overlap": 1}, r"overlap=1 must lie in \[0, 1\)"),
        ({"batch_size": 0}, "batch_size=0 must be a whole number, at least 1"),
    ],
)
def test_an_argument_out_of_its_range_is_refused(options, said):
    with pytest.raises(ValueError, match=said):
        ImputationInferer(**options)


@pytest.mark.parametrize(
    ("options", "y", "network", "said"),
    [
        ({}, torch.full((1, 1, 4, 4, 4), torch.nan), None, "no voxel was observed"),
        ({}, torch.ones(1, 1, 4, 4), None, "must be one volume"),
        ({"roi_size": 6}, scan(), Noise(), "must be multiples of 4"),
        ({"slice_axis": "axial"}, "gap", Noise(2), "slice 1 of 8 has no observed voxel"),
        ({}, scan(), nn.Identity(), "Identity gives one image and draws none"),
    ],
    ids=["nothing", "no volume", "tile", "slice", "no draws"],
)
def test_what_cannot_be_completed_is_said_in_a_sentence(options, y, network, said):
    if isinstance(y, str):
        y = scan()
        y[..., 1] = torch.nan
    with pytest.raises(ValueError, match=said):
        ImputationInferer(**options).solve(y, network)


@pytest.mark.parametrize(
    ("n", "free", "said"),
    [
        (1000, 2**20, "n_completions=1000 of 12 x 16 x 8 voxels need about .* ask for fewer"),
        (0, 2**10, "inputs of 12 x 16 x 8 voxels need about .* complete a part of it"),
    ],
)
def test_more_than_memory_is_refused_before_any_work(monkeypatch, n, free, said):
    monkeypatch.setattr("mrrecon.inferers.imputation.available_memory", lambda _: free)
    with pytest.raises(ValueError, match=said):
        ImputationInferer(n).solve(scan(), trained(3))


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="method='magic' must be one of network, nearest"):
        ImputationInferer().solve(scan(), None, method="magic")


def test_a_network_in_planes_completes_a_single_slice_as_a_slice():
    torch.manual_seed(0)
    net = CompletionInPlanes(channels=(4, 4)).eval()
    torch.nn.init.normal_(net.of_planes.decoder.last.weight)
    y = torch.rand(1, 1, 9, 8, 1)
    y[:, :, ::2] = torch.nan
    one = ImputationInferer(0).solve(y, net).image
    torch.testing.assert_close(one, ImputationInferer(0).solve(y, net.of_planes).image)

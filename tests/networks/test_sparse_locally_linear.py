import pytest
import torch

from mrrecon.networks import SparseLinear, SparseLocallyLinear


def test_one_region_is_the_fully_connected_layer():
    local, full = SparseLocallyLinear((4, 6), 3, (4, 6), 5), SparseLinear(3 * 24, 5)
    full.weight.data, full.mean.data = local.weight.data[0], torch.randn(3 * 24)
    local.mean.data[0] = full.mean.data
    y, mask = torch.randn(2, 3, 4, 6), (torch.rand(2, 1, 4, 6) < 0.5).float()
    r = local(y, mask)
    torch.testing.assert_close(r.flatten(1), full(y.flatten(1), mask.expand_as(y).flatten(1)))
    torch.testing.assert_close(local.decode(r).flatten(1), full.decode(r.flatten(1)))


@pytest.mark.parametrize(
    ("shape", "region"), [((4, 6), (2, 3)), ((4, 6, 8), (2, 3, 4)), ((2, 4, 6), (2, 1, 3))]
)
def test_each_region_is_a_layer_of_its_own(shape, region):
    layer = SparseLocallyLinear(shape, 2, region, 4)
    y, mask = torch.randn(1, 2, *shape), (torch.rand(1, 1, *shape) < 0.7).float()
    r, grid = layer(y, mask), [n // size for n, size in zip(shape, region, strict=True)]
    for i, place in enumerate(torch.cartesian_prod(*[torch.arange(n) for n in grid]).tolist()):
        box = (slice(None), *(slice(j * n, (j + 1) * n) for j, n in zip(place, region, strict=True)))
        alone = SparseLinear(layer.weight.shape[1], 4)
        alone.weight.data, alone.mean.data = layer.weight.data[i], layer.mean.data[i]
        seen = mask.expand_as(y)[0][box].reshape(1, -1)
        torch.testing.assert_close(r[(0, slice(None), *place)], alone(y[0][box].reshape(1, -1), seen)[0])
        torch.testing.assert_close(
            layer.decode(r)[0][box].reshape(1, -1), alone.decode(r[(0, slice(None), *place)][None])
        )


def test_it_needs_a_fraction_of_the_numbers_of_a_full_layer():
    local, full = SparseLocallyLinear((8, 8), 4, (2, 2), 10), SparseLinear(4 * 64, 160)
    assert local.weight.numel() * 16 == full.weight.numel()


@pytest.mark.parametrize("region", [(3, 2), (2,), (2, 2, 2)])
def test_a_region_that_does_not_tile_the_image_is_refused(region):
    with pytest.raises(ValueError, match="must divide shape=\\(4, 4\\)"):
        SparseLocallyLinear((4, 4), 1, region, 2)


def test_a_negative_ridge_is_refused():
    with pytest.raises(ValueError, match="ridge=-1"):
        SparseLocallyLinear((4, 4), 1, (2, 2), 2, ridge=-1)


def test_autocast_rounds_no_coordinate():
    layer = SparseLocallyLinear((4, 4), 8, (2, 2), 16)
    y, mask = torch.randn(2, 8, 4, 4), (torch.rand(2, 1, 4, 4) < 0.7).float()
    expected = layer(y, mask)
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(y, mask)
    torch.testing.assert_close(found, expected)

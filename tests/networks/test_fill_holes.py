import torch

from mrrecon.networks import fill_holes


def test_a_hole_gets_the_mean_of_its_neighbourhood_and_voxels_keep_theirs():
    y, mask = torch.rand(1, 1, 6, 7), (torch.rand(1, 1, 6, 7) < 0.4).float()
    filled = fill_holes(y, mask)
    assert torch.equal(filled[mask > 0], y[mask > 0])
    assert float(filled.min()) >= float(y[mask > 0].min()) - 1e-6
    assert float(filled.max()) <= float(y[mask > 0].max()) + 1e-6


def test_a_constant_stays_constant_and_nothing_stays_zero():
    mask = torch.zeros(1, 1, 9, 5, 6)
    assert float(fill_holes(torch.full_like(mask, 4.0), mask).abs().max()) == 0
    mask[..., 2, 3] = 1
    torch.testing.assert_close(fill_holes(torch.full_like(mask, 4.0), mask), torch.full_like(mask, 4.0))

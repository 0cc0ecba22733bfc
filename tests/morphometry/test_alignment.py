import numpy as np
import pytest
import torch

from mrrecon.morphometry import Alignment, Grid
from mrrecon.morphometry.diffeomorphism import exponential, gaussian_smooth

FIELD = Grid((20, 20, 20), np.diag([3.0, 3, 3, 1]))
SCAN = Grid((26, 24, 22), np.array([[0, 2.0, 0, 6], [-2, 0, 0, 56], [0, 0, 2, 8], [0, 0, 0, 1]]))


def bent(affine: np.ndarray, size: float = 3.0) -> Alignment:
    noise = torch.randn(3, *FIELD.shape, generator=torch.Generator().manual_seed(0))
    velocity = gaussian_smooth(noise, sigma=3.0)
    velocity = velocity * size / 3 / velocity.abs().max()
    return Alignment(affine, 3 * exponential(velocity), 3 * exponential(-velocity), FIELD, SCAN, 1.0)


def blob() -> torch.Tensor:
    maps = torch.zeros(2, *SCAN.shape)
    maps[0, 8:18, 8:16, 7:15] = 1
    maps[1, 10:14, 8:16, 7:15] = 0.5
    return maps


def affine() -> np.ndarray:
    return np.array([[0.9, 0.1, 0, 2], [-0.1, 1.1, 0, -1], [0, 0, 0.95, 1], [0, 0, 0, 1.0]])


def test_there_and_back_is_where_one_began() -> None:
    points = 15 + 25 * torch.rand(3, 200, generator=torch.Generator().manual_seed(1))
    alignment = bent(affine())
    assert (alignment.scan_points(points) - points).norm(dim=0).mean() > 1
    assert (alignment.template_points(alignment.scan_points(points)) - points).norm(dim=0).max() < 0.15


@pytest.mark.parametrize("spacing", [1.0, 2.0, 4.0])
def test_modulated_maps_keep_every_ml(spacing: float) -> None:
    n = round(60 / spacing)
    grid = Grid((n, n, n), np.diag([spacing, spacing, spacing, 1]))
    moved = bent(affine()).to_template(blob(), grid=grid, modulated=True)
    expected = blob().sum((1, 2, 3)) * SCAN.voxel_volume
    assert torch.allclose(moved.sum((1, 2, 3)) * grid.voxel_volume, expected, rtol=1e-4)


def test_a_modulated_map_holds_the_volume_change() -> None:
    # Half as large along each axis in the scan as in the template: an eighth of the volume.
    halved = bent(np.array([[0.5, 0, 0, 15], [0, 0.5, 0, 15], [0, 0, 0.5, 15], [0, 0, 0, 1.0]]), size=1e-6)
    moved = halved.to_template(torch.ones(SCAN.shape), grid=FIELD, modulated=True)
    assert moved[8:12, 8:12, 8:12].mean() == pytest.approx(1 / 8, rel=0.02)


def test_maps_that_are_not_modulated_keep_their_values() -> None:
    moved = bent(affine()).to_template(torch.full(SCAN.shape, 0.7), grid=FIELD, modulated=False)
    assert torch.allclose(moved[6:14, 6:14, 6:14], torch.tensor(0.7), atol=1e-4)


def test_a_template_map_comes_to_the_scan_where_its_points_are() -> None:
    coordinate = torch.arange(20.0).view(1, 20, 1).expand(FIELD.shape) * 3
    alignment = bent(affine())
    mm = torch.tensor(SCAN.affine[:3, :3] @ [12, 11, 10] + SCAN.affine[:3, 3], dtype=torch.float32)
    expected = alignment.template_points(mm.view(3, 1))[1].item()
    assert alignment.to_scan(coordinate, grid=FIELD)[12, 11, 10].item() == pytest.approx(expected, abs=1e-3)


def test_a_map_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"maps has the shape \(3, 3, 3\)"):
        bent(affine()).to_template(torch.ones(3, 3, 3), modulated=True)

import numpy as np
import pytest
import torch
from scipy import ndimage

from mrrecon.morphometry.grid import TEMPLATE_GRID, Grid, grid_points, sample_linear


# Where slopes are asked for, torch reads; else a kernel does.
@pytest.mark.parametrize("slopes", [True, False])
@pytest.mark.parametrize("shape", [(5, 6, 7), (5, 1, 7)])
@pytest.mark.parametrize(("outside", "mode"), [("zeros", "grid-constant"), ("border", "nearest")])
def test_reading_between_voxels_is_scipys_linear_interpolation(
    slopes: bool, shape: tuple[int, int, int], outside: str, mode: str
) -> None:
    generator = torch.Generator().manual_seed(0)
    volumes = torch.randn(2, *shape, generator=generator, requires_grad=slopes)
    voxels = torch.rand(3, 300, 2, generator=generator) * torch.tensor([8.0, 9, 10]).view(3, 1, 1) - 1.5
    found = sample_linear(volumes, voxels, outside=outside).detach()
    for volume, one in zip(volumes.detach().numpy(), found.numpy(), strict=True):
        expected = ndimage.map_coordinates(volume, voxels.numpy(), order=1, mode=mode)
        assert np.allclose(one, expected, atol=1e-5)


def test_beyond_the_border_lies_zero_or_the_border() -> None:
    far = torch.full((3, 1), 9.0)
    assert sample_linear(torch.ones(1, 3, 3, 3), far).item() == 0
    assert sample_linear(torch.ones(1, 3, 3, 3), far, outside="border").item() == 1


def test_every_voxel_has_its_index() -> None:
    assert torch.equal(grid_points((2, 3, 4))[:, 1, 2, 3], torch.tensor([1.0, 2.0, 3.0]))


def test_voxels_of_a_rotated_grid_keep_their_size() -> None:
    turn = np.array([[0.6, -0.8, 0, 5], [0.8, 0.6, 0, 7], [0, 0, 1, 0], [0, 0, 0, 1]])
    grid = Grid((2, 2, 2), turn @ np.diag([2, 3, 4, 1.0]))
    assert np.allclose(grid.spacing, (2, 3, 4))
    assert grid.voxel_volume == pytest.approx(24)


def test_the_grid_of_studies_spans_the_template() -> None:
    assert np.allclose(TEMPLATE_GRID.affine @ [98, 116, 94, 1], [98, 98, 116, 1])


def test_a_flat_affine_is_refused() -> None:
    with pytest.raises(ValueError, match="can be inverted"):
        Grid((2, 2, 2), np.diag([1.0, 1, 0, 1]))

import numpy as np
import pytest
import torch
from scipy import ndimage

from mrrecon.morphometry.grid import TEMPLATE_GRID, Grid, grid_points, sample_linear


def test_reading_between_voxels_is_scipys_linear_interpolation() -> None:
    generator = torch.Generator().manual_seed(0)
    volume = torch.randn(5, 6, 7, generator=generator)
    voxels = torch.rand(3, 50, generator=generator) * torch.tensor([[4.0], [5.0], [6.0]])
    expected = ndimage.map_coordinates(volume.numpy(), voxels.numpy(), order=1)
    assert np.allclose(sample_linear(volume[None], voxels)[0].numpy(), expected, atol=1e-5)


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

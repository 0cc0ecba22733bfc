"""Random smooth deformations."""

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from mrrecon.simulate.deformation import (
    FOLD_FREE,
    Deformation,
    Warp,
    draw_deformation,
    sample_linear,
    sample_nearest,
)

STILL = Warp(displacement=0.0, rotation=0.0, scaling=0.0, shear=0.0, flip_axis=None)
AXES = [torch.arange(24.0)] * 3


def test_warp_of_nothing_is_the_identity(generator: torch.Generator) -> None:
    points = draw_deformation([24.0] * 3, warp=STILL, generator=generator).source(AXES)
    torch.testing.assert_close(points, torch.stack(torch.meshgrid(*AXES, indexing="ij")))


def test_linear_part_is_a_matrix_about_the_centre(generator: torch.Generator) -> None:
    matrix = torch.randn(3, 3, generator=generator)
    deformation = Deformation(matrix, (24.0, 24.0, 24.0), torch.zeros(3, 4, 4, 4), 24.0)
    grid = torch.stack(torch.meshgrid(*AXES, indexing="ij"))
    expected = torch.einsum("ij,jzyx->izyx", matrix, grid - 12) + 12
    torch.testing.assert_close(deformation.source(AXES), expected)


@pytest.mark.parametrize("seed", range(4))
def test_strongest_displacement_allowed_does_not_fold(seed: int) -> None:
    warp = Warp(displacement=FOLD_FREE * 8, knot=8.0, rotation=0, scaling=0, shear=0, flip_axis=None)
    deformation = draw_deformation([24.0] * 3, warp=warp, generator=torch.Generator().manual_seed(seed))
    points = deformation.source([torch.linspace(0, 24, 97)] * 3)
    jacobian = torch.stack([torch.stack(torch.gradient(p, spacing=0.25), dim=-1) for p in points], dim=-2)
    assert torch.linalg.det(jacobian).min() > 0


def test_displacement_that_could_fold_is_refused() -> None:
    with pytest.raises(ValueError, match=r"displacement=11 mm must lie in \[0, 10\.08\]"):
        Warp(displacement=11, knot=25)


def test_flip_mirrors_about_half_the_draws() -> None:
    warp = Warp(displacement=0.0, rotation=0.0, scaling=0.0, shear=0.0, flip_axis=0)
    generator = torch.Generator().manual_seed(0)
    signs = [draw_deformation([9.0] * 3, warp=warp, generator=generator).matrix[0, 0] for _ in range(200)]
    assert 70 < sum(sign == -1 for sign in signs) < 130
    assert all(abs(sign) == 1 for sign in signs)


def test_linear_sampling_is_scipys(generator: torch.Generator) -> None:
    volume = torch.rand(5, 6, 7, generator=generator)
    points = torch.rand(3, 4, 4, 4, generator=generator) * torch.tensor([4, 5, 6]).view(3, 1, 1, 1)
    expected = map_coordinates(volume.numpy(), points.numpy(), order=1)
    torch.testing.assert_close(sample_linear(volume[None], points)[0], torch.from_numpy(expected))


def test_nearest_sampling_is_scipys_and_zero_outside(generator: torch.Generator) -> None:
    labels = torch.randint(1, 9, (5, 6, 7), generator=generator)
    points = torch.rand(3, 4, 4, 4, generator=generator) * 14 - 4
    expected = map_coordinates(labels.numpy(), np.round(points.numpy()), order=0, mode="constant")
    assert torch.equal(sample_nearest(labels, points), torch.from_numpy(expected))

"""The Poisson disc."""

import numpy as np
import pytest
import torch

from mrrecon.simulate import poisson_disc
from mrrecon.simulate.dart_throwing import throw_darts


def _smallest_distance(mask: torch.Tensor) -> float:
    points = mask.nonzero().double()
    return torch.nn.functional.pdist(points).min().item()


def test_points_of_even_density_are_never_crowded(generator: torch.Generator) -> None:
    mask = poisson_disc([60, 50], acceleration=12, growth=0, generator=generator)
    # Points at random would touch. The densest packing of 250 points in 3000 has distance 3.7.
    assert _smallest_distance(mask) >= 2.8


def test_darts_keep_the_smaller_of_their_radii() -> None:
    radius = 1 + 4 * np.random.rand(30, 30)  # noqa: NPY002
    points = throw_darts(np.random.permutation(900), radius)  # noqa: NPY002
    places = np.stack([points // 30, points % 30], -1)
    distance = np.linalg.norm(places[:, None] - places[None], axis=-1) + 1e3 * np.eye(len(places))
    own = radius[places[:, 0], places[:, 1]]
    assert (distance >= np.minimum(own[:, None], own)).all()


def test_no_dart_is_left_that_would_fit() -> None:
    radius = 1 + 4 * np.random.rand(30, 30)  # noqa: NPY002
    points = throw_darts(np.random.permutation(900), radius)  # noqa: NPY002
    grid = np.stack(np.meshgrid(np.arange(30), np.arange(30), indexing="ij"), -1).reshape(-1, 1, 2)
    distance = np.linalg.norm(grid - grid[points, 0], axis=-1)
    assert (distance < np.minimum(radius.reshape(-1, 1), radius.reshape(-1)[points])).any(1).all()


def test_density_falls_with_the_frequency(generator: torch.Generator) -> None:
    mask = poisson_disc([128, 128], acceleration=8, growth=3, generator=generator).float()
    assert mask[48:80, 48:80].mean() > 3 * mask[:32, :32].mean()


def test_ellipse_leaves_out_the_corners(generator: torch.Generator) -> None:
    mask = poisson_disc([64, 32], acceleration=4, elliptical=True, generator=generator)
    places = mask.nonzero() - torch.tensor([32, 16])
    assert (places / torch.tensor([32, 16])).square().sum(-1).max() <= 1
    assert mask.sum() == 512


def test_bad_arguments_are_refused(generator: torch.Generator) -> None:
    with pytest.raises(ValueError, match=r"shape=\(8, 8, 8\) must have two axes"):
        poisson_disc([8, 8, 8], acceleration=2, generator=generator)
    with pytest.raises(ValueError, match=r"growth=-1 must be a number from 0 up"):
        poisson_disc([8, 8], acceleration=2, growth=-1, generator=generator)
    with pytest.raises(
        ValueError, match=r"centre=\(9, 2\) must be a block within a k-space of shape \(8, 8\)"
    ):
        poisson_disc([8, 8], acceleration=2, centre=(9, 2), generator=generator)
    with pytest.raises(ValueError, match=r"acceleration=1 asks for 256 points .* the ellipse has"):
        poisson_disc([16, 16], acceleration=1, elliptical=True, generator=generator)

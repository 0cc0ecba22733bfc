"""Spokes and spirals."""

import math

import pytest
import torch

from mrrecon.operators import NonUniformFourier
from mrrecon.simulate import radial_trajectory, spiral_trajectory
from mrrecon.simulate.trajectories import Trajectory

FULL = {
    "radial": lambda size: radial_trajectory(size),
    "golden": lambda size: radial_trajectory(size, golden=True),
    "spiral": lambda size: spiral_trajectory(size, n_shots=16),
}


@pytest.mark.parametrize("name", FULL)
def test_density_adds_up_to_the_disc(name: str) -> None:
    # In points of the grid: π (n/2)².
    assert FULL[name](40).density.sum().item() == pytest.approx(math.pi * 20**2, rel=2e-3)


@pytest.mark.parametrize("name", FULL)
def test_weighted_adjoint_is_the_image(name: str) -> None:
    trajectory = FULL[name](48)
    places = torch.arange(48.0) - 24
    image = torch.exp(-(places**2 + (places[:, None] - 5) ** 2) / 50) + 0j
    operator = NonUniformFourier(trajectory.points, [48, 48])
    back = operator.adjoint(trajectory.density * operator(image))
    assert (back - image).norm() < 0.03 * image.norm()


def test_weighted_adjoint_is_the_image_in_space() -> None:
    trajectory = radial_trajectory(16, n_axes=3)
    places = torch.arange(16.0) - 8
    image = torch.exp(-(places**2 + places[:, None] ** 2 + places[:, None, None] ** 2) / 8) + 0j
    operator = NonUniformFourier(trajectory.points, [16, 16, 16])
    back = operator.adjoint(trajectory.density * operator(image))
    # The golden means cover the sphere less evenly than a circle can be covered.
    assert (back - image).norm() < 0.06 * image.norm()


def _angles(trajectory: Trajectory) -> torch.Tensor:
    ends = trajectory.points[:, 0].double()
    return torch.atan2(ends[:, 0], ends[:, 1]).rad2deg()


def test_spokes_divide_the_half_turn() -> None:
    turns = _angles(radial_trajectory(64, acceleration=4)).diff().remainder(180)
    torch.testing.assert_close(turns, torch.full_like(turns, 180 / 25), atol=1e-4, rtol=0)


def test_golden_spokes_turn_by_the_golden_angle() -> None:
    turns = _angles(radial_trajectory(64, acceleration=4, golden=True)).diff().remainder(180)
    torch.testing.assert_close(turns, torch.full_like(turns, 111.246118), atol=1e-4, rtol=0)


def test_acceleration_is_the_share_of_the_spokes_of_a_full_measurement() -> None:
    trajectory = radial_trajectory(64, acceleration=4)
    assert len(trajectory.points) == round(math.pi / 2 * 64 / 4) == 25
    assert trajectory.acceleration == pytest.approx(math.pi / 2 * 64 / 25)


def test_spokes_cross_the_middle_and_end_at_the_edge() -> None:
    for n_axes in 2, 3:
        points = radial_trajectory(12, n_axes=n_axes).points
        assert (points[:, 12] == 0).all()
        torch.testing.assert_close(points[:, 0].norm(dim=-1), torch.full((len(points),), math.pi))


def test_arms_of_a_spiral_are_the_acceleration_apart() -> None:
    trajectory = spiral_trajectory(64, acceleration=3, n_shots=4, oversampling=20)
    # Where the arms cross the positive half of an axis, in points of the grid.
    points = trajectory.points.flatten(0, 1) * 64 / (2 * math.pi)
    near = points[(points[:, 0].abs() < 0.05) & (points[:, 1] > 1), 1].sort().values
    radii = near[torch.cat([torch.ones(1, dtype=torch.bool), near.diff() > 0.5])]
    torch.testing.assert_close(radii.diff(), torch.full((len(radii) - 1,), 3.0), atol=0.15, rtol=0)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match=r"acceleration=0.5 must be a number from 1 up"):
        radial_trajectory(64, acceleration=0.5)
    with pytest.raises(ValueError, match=r"acceleration=0.5 must be a number from 1 up"):
        spiral_trajectory(64, acceleration=0.5)
    with pytest.raises(ValueError, match=r"acceleration=300 leaves none of 100.5 spokes"):
        radial_trajectory(64, acceleration=300)
    with pytest.raises(ValueError, match=r"n_axes=4 2 or 3"):
        radial_trajectory(64, n_axes=4)
    with pytest.raises(ValueError, match=r"n_shots=0 at least 1"):
        spiral_trajectory(64, n_shots=0)

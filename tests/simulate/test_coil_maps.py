"""The field of wire loops around the object."""

import math

import pytest
import torch

from mrrecon.simulate import coil_maps
from mrrecon.simulate.coil_maps import loop_field


def _biot_savart(points: torch.Tensor, wire: torch.Tensor) -> torch.Tensor:
    """Sum over the pieces of a closed wire, dl x r / |r|³."""
    pieces, middles = wire.roll(-1, 0) - wire, (wire.roll(-1, 0) + wire) / 2
    away = points[:, None] - middles
    return (torch.linalg.cross(pieces.expand_as(away), away) / away.norm(dim=-1, keepdim=True) ** 3).sum(1)


def _circle(radius: float) -> torch.Tensor:
    angle = torch.arange(4000, dtype=torch.float64) * 2 * math.pi / 4000
    return radius * torch.stack([angle.cos(), angle.sin(), 0 * angle], -1)


def test_field_of_a_loop_is_biots_and_savarts() -> None:
    rho, z = torch.rand(20).double() * 2, torch.randn(20).double()
    expected = _biot_savart(torch.stack([rho, 0 * rho, z], -1), _circle(0.6))
    radial, axial = loop_field(rho, z, radius=0.6)
    torch.testing.assert_close(4 * radial, expected[:, 0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(4 * axial, expected[:, 2], rtol=1e-4, atol=1e-4)


def test_field_on_the_axis_is_the_textbooks() -> None:
    z = torch.linspace(-2, 2, 9, dtype=torch.float64)
    radial, axial = loop_field(0 * z, z, radius=0.5)
    torch.testing.assert_close(axial, math.pi / 2 * 0.5**2 / (0.5**2 + z**2) ** 1.5)
    assert (radial == 0).all()


@pytest.mark.parametrize(("shape", "n_rings"), [((9, 12), 1), ((5, 6, 7), 2)])
def test_maps_are_the_fields_of_loops_in_rings(shape: tuple[int, ...], n_rings: int) -> None:
    maps = coil_maps(shape, 6, n_rings=n_rings, distance=1.4, loop_radius=0.5, dtype=torch.complex128)
    axes = [(2 * torch.arange(n).double() + 1) / n - 1 for n in shape]
    z, y, x = (
        grid.flatten() for grid in torch.meshgrid(*([torch.zeros(1).double(), *axes][-3:]), indexing="ij")
    )
    fields = []
    for coil in range(6):
        ring, place = divmod(coil, 6 // n_rings)
        angle = torch.tensor(2 * math.pi * (place + ring % 2 / 2) / (6 // n_rings)).double()
        height = (2 * ring + 1) / n_rings - 1
        outwards = torch.stack([angle.cos(), angle.sin(), 0 * angle])
        aside = torch.stack([-angle.sin(), angle.cos(), 0 * angle])
        upwards = torch.tensor([0.0, 0.0, 1.0]).double()
        circle = _circle(0.5)
        # Seen from outside, against the direction in which the axis of the loop points.
        wire = 1.4 * outwards + height * upwards - circle[:, :1] * aside + circle[:, 1:2] * upwards
        field = _biot_savart(torch.stack([x, y, z], -1), wire)
        fields.append(torch.complex(field[:, 0], -field[:, 1]))
    expected = torch.stack(fields) / torch.stack(fields).abs().square().sum(0).sqrt()
    torch.testing.assert_close(maps.flatten(1), expected, rtol=1e-4, atol=1e-4)


def test_sum_of_squares_is_one_everywhere() -> None:
    energy = coil_maps([20, 24], 5).abs().square().sum(0)
    torch.testing.assert_close(energy, torch.ones(20, 24))


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((8,), {}, r"shape=\(8,\) must have two or three axes"),
        ((8, 8), {"n_coils": 0}, r"n_coils=0 must be at least 1"),
        ((8, 8), {"n_rings": 2}, r"n_rings=2, which is 1 for an image"),
        ((8, 8, 8), {"n_coils": 7, "n_rings": 2}, r"n_coils=7 must be .* a multiple of n_rings=2"),
        ((8, 8), {"distance": 1}, r"distance=1 must be above 1"),
        ((8, 8), {"loop_radius": 0}, r"loop_radius=0 above 0"),
    ],
)
def test_bad_arguments_are_refused(shape: tuple, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        coil_maps(shape, **options)

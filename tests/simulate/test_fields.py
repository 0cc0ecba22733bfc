"""Smooth random fields."""

import pytest
import torch
from scipy.interpolate import BSpline

from mrrecon.simulate.fields import draw_control, spline_field, spline_weights


def test_weights_are_those_of_scipys_cubic_b_spline() -> None:
    positions = torch.linspace(-3, 12, 61, dtype=torch.float64)
    weights = spline_weights(positions, n_knots=4, knot=2.5)
    for knot in range(4):
        basis = BSpline.basis_element(2.5 * (knot + torch.arange(-2.0, 3.0).numpy()), extrapolate=False)
        expected = torch.from_numpy(basis(positions.numpy())).nan_to_num()
        torch.testing.assert_close(weights[:, knot], expected)


def test_field_is_the_triple_sum_over_control_points(generator: torch.Generator) -> None:
    control = draw_control([6.0, 4.0, 5.0], knot=2.0, n_channels=1, generator=generator)
    axes = [torch.linspace(0, extent, 4) for extent in (6.0, 4.0, 5.0)]
    field = spline_field(control, axes, knot=2.0)
    rows = [
        spline_weights(axis + 2.0, n_knots=n, knot=2.0)
        for axis, n in zip(axes, control.shape[1:], strict=True)
    ]
    expected = torch.einsum("cijk,zi,yj,xk->czyx", control, *rows)
    torch.testing.assert_close(field, expected)


def test_patch_sees_its_part_of_the_whole_field(generator: torch.Generator) -> None:
    control = draw_control([20.0] * 3, knot=6.0, n_channels=2, generator=generator)
    whole = spline_field(control, [torch.arange(20.0)] * 3, knot=6.0)
    patch = spline_field(control, [torch.arange(5.0, 9.0)] * 3, knot=6.0)
    torch.testing.assert_close(patch, whole[:, 5:9, 5:9, 5:9])


def test_distance_of_control_points_must_be_positive(generator: torch.Generator) -> None:
    with pytest.raises(ValueError, match=r"knot=0 must be above 0 mm"):
        draw_control([4.0] * 3, knot=0, n_channels=1, generator=generator)

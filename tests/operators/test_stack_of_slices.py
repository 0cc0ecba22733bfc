"""A volume measured slice by slice."""

import pytest
import torch

from mrrecon.operators import (
    CartesianSense,
    Coils,
    Fourier,
    Mask,
    NonUniformFourier,
    StackOfSlices,
    stack_of_stars,
)


def test_every_slice_has_its_own_operator() -> None:
    masks, maps = torch.rand(3, 4, 5), torch.randn(2, 3, 4, 5, dtype=torch.complex128)
    stack = StackOfSlices([CartesianSense(masks[z], maps[:, z]) for z in range(3)], measured_axes=3)
    whole = CartesianSense(masks, maps, axes=2)
    x = torch.randn(6, 3, 4, 5, dtype=torch.complex128)
    torch.testing.assert_close(stack(x), whole(x).transpose(-4, -3))
    torch.testing.assert_close(stack.adjoint(stack(x)), whole.adjoint(whole(x)))
    torch.testing.assert_close(stack.gram(x), whole.gram(x))
    bounds = [Mask(mask).norm_bound * Coils(maps[:, z]).norm_bound for z, mask in enumerate(masks)]
    assert stack.norm_bound == pytest.approx(max(bounds))


def test_stack_of_stars_measures_frequencies_along_z() -> None:
    trajectory = (torch.rand(7, 2, dtype=torch.float64) - 0.5) * 2 * torch.pi
    maps = torch.randn(2, 3, 4, 5, dtype=torch.complex128)
    x = torch.randn(3, 4, 5, dtype=torch.complex128)
    z = (torch.arange(3) - 1) * 2 * torch.pi / 3
    points = torch.cat([z[:, None, None].expand(3, 7, 1), trajectory.expand(3, 7, 2)], -1)
    expected = NonUniformFourier(points, [3, 4, 5], accuracy=1e-12)(maps * x)
    operator = stack_of_stars(trajectory, maps, accuracy=1e-12)
    torch.testing.assert_close(operator(x), expected)
    torch.testing.assert_close(operator.gram(x), operator.adjoint(operator(x)), rtol=1e-9, atol=1e-9)


def test_slices_follow_the_transform_along_z_in_the_formula() -> None:
    stack = StackOfSlices([Mask(torch.ones(2, 2))] * 3) @ Fourier([-3])
    assert repr(stack) == "StackOfSlices(3 x Mask) @ Fourier(-3)"
    assert stack.unitary


def test_bad_input_is_refused_in_a_sentence() -> None:
    stack = StackOfSlices([Mask(torch.ones(2, 2))] * 3)
    with pytest.raises(ValueError, match=r"x of shape \(4, 2, 2\) must have 3 slices along axis -3"):
        stack(torch.ones(4, 2, 2))
    with pytest.raises(ValueError, match=r"y of shape \(2, 2\) must have 3 slices along axis -3"):
        stack.adjoint(torch.ones(2, 2))
    with pytest.raises(ValueError, match=r"operators=\[\] must name one operator for each slice"):
        StackOfSlices([])
    with pytest.raises(ValueError, match=r"measured_axes=0 must be at least 1"):
        StackOfSlices([Mask(torch.ones(2))], measured_axes=0)


def test_slices_of_unlike_measurements_are_refused() -> None:
    short, long = (NonUniformFourier(torch.zeros(n, 2), [2, 2]) for n in (3, 4))
    with pytest.raises(ValueError, match=r"shapes \[\(3,\), \(4,\)\]: they must agree"):
        StackOfSlices([short, long], measured_axes=1)(torch.ones(2, 2, 2))

"""How much of k-space a mask measures."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from mrrecon.simulate import (
    acceleration_of,
    equispaced_lines,
    missing_slices,
    poisson_disc,
    random_pixels,
    rotated_lines,
    rotated_slices,
    uniform_lines,
    variable_density_lines,
)

# Function, shape, how many samples there are to choose from.
MASKS = {
    "uniform_lines": (uniform_lines, (6, 50), 50),
    "variable_density_lines": (variable_density_lines, (6, 50), 50),
    "equispaced_lines": (equispaced_lines, (6, 50), 50),
    "missing_slices": (missing_slices, (31, 4, 5), 31),
    "random_pixels": (random_pixels, (13, 17), 13 * 17),
    "rotated_lines": (rotated_lines, (23, 28), 23 * 28),
    "rotated_slices": (rotated_slices, (13, 10, 9), 13 * 10 * 9),
    "poisson_disc": (poisson_disc, (40, 33), 40 * 33),
}


@pytest.mark.parametrize("acceleration", [1, 2, 3.3, 6])
@pytest.mark.parametrize("name", MASKS)
def test_acceleration_is_exact(name: str, acceleration: float, generator: torch.Generator) -> None:
    function, shape, total = MASKS[name]
    mask = function(shape, acceleration=acceleration, generator=generator)
    assert mask.shape == shape
    assert mask.dtype == torch.bool
    assert mask.sum() == round(total / acceleration) * mask.numel() // total
    assert acceleration_of(mask) == pytest.approx(total / round(total / acceleration))


@pytest.mark.parametrize("name", MASKS)
def test_equal_seeds_give_equal_masks(name: str) -> None:
    function, shape, _ = MASKS[name]
    one, same, other = (
        function(shape, acceleration=2.5, generator=torch.Generator().manual_seed(seed)) for seed in (4, 4, 5)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("acceleration", [0.5, 0, -2, float("nan"), float("inf")])
@pytest.mark.parametrize("name", MASKS)
def test_acceleration_below_one_is_refused(
    name: str, acceleration: float, generator: torch.Generator
) -> None:
    function, shape, _ = MASKS[name]
    with pytest.raises(ValueError, match=r"acceleration=.* must be a number from 1 up"):
        function(shape, acceleration=acceleration, generator=generator)


@pytest.mark.parametrize("function", [uniform_lines, variable_density_lines, equispaced_lines])
def test_centre_is_measured_completely(function: Callable[..., Tensor], generator: torch.Generator) -> None:
    mask = function([30, 40], acceleration=4, centre=7, axis=0, generator=generator)
    assert mask[15 - 3 : 15 + 4].all()
    assert mask[:, 0].sum() == 8
    assert torch.equal(mask, mask[:, :1].expand(30, 40))


def test_centre_of_a_poisson_disc_is_measured_completely(generator: torch.Generator) -> None:
    mask = poisson_disc([40, 30], acceleration=5, centre=[6, 5], generator=generator)
    assert mask[17:23, 13:18].all()
    assert mask.sum() == 240


def test_centre_with_more_lines_than_are_left_is_refused(generator: torch.Generator) -> None:
    for function in uniform_lines, variable_density_lines, equispaced_lines:
        with pytest.raises(ValueError, match=r"acceleration=8 leaves 8 of 64 lines, .* fewer than the 9"):
            function([64], acceleration=8, centre=9, generator=generator)
    with pytest.raises(ValueError, match=r"leaves 32 of 256 points, .* not fewer than the 36 in the centre"):
        poisson_disc([16, 16], acceleration=8, centre=[6, 6], generator=generator)


def test_acceleration_that_leaves_nothing_is_refused(generator: torch.Generator) -> None:
    with pytest.raises(ValueError, match=r"acceleration=100 leaves 0 of 8 lines, which must be at least 1"):
        uniform_lines([8], acceleration=100, generator=generator)
    with pytest.raises(ValueError, match=r"mask of shape \(3,\) is empty"):
        acceleration_of(torch.zeros(3, dtype=torch.bool))

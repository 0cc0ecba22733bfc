"""Which lines are measured."""

import pytest
import torch

from mrrecon.simulate import equispaced_lines, missing_slices, uniform_lines, variable_density_lines


def test_equispaced_lines_are_every_third_from_the_offset_on() -> None:
    mask = equispaced_lines([4, 12], acceleration=3, offset=2)
    assert mask[0].nonzero()[:, 0].tolist() == [2, 5, 8, 11]


def test_offsets_are_drawn_from_all_that_differ(generator: torch.Generator) -> None:
    masks = [equispaced_lines([12], acceleration=3, generator=generator) for _ in range(60)]
    assert {int(mask.nonzero()[0, 0]) for mask in masks} == {0, 1, 2}


def test_distances_differ_by_one_at_most() -> None:
    lines = equispaced_lines([100], acceleration=3.7, offset=1).nonzero()[:, 0]
    assert set(lines.diff().tolist()) == {3, 4}


def test_five_of_six_slices_are_missing() -> None:
    mask = missing_slices([13, 2, 2], offset=1)
    assert mask[:, 0, 0].nonzero()[:, 0].tolist() == [1, 7]
    assert mask[1].all()


def test_low_frequencies_are_drawn_as_often_as_the_density_says(generator: torch.Generator) -> None:
    one_line = [
        variable_density_lines([9], acceleration=9, power=2, generator=generator) for _ in range(4000)
    ]
    chances = (1 - (torch.arange(9) - 4).abs() / 5.0) ** 2
    drawn = torch.stack(one_line).float().mean(0)
    torch.testing.assert_close(drawn, chances / chances.sum(), atol=0.02, rtol=0)


def test_uniform_lines_have_equal_chances(generator: torch.Generator) -> None:
    masks = [uniform_lines([10], acceleration=2, centre=2, generator=generator) for _ in range(2000)]
    drawn = torch.stack(masks).float().mean(0)
    assert (drawn[4:6] == 1).all()
    torch.testing.assert_close(drawn[[0, 1, 2, 3, 6, 7, 8, 9]], torch.full((8,), 3 / 8), atol=0.04, rtol=0)


def test_bad_arguments_are_refused(generator: torch.Generator) -> None:
    with pytest.raises(ValueError, match=r"one of offset and generator must be given"):
        equispaced_lines([12], acceleration=3)
    with pytest.raises(ValueError, match=r"axis=2 must be one of the 2 axes of shape=\(4, 8\)"):
        uniform_lines([4, 8], acceleration=2, axis=2, generator=generator)
    with pytest.raises(ValueError, match=r"power=-1 must be a number from 0 up"):
        variable_density_lines([8], acceleration=2, power=-1, generator=generator)

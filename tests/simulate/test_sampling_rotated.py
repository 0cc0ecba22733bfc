"""Lines and slices at any angle."""

import pytest
import torch

from mrrecon.simulate import rotated_lines, rotated_slices


def test_without_an_angle_the_lines_are_rows(generator: torch.Generator) -> None:
    mask = rotated_lines([24, 10], acceleration=6, max_angle=0, generator=generator)
    rows = mask.all(1).nonzero()[:, 0]
    assert len(rows) == 4
    assert (rows.diff() == 6).all()


def test_one_line_of_six_is_there_at_any_angle(generator: torch.Generator) -> None:
    # The spectrum of parallel lines at distance 6 peaks at the frequency 1/6, whatever their angle.
    for _ in range(10):
        mask = rotated_lines([96, 96], acceleration=6, generator=generator).float()
        frequency = torch.hypot(torch.fft.fftfreq(96)[:, None], torch.fft.fftfreq(96))
        # Thin lines have harmonics, too, at 2/6 and so on.
        power = torch.fft.fft2(mask - mask.mean()).abs() * (frequency < 0.25)
        assert frequency.flatten()[power.argmax()] == pytest.approx(1 / 6, abs=0.01)


def test_angles_reach_from_one_end_to_the_other(generator: torch.Generator) -> None:
    masks = [rotated_lines([12, 12], max_angle=90, generator=generator).float() for _ in range(60)]
    # Nearly whole rows are there in some, nearly whole columns in others.
    assert max(mask.mean(1).max() for mask in masks) > 0.8
    assert max(mask.mean(0).max() for mask in masks) > 0.8


def test_slices_are_tilted_towards_both_axes(generator: torch.Generator) -> None:
    mask = rotated_slices([60, 20, 20], max_angle=0, generator=generator)
    assert mask.all(-1).all(-1).sum() == 10
    tilted = rotated_slices([60, 20, 20], max_angle=15, generator=generator)
    assert not torch.equal(tilted[:, :1].expand(60, 20, 20), tilted)
    assert not torch.equal(tilted[:, :, :1].expand(60, 20, 20), tilted)


def test_bad_arguments_are_refused(generator: torch.Generator) -> None:
    with pytest.raises(ValueError, match=r"shape=\(4, 4, 4\) must have 2 axes"):
        rotated_lines([4, 4, 4], generator=generator)
    with pytest.raises(ValueError, match=r"max_angle=100 must lie between 0 and 90 degrees"):
        rotated_slices([4, 4, 4], max_angle=100, generator=generator)

"""Point-spread functions against their formulas."""

import math
from collections.abc import Callable

import pytest
import torch

from mrrecon.operators import Blur, box_psf, gaussian_psf, motion_psf


def variance(psf: torch.Tensor, axis: int) -> float:
    """Second moment about the centre, in voxels."""
    line = psf.movedim(axis, 0).flatten(1).sum(1)
    return (line * (torch.arange(len(line)) - len(line) // 2) ** 2).sum().item()


def test_gaussian_has_its_width_at_half_maximum() -> None:
    line = gaussian_psf([6.0])
    centre = len(line) // 2
    assert (line[centre + 3] / line[centre]).item() == pytest.approx(0.5)


def test_gaussian_has_its_variance_along_each_axis() -> None:
    psf = gaussian_psf([4.0, 6.0], spacing=[1.0, 2.0], cut=6)
    for axis, width in enumerate((4, 3)):
        assert variance(psf, axis) == pytest.approx(width**2 / (8 * math.log(2)), rel=1e-4)


def test_box_of_three_voxels_is_their_mean() -> None:
    torch.testing.assert_close(box_psf([3]), torch.full((3,), 1 / 3, dtype=torch.float64))


def test_box_of_a_length_in_mm_has_as_many_voxels() -> None:
    # 1.4 / 0.1 is a little less than 14.
    assert box_psf([1.4, 4], spacing=[0.1, 2]).shape == (14, 2)


def test_box_covers_voxels_in_part() -> None:
    expected = torch.tensor([0.25, 1, 1, 1, 0.25], dtype=torch.float64) / 3.5
    torch.testing.assert_close(box_psf([3.5]), expected)


def test_motion_has_the_moments_of_its_way() -> None:
    # Variance of an even distribution, and 1/6 of linear interpolation: the mean of t (1 - t).
    psf = motion_psf([0.0, 9.0])
    assert psf.shape == (1, 11)
    assert variance(psf, 1) == pytest.approx(9**2 / 12 + 1 / 6, rel=1e-3)


def test_motion_along_the_diagonal_stays_on_it() -> None:
    psf = motion_psf([4, 4])
    assert (psf.triu(2) == 0).all()
    assert (psf.tril(-2) == 0).all()
    assert psf.trace() > 0.5


def test_motion_along_the_other_diagonal_is_its_mirror_image() -> None:
    torch.testing.assert_close(motion_psf([4.0, -4.0]), motion_psf([4.0, 4.0]).flip(1))


def test_no_motion_moves_nothing() -> None:
    assert torch.equal(motion_psf([0, 0, 0]), torch.ones(1, 1, 1, dtype=torch.float64))


@pytest.mark.parametrize("make", [gaussian_psf, box_psf, motion_psf])
def test_sum_is_one_and_the_centre_a_centre_of_symmetry(make: Callable) -> None:
    psf = make([3.0, 5.0])
    assert psf.sum().item() == pytest.approx(1)
    torch.testing.assert_close(psf, psf.flip(0, 1))


@pytest.mark.parametrize("psf", [gaussian_psf([2.0, 3.0]), box_psf([3.0, 2.5])])
def test_mirrors_do_not_raise_the_norm_of_a_mirrored_function(psf: torch.Tensor) -> None:
    assert Blur(psf, "reflect").norm_bound == pytest.approx(1)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: gaussian_psf([-1.0]), "fwhm=.*must not be negative"),
        (lambda: gaussian_psf([float("nan")]), "fwhm=.*must be finite"),
        (lambda: gaussian_psf([1.0], cut=0), "cut=0 must be a positive number"),
        (lambda: gaussian_psf([]), "one for each axis"),
        (lambda: box_psf([0.0, 1.0]), "width=.*must be positive"),
        (lambda: box_psf([1.0, 1.0], spacing=[1.0]), "spacing=.*one for each of width"),
        (lambda: motion_psf([1.0], spacing=[0.0]), "spacing=.*must be positive"),
        (lambda: motion_psf([float("inf")]), "shift=.*must be finite"),
    ],
)
def test_bad_arguments_are_refused(call: Callable, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()

"""Decimation after a blur."""

import pytest
import torch
from torch.nn import functional as F

from mrrecon.operators import Blur, Downsample, box_psf, gaussian_psf, super_resolution


@pytest.mark.parametrize("factor", [(2, 2), (3, 4), (5, 1)])
def test_box_takes_means_of_blocks(factor: tuple[int, int]) -> None:
    x = torch.randn(1, 15 * 4, 12, dtype=torch.float64)
    torch.testing.assert_close(super_resolution(factor)(x), F.avg_pool2d(x, factor))


def test_box_takes_means_of_blocks_of_a_volume() -> None:
    x = torch.randn(2, 4, 6, 8, dtype=torch.float64)
    torch.testing.assert_close(super_resolution([2, 3, 4])(x), F.avg_pool3d(x, (2, 3, 4)))


@pytest.mark.parametrize("boundary", ["periodic", "reflect"])
@pytest.mark.parametrize("size", [(3, 4), (9, 8)])
def test_it_keeps_every_few_voxels_of_the_blurred_image(size: tuple[int, int], boundary: str) -> None:
    psf, x = torch.randn(size, dtype=torch.float64), torch.randn(2, 12, 10, dtype=torch.float64)
    A = Downsample([3, 2], psf, boundary=boundary, offset=[2, 0])
    torch.testing.assert_close(A(x), Blur(psf, boundary)(x)[:, 2::3, ::2])


def test_without_blur_voxels_are_left_out() -> None:
    x = torch.arange(6.0)
    torch.testing.assert_close(Downsample([3])(x), torch.tensor([1.0, 4.0]))
    torch.testing.assert_close(Downsample([3], offset=[2])(x), torch.tensor([2.0, 5.0]))


def test_gaussian_leaves_an_axis_of_factor_one_alone() -> None:
    x = torch.randn(3, 20)
    lines = torch.stack([Downsample([2], gaussian_psf([2.0]), boundary="reflect")(line) for line in x])
    torch.testing.assert_close(super_resolution([1, 2], "gaussian")(x), lines)


def test_factor_one_changes_nothing_and_says_so() -> None:
    A = Downsample([1, 1])
    x = torch.randn(3, 3)
    assert A.unitary
    assert torch.equal(A(x), x)
    assert not Downsample([2, 1]).unitary


def test_it_prints_its_factors() -> None:
    assert str(Downsample([2, 3])) == "Downsample(2, 3)"


@pytest.mark.parametrize("factor", [[2.0, 2], [1.5], [True]])
def test_factor_that_is_no_whole_number_is_refused(factor: list) -> None:
    with pytest.raises(TypeError, match=r"must be whole numbers|factor"):
        Downsample(factor)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"factor": [0, 2]}, r"factor=\(0, 2\) must be whole numbers from 1 up"),
        ({"factor": []}, "one for each axis"),
        ({"factor": [2, 2], "offset": [2, 0]}, r"offset=\(2, 0\) must lie from 0 to below factor=\(2, 2\)"),
        ({"factor": [2, 2], "offset": [0]}, "offset"),
        ({"factor": [2, 2], "psf": torch.ones(3)}, r"psf of shape \(3,\) must have the 2 axes of factor"),
        ({"factor": [2], "psf": torch.tensor([float("nan")])}, "psf must be finite"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Downsample(**arguments)


def test_sizes_that_do_not_fit_are_refused() -> None:
    A = Downsample([2, 3], box_psf([2.0, 3.0]))
    with pytest.raises(ValueError, match=r"must divide the last axes of x.*to \(6, 9\), say"):
        A(torch.zeros(6, 8))
    with pytest.raises(ValueError, match="must not be larger than the last axes of x"):
        A(torch.zeros(6))
    with pytest.raises(ValueError, match="does not fit"):
        Downsample([2], torch.ones(5)).adjoint(torch.zeros(2))


def test_unknown_profile_is_refused() -> None:
    with pytest.raises((ValueError, TypeError), match="profile"):
        super_resolution([2], "triangle")

"""The middle of an image."""

import pytest
import torch

from mrrecon.operators import Crop, Fourier


def test_centre_of_the_fourier_transform_stays_the_centre() -> None:
    for full, part in [(8, 4), (8, 5), (7, 4), (7, 3), (6, 6)]:
        x = torch.zeros(full)
        x[full // 2] = 1
        assert Crop([part], [full])(x).argmax() == part // 2


def test_oversampled_field_of_view_is_cut_to_the_image() -> None:
    image = torch.randn(6, 5, dtype=torch.complex128)
    wide = Crop([6, 5], [12, 5]).adjoint(image)
    kspace = Fourier(2)(wide)
    torch.testing.assert_close(Crop([6, 5], [12, 5])(Fourier(2).adjoint(kspace)), image)


def test_nothing_cut_is_unitary() -> None:
    assert Crop([3, 4], [3, 4]).unitary
    assert not Crop([3, 4], [3, 5]).unitary


@pytest.mark.parametrize(("shape", "full"), [([4], [3]), ([0], [3]), ([2], [3, 3]), ([], [])])
def test_sizes_that_do_not_fit_are_refused(shape: list[int], full: list[int]) -> None:
    with pytest.raises(ValueError, match="shape="):
        Crop(shape, full)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"x must have the last sizes \(4, 4\), got the shape \(2, 4, 5\)"):
        Crop([2, 2], [4, 4])(torch.zeros(2, 4, 5))
    with pytest.raises(ValueError, match=r"y must have the last sizes \(2, 2\)"):
        Crop([2, 2], [4, 4]).adjoint(torch.zeros(4, 4))

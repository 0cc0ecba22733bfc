"""What was measured and what was not."""

import pytest
import torch

from mrrecon.operators import Mask


def test_mask_is_a_diagonal_matrix() -> None:
    weights = torch.tensor([2.0, 0.0, -0.5])
    x = torch.randn(4, 3, dtype=torch.complex64)
    torch.testing.assert_close(Mask(weights)(x), x @ torch.diag(weights).to(x.dtype))


def test_gram_is_the_square() -> None:
    weights, x = torch.rand(3, 4), torch.randn(2, 3, 4)
    torch.testing.assert_close(Mask(weights).gram(x), weights**2 * x)


@pytest.mark.parametrize(("shape", "zero"), [((1, 4), (..., 1)), ((3, 1, 1), (1, ..., ...))])
def test_ones_in_the_shape_stand_for_lines_and_slices(shape: tuple[int, ...], zero: tuple) -> None:
    mask = torch.ones(shape, dtype=torch.bool)
    mask.view(-1)[1] = False
    expected = torch.ones(3, 4, 4)
    expected[zero] = 0
    assert torch.equal(Mask(mask)(torch.ones(3, 4, 4)), expected)


def test_nothing_of_what_was_not_measured_comes_through() -> None:
    y = torch.tensor([1.0, torch.nan])
    assert torch.equal(Mask(torch.tensor([True, False])).adjoint(y), torch.tensor([1.0, 0.0]))


@pytest.mark.parametrize("weights", [[1.0, -3.0, 0.5], [1.0, -1.0, 1.0], [0.0, 0.2, 0.0]])
def test_norm_is_the_spectral_norm(weights: list[float]) -> None:
    matrix = torch.diag(torch.tensor(weights))
    operator = Mask(torch.tensor(weights))
    assert operator.norm_bound == pytest.approx(torch.linalg.matrix_norm(matrix, 2).item())
    assert operator.unitary == torch.equal(matrix @ matrix, torch.eye(3))


def test_precision_follows_the_image() -> None:
    operator = Mask(torch.rand(3, dtype=torch.float64))
    assert operator(torch.ones(3)).dtype == torch.float32
    assert operator(torch.ones(3, dtype=torch.complex128)).dtype == torch.complex128


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (torch.zeros(2, 3, dtype=torch.bool), r"mask of shape \(2, 3\) is empty: at least one element"),
        (torch.zeros(3), r"mask of shape \(3,\) is empty"),
        (torch.tensor([1.0, torch.nan]), r"mask must be finite, it holds NaN or infinity"),
    ],
)
def test_masks_that_measure_nothing_are_refused(mask: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Mask(mask)


@pytest.mark.parametrize("shape", [(3,), (2, 1), (4, 3)])
def test_image_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"x of shape .* does not fit the mask of shape \(2, 3\)"):
        Mask(torch.ones(2, 3))(torch.ones(shape))

"""SENSE on a grid: the product of three operators, but faster."""

import pytest
import torch

from mrrecon.operators import CartesianSense, Coils, Fourier, LinearOperator, Mask, cartesian_sense

# Shape, shape of the mask, axes.
CASES = [
    ((8, 6), (8, 6), None),
    ((7, 5), (7, 5), 2),
    ((8, 6), (1, 6), 2),
    ((8, 6), (8, 1), 2),
    ((8, 6), (6,), [-1]),
    ((8, 6), (1, 1), 2),
    ((4, 7, 6), (4, 7, 6), 3),
    ((4, 7, 6), (1, 7, 6), 3),
    ((4, 7, 6), (4, 1, 6), 3),
    ((4, 7, 6), (4, 7, 1), None),
    ((4, 7, 6), (1, 7, 1), 3),
    ((4, 7, 6), (4, 7, 6), 2),
    ((4, 7, 6), (4, 1, 6), 2),
    ((4, 7, 6), (4, 1, 1), 2),
]


def _pair(shape: tuple, mask_shape: tuple, axes: int | list | None) -> tuple[LinearOperator, LinearOperator]:
    mask = torch.rand(mask_shape) < 0.5
    mask.view(-1)[-1] = True
    maps = torch.randn(3, *shape, dtype=torch.complex128)
    product = Mask(mask) @ Fourier(axes or len(shape)) @ Coils(maps)
    return CartesianSense(mask.expand(shape), maps, axes=axes), product


@pytest.mark.parametrize("block", [1, 100, 2**18])
@pytest.mark.parametrize(("shape", "mask_shape", "axes"), CASES)
def test_sense_is_mask_times_fourier_times_coils(
    shape: tuple, mask_shape: tuple, axes: int | list | None, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cartesian_sense, "_CPU_BLOCK", block)
    fast, product = _pair(shape, mask_shape, axes)
    x = torch.randn(2, 3, *shape, dtype=torch.complex128)
    y = torch.randn(2, 3, 3, *shape, dtype=torch.complex128)
    torch.testing.assert_close(fast(x), product(x))
    torch.testing.assert_close(fast.adjoint(y), product.adjoint(y))
    torch.testing.assert_close(fast.gram(x), product.adjoint(product(x)))
    assert repr(fast) == repr(product)


def test_weights_count_twice_in_gram() -> None:
    weights, maps = torch.rand(8, 6, dtype=torch.float64), torch.randn(3, 8, 6, dtype=torch.complex128)
    x = torch.randn(8, 6, dtype=torch.complex128)
    product = Mask(weights) @ Fourier(2) @ Coils(maps)
    torch.testing.assert_close(CartesianSense(weights, maps).gram(x), product.adjoint(product(x)))


def test_real_images_and_real_maps_are_welcome() -> None:
    mask, maps, x = torch.rand(4, 4) < 0.7, torch.randn(2, 4, 4), torch.randn(4, 4)
    fast, product = CartesianSense(mask, maps), Mask(mask) @ Fourier(2) @ Coils(maps)
    torch.testing.assert_close(fast(x), product(x))
    torch.testing.assert_close(fast.gram(x), product.adjoint(product(x)))


def test_gradient_passes_through_forward_adjoint_and_gram() -> None:
    fast, _ = _pair((4, 3), (4, 3), None)
    x = torch.randn(4, 3, dtype=torch.complex128, requires_grad=True)
    y = torch.randn(3, 4, 3, dtype=torch.complex128, requires_grad=True)
    assert torch.autograd.gradcheck(fast, (x,))
    assert torch.autograd.gradcheck(fast.adjoint, (y,))
    assert torch.autograd.gradcheck(fast.gram, (x,))


def test_norm_of_the_fully_measured_is_that_of_the_coils() -> None:
    maps = torch.randn(3, 4, 4, dtype=torch.complex64)
    operator = CartesianSense(torch.full((4, 4), 0.5), maps)
    assert operator.norm_bound == pytest.approx(0.5 * Coils(maps).norm_bound)


def test_maps_are_those_that_were_given() -> None:
    maps = torch.randn(3, 2, 4, 5, dtype=torch.complex64)
    for mask in torch.rand(2, 4, 5), torch.rand(2, 1, 5), torch.rand(4, 1):
        assert torch.equal(CartesianSense(mask, maps).maps, maps)


@pytest.mark.parametrize("shape", [(4, 5), (3, 6), (1, 4, 6), (2, 4, 6)])
def test_mask_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"mask of shape .* does not fit maps of an image of shape \(4, 6\)"):
        CartesianSense(torch.ones(shape), torch.ones(3, 4, 6))


def test_bad_input_is_refused_in_a_sentence() -> None:
    maps, mask = torch.ones(3, 4, 6), torch.ones(4, 6)
    with pytest.raises(ValueError, match=r"mask of shape \(4, 6\) is empty"):
        CartesianSense(0 * mask, maps)
    with pytest.raises(
        ValueError, match=r"axes=\(-3, -2, -1\): maps of shape \(3, 4, 6\) have 2 axes of space"
    ):
        CartesianSense(mask, maps, axes=3)
    with pytest.raises(TypeError, match=r"y is torch.float32 and must be complex"):
        CartesianSense(mask, maps).adjoint(torch.ones(3, 4, 6))
    with pytest.raises(ValueError, match=r"y of shape \(8, 4, 6\) has 8 coils, the maps have 3"):
        CartesianSense(mask, maps).adjoint(torch.ones(8, 4, 6) + 0j)
    with pytest.raises(ValueError, match=r"x of shape \(6, 4\) does not fit the maps"):
        CartesianSense(mask, maps)(torch.ones(6, 4))

"""Sums and updates of vectors against float64 and against plain torch."""

import pytest
import torch
from solvers.dense import DTYPES

from mrrecon.solvers.inner_products import advance, inner, over, redirect, squared_norm

# Less than a piece of the compiled loops, several and a rest, and enough for several threads.
LENGTHS = [1, 1000, 40_001, 300_003]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("length", LENGTHS)
def test_real_part_of_the_inner_product(dtype: torch.dtype, length: int) -> None:
    a, b = torch.randn(2, 3, length, dtype=dtype)
    fine = (a.to(torch.complex128).conj() * b).real.sum(-1)
    torch.testing.assert_close(inner(a, b, n_batch=1), fine, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(inner(a, b), fine.sum(), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(squared_norm(a), a.abs().double().square().sum(), rtol=1e-6, atol=0)


def test_small_differences_of_large_sums_survive() -> None:
    a = torch.full([1 << 20], 1.0)
    b = a.clone()
    b[0] = 1 + 2**-20
    assert (inner(a, b) - inner(a, a)).item() == 2**-20


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("length", LENGTHS)
def test_updates(dtype: torch.dtype, length: int) -> None:
    x, r, p, q = torch.randn(4, 2, length, dtype=dtype)
    alpha = torch.tensor([0.3, -2.0], dtype=torch.float64)
    step = alpha.to(x.real.dtype)[:, None]
    wanted_x, wanted_r, wanted_p = x + step * p, r - step * q, q + step * p
    square = advance(x, r, p=p, q=q, alpha=alpha)
    redirect(p, q, alpha)
    torch.testing.assert_close((x, r, p), (wanted_x, wanted_r, wanted_p))
    torch.testing.assert_close(square, squared_norm(wanted_r, n_batch=1), rtol=1e-5, atol=0)


def test_nan_is_not_lost() -> None:
    a = torch.ones(5)
    a[3] = float("nan")
    assert squared_norm(a).isnan()


def test_views_are_read_as_what_they_show() -> None:
    a, b = torch.randn(2, 4, 6, dtype=torch.complex64)
    assert inner(a.T.conj(), b.T).item() == pytest.approx((a * b).sum().real.item(), rel=1e-5)
    assert inner(a.conj().imag, b.imag).item() == pytest.approx(-(a.imag * b.imag).sum().item(), rel=1e-5)


def test_gradients_pass_the_plain_way() -> None:
    a = torch.randn(5, dtype=torch.float64, requires_grad=True)
    inner(a, a).backward()
    torch.testing.assert_close(a.grad, 2 * a.detach())


def test_number_for_each_problem_multiplies_images() -> None:
    scale = torch.tensor([2.0, 3.0], dtype=torch.float64)
    product = over(scale, torch.ones(2, 4, 4, dtype=torch.complex64)) * torch.ones(2, 4, 4)
    assert product.dtype == torch.float32
    assert torch.equal(product[:, 0, 0], scale.float())


def test_other_number_of_threads_gives_the_same_sum() -> None:
    a = torch.randn(500_000)
    n_threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = squared_norm(a)
    finally:
        torch.set_num_threads(n_threads)
    assert squared_norm(a) == one


@pytest.mark.gpu
def test_gpu_equals_cpu() -> None:
    a, b = torch.randn(2, 3, 40_001)
    torch.testing.assert_close(inner(a.cuda(), b.cuda(), n_batch=1).cpu(), inner(a, b, n_batch=1))

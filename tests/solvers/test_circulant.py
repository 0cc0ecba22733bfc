"""Convolutions are recognised, and nothing else is taken for one."""

import pytest
import torch
from solvers.dense import DTYPES

from mrrecon.solvers.circulant import circulant_inverse


@pytest.mark.parametrize("dtype", DTYPES)
def test_inverse_of_a_convolution(dtype: torch.dtype) -> None:
    def left(x: torch.Tensor) -> torch.Tensor:
        return 5 * x - x.roll(1, -1) - x.roll(-1, -1) - x.roll(1, -2) - x.roll(-1, -2)

    x = torch.randn(3, 6, 5, dtype=dtype)
    for n_batch in (0, 1):
        solve = circulant_inverse(left, x, n_batch=n_batch)
        assert solve is not None
        torch.testing.assert_close(solve(left(x)), x, rtol=1e-4, atol=1e-4)


def test_almost_a_convolution_is_none() -> None:
    almost = torch.ones(50, dtype=torch.float64)
    almost[7] += 1e-9
    assert circulant_inverse(lambda x: almost * x, torch.zeros(50, dtype=torch.float64)) is None
    assert circulant_inverse(lambda x: x, torch.zeros(50, dtype=torch.float64)) is not None


def test_problems_of_a_batch_may_differ() -> None:
    scale = torch.tensor([[1.0], [2.0]])
    x = torch.randn(2, 8)
    solve = circulant_inverse(lambda x: scale * x, x, n_batch=1)
    assert solve is not None
    torch.testing.assert_close(solve(scale * x), x)
    assert circulant_inverse(lambda x: scale * x, x) is None


def test_removed_frequencies_do_not_blow_up() -> None:
    # The mean is in the null space of differences.
    solve = circulant_inverse(lambda x: 2 * x - x.roll(1) - x.roll(-1), torch.zeros(8, dtype=torch.float64))
    assert solve is not None
    assert solve(torch.ones(8, dtype=torch.float64)).abs().max() <= 1

from math import log2

import numpy as np
import pytest
from scipy.stats import entropy

from mrrecon.report import code_usage


def test_entropy_is_scipys(rng):
    indices = rng.integers(0, 50, (4, 5, 6)) % 37
    counts = np.bincount(indices.ravel(), minlength=64)
    assert code_usage(indices, 64).entropy == pytest.approx(entropy(counts, base=2))


def test_perplexity_of_a_half_and_two_quarters_is_two_to_the_three_halves():
    usage = code_usage(np.array([7, 7, 1, 2]), 8)
    assert usage.perplexity == pytest.approx(2**1.5)
    assert usage.n_alive == 3


def test_a_single_code_carries_nothing():
    usage = code_usage(np.zeros((2, 3), dtype=np.int64), 256)
    assert (usage.entropy, usage.perplexity, usage.n_alive) == (0.0, 1.0, 1)


def test_all_codes_alike_carry_the_logarithm_of_their_number():
    assert code_usage(np.arange(96), 96).entropy == pytest.approx(log2(96))


def test_counts_are_those_of_each_code():
    assert code_usage(np.array([3, 0, 3]), 5).counts.tolist() == [1, 0, 0, 2, 0]


@pytest.mark.parametrize("indices", [np.array([], dtype=np.int64), np.array([-1]), np.array([8])])
def test_codes_outside_the_codebook_are_refused(indices):
    with pytest.raises(ValueError, match="from 0 to n_codes - 1 = 7"):
        code_usage(indices, 8)

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from mrrecon.codec.integer_network import PEAK, IntegerLayer, frequencies


def test_sums_at_the_limit_are_exact_in_any_order():
    rng = np.random.default_rng(0)
    weight = rng.integers(-127, 128, (1000, 64)).astype(np.int8)
    x = rng.integers(-127, 128, (300, 1000))
    layer = IntegerLayer(weight, np.full((1, 64), 12345, np.int32), shift=0)
    order = rng.permutation(1000)
    expected = x @ weight.astype(np.int64) + 12345
    shuffled = IntegerLayer(weight[order], np.full((1, 64), 12345, np.int32), shift=0)
    assert np.array_equal(layer.quotients(x.astype(np.float32)), expected)
    assert np.array_equal(shuffled.quotients(x[:, order].astype(np.float32)), expected)


def test_the_number_of_threads_does_not_matter():
    rng = np.random.default_rng(0)
    layer = IntegerLayer(rng.integers(-127, 128, (900, 256)).astype(np.int8), np.zeros((1, 256), np.int32))
    x = rng.integers(-127, 128, (2000, 900)).astype(np.float32)
    with threadpool_limits(1):
        one = layer.quotients(x)
    with threadpool_limits(2):
        assert np.array_equal(layer.quotients(x), one)


def test_sums_that_could_be_inexact_are_refused():
    weight = np.full((1041, 1), 127, np.int8)
    with pytest.raises(ValueError, match="sums up to 16790289; they must stay below 2\\^24"):
        IntegerLayer(weight, np.zeros((1, 1), np.int32))


def test_activations_are_rounded_and_clipped():
    layer = IntegerLayer(np.array([[1]], np.int8), np.array([[0], [64]], np.int32), shift=7)
    x = np.array([[-127], [0], [63], [65], [127]], np.float32)
    assert layer.activations(x).ravel().tolist() == [0, 0, 0, 1, 1]
    assert layer.activations(x, 1).ravel().tolist() == [0, 0, 1, 1, 1]  # halves go to even
    steep = IntegerLayer(np.array([[127]], np.int8), np.array([[0]], np.int32), shift=5)
    assert steep.activations(x).max() == 127


def test_frequencies_are_powers_of_two_to_a_sixteenth():
    t = np.arange(0, -300, -1.0)
    expected = np.rint(PEAK * 2.0 ** (t / 16))
    assert np.abs(frequencies(t[None].astype(np.float32)) - expected).max() <= 0

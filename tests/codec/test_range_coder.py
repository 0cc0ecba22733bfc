import numpy as np
import pytest

from mrrecon.codec.container import CodecError
from mrrecon.codec.range_coder import Reader, Writer, in_groups, raw, table_model

WEIGHTS = np.array([[1, 2, 5], [90, 9, 1], [1, 1, 1]])


def test_symbols_of_several_groups_come_back_in_their_order():
    rng = np.random.default_rng(0)
    groups, symbols = rng.integers(0, 3, 500).astype(np.uint8), rng.integers(0, 3, 500)
    models, writer = [table_model(row) for row in WEIGHTS], Writer()
    assert np.array_equal(in_groups(writer, symbols, groups, models), symbols)
    assert np.array_equal(in_groups(Reader(writer.payload()), None, groups, models), symbols)


def test_bytes_are_the_entropy_of_the_table_and_a_little():
    weights = WEIGHTS[1]
    symbols, writer = np.repeat([0, 1, 2], 100 * weights), Writer()
    writer.code(symbols, table_model(weights), len(symbols))
    bits = -(100 * weights * np.log2(weights / weights.sum())).sum()
    assert bits <= 8 * len(writer.payload()) < 1.01 * bits + 64


@pytest.mark.parametrize("bits", [1, 8, 16, 17, 32])
def test_raw_numbers_come_back(bits):
    values, writer = np.random.default_rng(0).integers(0, 1 << bits, 100), Writer()
    raw(writer, values, bits, 100)
    assert np.array_equal(raw(Reader(writer.payload()), None, bits, 100), values)


def test_half_a_word_is_an_error():
    with pytest.raises(CodecError, match="whole words of 4 bytes, got 5 bytes"):
        Reader(bytes(5))


def test_fewer_symbols_than_said_are_refused():
    with pytest.raises(ValueError, match="symbols must be 3 integers"):
        Writer().code(np.zeros(2, np.int32), table_model(WEIGHTS[0]), 3)

import numpy as np
import pytest

from mrrecon.codec.container import CodecError
from mrrecon.codec.symbol_coder import SymbolDecoder, SymbolEncoder


@pytest.mark.parametrize("n_codes", [2, 16, 17, 256])
def test_symbols_come_back_even_those_of_frequency_zero(n_codes):
    rng = np.random.default_rng(0)
    table = rng.integers(0, 65536, (50, n_codes)).astype(np.float32) * rng.integers(0, 2, (50, n_codes))
    table = np.concatenate([table, np.full((1, n_codes), 65535), np.eye(n_codes)]).astype(np.float32)
    rows, symbols = rng.integers(0, len(table), 5000), rng.integers(0, n_codes, 5000)
    symbols[:100] = n_codes - 1
    encoder = SymbolEncoder()
    encoder.code(table, rows, symbols)
    decoder = SymbolDecoder(encoder.payload())
    assert np.array_equal(decoder.code(table, rows, rows), symbols)
    decoder.close()


def test_the_payload_is_as_long_as_the_entropy():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.full(256, 0.1), 20)
    table = np.rint(p * 65535).astype(np.float32)
    rows = rng.integers(0, 20, 20000)
    symbols = np.array([rng.choice(256, p=p[row]) for row in rows])
    bits = -np.log2(np.maximum(p[rows, symbols], 1e-5)).sum()
    encoder = SymbolEncoder()
    encoder.code(table, rows, symbols)
    assert 8 * len(encoder.payload()) == pytest.approx(bits, rel=5e-3)


@pytest.mark.parametrize("scale", [1, 1 << 30])
def test_symbols_of_one_distribution_come_back(scale):
    counts = np.array([0, 3, 1, 0]) * scale
    symbols = np.array([1, 1, 2, 3, 0, 3])
    encoder = SymbolEncoder()
    encoder.code_alike(counts, symbols)
    encoder.code_uniform(symbols, 4)
    decoder = SymbolDecoder(encoder.payload())
    assert decoder.code_alike(counts, symbols).tolist() == symbols.tolist()
    assert decoder.code_uniform(symbols, 4).tolist() == symbols.tolist()


def test_symbols_that_were_never_counted_can_be_coded():
    rng = np.random.default_rng(0)
    for _ in range(300):
        counts = np.r_[rng.integers(1, 1 << rng.integers(2, 22), 3), 0]
        encoder = SymbolEncoder()
        encoder.code_alike(counts, np.array([3, 0, 2, 3]))
        assert SymbolDecoder(encoder.payload()).code_alike(counts, np.zeros(4, int)).tolist() == [3, 0, 2, 3]


def test_a_payload_of_odd_length_is_refused():
    with pytest.raises(CodecError, match="3 bytes, which is no multiple of 4"):
        SymbolDecoder(b"abc")


def test_a_payload_that_goes_on_is_refused():
    decoder = SymbolDecoder(bytes(range(40)))
    decoder.code_uniform(np.zeros(3, int), 4)
    with pytest.raises(CodecError, match="goes on after the last index"):
        decoder.close()

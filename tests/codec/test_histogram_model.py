import numpy as np
import pytest

from mrrecon.codec.container import CodecError
from mrrecon.codec.fields import decode_fields, encode_fields
from mrrecon.codec.histogram_model import HistogramModel


def skewed_field(shape, n_codes, seed=0):
    rng = np.random.default_rng(seed)
    return rng.choice(n_codes, size=shape, p=rng.dirichlet(np.full(n_codes, 0.3)))


@pytest.mark.parametrize("n_codes", [2, 256, 65536])
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 4, 3), (20, 30, 20)])
def test_fields_come_back(shape, n_codes):
    fields = [skewed_field(shape, n_codes), np.full((2, 2, 2), n_codes - 1)]
    model = HistogramModel(n_codes)
    decoded = decode_fields(encode_fields(fields, model), [shape, (2, 2, 2)], model)
    assert all(np.array_equal(a, b) for a, b in zip(decoded, fields, strict=True))


def test_bytes_are_those_of_the_entropy_and_a_small_table():
    field = skewed_field((48, 64, 48), 256)
    p = np.bincount(field.ravel()) / field.size
    entropy = -(p[p > 0] * np.log2(p[p > 0])).sum() * field.size / 8
    assert entropy < len(encode_fields([field], HistogramModel(256))) < 1.003 * entropy + 256


def test_the_table_costs_about_five_bits_a_code():
    field = np.r_[np.repeat(np.arange(100), 20), np.repeat(np.arange(100, 110), 200)].reshape(10, 20, 20)
    entropy = (2000 * np.log2(4000 / 20) + 2000 * np.log2(4000 / 200)) / 8
    assert len(encode_fields([field], HistogramModel(110))) < entropy + 5.5 * 110 / 8 + 20


def test_a_tiny_field_costs_no_more_than_its_raw_indices():
    field = np.arange(36).reshape(3, 4, 3)
    assert len(encode_fields([field], HistogramModel(256))) <= 36 + 4


@pytest.mark.parametrize("n_codes", [1, 65537])
def test_a_number_of_codes_out_of_range_is_refused(n_codes):
    with pytest.raises(ValueError, match=rf"n_codes={n_codes} must lie in 2\.\.65536"):
        HistogramModel(n_codes)


def test_damage_is_an_error_or_other_indices_but_no_crash():
    model, rng = HistogramModel(200), np.random.default_rng(0)
    payload = encode_fields([skewed_field((9, 9, 9), 200)], model)
    for _ in range(300):
        damaged = bytearray(payload)
        for place in rng.integers(0, len(payload), 3):
            damaged[place] = rng.integers(0, 256)
        try:
            (decoded,) = decode_fields(bytes(damaged)[: rng.integers(1, len(payload))], [(9, 9, 9)], model)
        except CodecError:
            continue
        assert decoded.max() < 200

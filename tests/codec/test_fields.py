import numpy as np
import pytest

from mrrecon.codec.fields import decode_fields, encode_fields
from mrrecon.codec.histogram_model import HistogramModel


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (np.array([[[0, 8]]]), "field 1 has indices 0 to 8; the model has codes 0 to 7"),
        (np.array([[[-1, 0]]]), "field 1 has indices -1 to 0"),
        (np.zeros((1, 1, 1)), "field 1 is of float64; indices are integers"),
        (np.zeros((2, 2), int), r"shape=\(2, 2\) must have three sides"),
        (np.zeros((0, 2, 2), int), r"shape=\(0, 2, 2\) must have three sides of 1 or more"),
    ],
)
def test_a_field_that_cannot_be_coded_is_refused(field, message):
    with pytest.raises(ValueError, match=message):
        encode_fields([field], HistogramModel(8))


def test_a_shape_that_no_field_has_is_refused():
    with pytest.raises(ValueError, match=r"shape=\(4, -1, 2\) must have three sides"):
        decode_fields(b"", [(4, -1, 2)], HistogramModel(8))


@pytest.mark.parametrize(("n_codes", "expected"), [(256, np.uint8), (257, np.uint16)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64])
def test_any_integers_come_back_in_the_smallest_type(n_codes, expected, dtype):
    field = np.arange(60).reshape(3, 4, 5).astype(dtype)
    model = HistogramModel(n_codes)
    (decoded,) = decode_fields(encode_fields([field], model), [(3, 4, 5)], model)
    assert decoded.dtype == expected
    assert np.array_equal(decoded, field)


def test_the_field_given_stays_as_it_is():
    field = np.arange(8).reshape(2, 2, 2)
    field.setflags(write=False)
    encode_fields([field], HistogramModel(8))
    assert np.array_equal(field.ravel(), np.arange(8))

"""Scans as code files: what comes back is what was stored, or a refusal."""

import tracemalloc
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from mrrecon.codec.container import CodecError, pack_vqz, unpack_vqz
from mrrecon.codec.histogram_model import HistogramModel
from mrrecon.codec.scan_file import pack_codes, pack_volume, scan_header, unpack_codes, unpack_volume
from mrrecon.codec.scan_header import CodesHeader, VolumeHeader

AFFINE = (0.0, 0.0, -1.2000000476837158, 80.0, -1.0, 0.0, 0.0, 90.0, 0.0, 1.0, 0.0, -70.0)
PLACE: dict[str, Any] = {"shape": (13, 12, 7), "affine": AFFINE, "axes": "PSL", "source": "0" * 16}
CODES = CodesHeader(
    **PLACE,
    data_type="int16",
    offset=0.5,
    slope=118.0,
    multiple=8,
    strides=(2, 4, 8),
    n_codes=16,
    weights="eea7b542736269ac",
    model="histogram",
)
MODEL = HistogramModel(16)


def some_fields() -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [np.minimum(random.geometric(0.3, shape), 15).astype(np.uint8) for shape in CODES.field_shapes]


def some_volume(dtype: str) -> np.ndarray:
    random = np.random.default_rng(0)
    if np.dtype(dtype).kind == "f":
        return random.normal(0, 1000, PLACE["shape"]).astype(dtype)
    limits = np.iinfo(dtype)
    top = min(limits.max, np.iinfo(np.uint32).max if limits.min == 0 else np.iinfo(np.int32).max)
    values = random.integers(max(limits.min, -(1 << 31)), top, PLACE["shape"], dtype=dtype, endpoint=True)
    values[0, 0, 0], values[-1, -1, -1] = max(limits.min, -(1 << 31)), top
    return values


def of_volume(dtype: str, max_error: float) -> VolumeHeader:
    return VolumeHeader(**PLACE, data_type=dtype, max_error=float(max_error))


def test_the_fields_lie_along_right_anterior_superior():
    # The axes of the scan point to posterior, superior and left: 13 is anterior, 12 superior, 7 right.
    assert CODES.ras_shape == (7, 13, 12)
    assert CODES.field_shapes == [(4, 8, 8), (2, 4, 4), (1, 2, 2)]


def test_codes_come_back_with_their_header():
    container = unpack_vqz(pack_codes(CODES, some_fields(), MODEL))
    assert scan_header(container) == CODES
    for ours, theirs in zip(unpack_codes(container, MODEL), some_fields(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_all_but_the_codes_takes_less_than_400_bytes():
    container = unpack_vqz(content := pack_codes(CODES, some_fields(), MODEL))
    assert len(content) - len(container.sections["codes"]) < 400


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
def test_whole_numbers_come_back_as_they_were_where_no_error_is_allowed(dtype):
    values, header = some_volume(dtype), b"h" * 348
    content = pack_volume(of_volume(dtype, 0), values, error=0.9, nifti=header)
    ours, nifti = unpack_volume(unpack_vqz(content))
    assert ours.dtype == dtype
    np.testing.assert_array_equal(ours, values)
    assert nifti == header


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32"])
@pytest.mark.parametrize("error", [1.0, 2.7, 20.0])
def test_no_whole_number_is_farther_off_than_allowed_also_at_the_limits_of_its_type(dtype, error):
    values = some_volume(dtype)
    ours, _ = unpack_volume(unpack_vqz(pack_volume(of_volume(dtype, error), values, error=error)))
    assert np.abs(ours.astype(np.int64) - values.astype(np.int64)).max() <= error


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("error", [0.01, 0.5, 30.0])
def test_no_floating_point_number_is_farther_off_than_allowed(dtype, error):
    values = some_volume(dtype)
    ours, _ = unpack_volume(unpack_vqz(pack_volume(of_volume(dtype, error), values, error=error)))
    assert ours.dtype == dtype
    assert np.abs(ours.astype(np.longdouble) - values).max() <= error


def test_a_floating_point_error_below_the_precision_is_refused():
    with pytest.raises(ValueError, match="is too fine for floating-point numbers"):
        pack_volume(of_volume("float32", 1e-5), some_volume("float32"), error=1e-5)


def test_numbers_of_more_than_32_bits_are_refused():
    values = np.array([0, 1 << 40]).reshape(1, 1, 2)
    header = VolumeHeader(**{**PLACE, "shape": (1, 1, 2)}, data_type="int64", max_error=0.0)
    with pytest.raises(ValueError, match="must fit into 32 bits"):
        pack_volume(header, values, error=0.0)


def test_fields_that_are_not_those_of_the_header_are_refused():
    with pytest.raises(ValueError, match=r"must be \[\(4, 8, 8\)"):
        pack_codes(CODES, some_fields()[::-1], MODEL)
    with pytest.raises(ValueError, match="of 15 codes"):
        pack_codes(replace(CODES, n_codes=15), some_fields(), MODEL)


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("shape", [13, 12]),
        ("shape", [13, 12, 0]),
        ("shape", [13, 12, 7.0]),
        ("shape", [1 << 20, 1 << 20, 1 << 20]),
        ("shape", "abc"),
        ("affine", [0.0] * 11),
        ("affine", [10**400] + [0.0] * 11),
        ("axes", "LLS"),
        ("axes", "LAX"),
        ("form_codes", [0, -1]),
        ("multiple", 0),
        ("multiple", 10**400),
        ("multiple", True),
        ("strides", []),
        ("strides", [3]),
        ("strides", [0, 4]),
        ("n_codes", 1 << 20),
        ("weights", "a b"),
        ("weights", None),
        ("slope", "1"),
        ("more", 1),
    ],
)
def test_a_header_of_no_scan_is_refused(entry, value):
    sections = {"codes": b"", "proof": b""}
    content = pack_vqz({**asdict(CODES), entry: value}, sections)
    with pytest.raises(CodecError, match=entry):
        scan_header(unpack_vqz(content))


def test_sections_of_no_scan_are_refused():
    with pytest.raises(CodecError, match="holds no scan: its sections are codes"):
        scan_header(unpack_vqz(pack_vqz(asdict(CODES), {"codes": b""})))
    content = pack_volume(of_volume("int8", 0), some_volume("int8"), error=0.0)
    with pytest.raises(CodecError, match="holds a volume, and no codes"):
        unpack_codes(unpack_vqz(content), MODEL)
    with pytest.raises(CodecError, match="holds codes, and no volume"):
        unpack_volume(unpack_vqz(pack_codes(CODES, some_fields(), MODEL)))


class Fuzz:
    """Damaged files, each of which must be refused, or give exactly what was stored."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.files = [
            pack_codes(CODES, some_fields(), MODEL),
            pack_volume(of_volume("int16", 2), some_volume("int16"), error=2.0, nifti=bytes(348)),
        ]
        self.refused = 0
        self.sentences: set[str] = set()

    def damaged(self, content: bytes) -> bytes:
        a, b = sorted(int(n) for n in self.random.integers(0, len(content) + 1, 2))
        noise = self.random.bytes(int(self.random.integers(1, 9)))
        way = self.random.integers(6)
        if way == 0:
            return content[:a]
        if way == 1:
            return content[:a] + content[b:]
        if way == 2:
            return content[:a] + noise + content[a:]
        if way == 3:
            return content[:a] + noise + content[a + len(noise) :]
        if way == 4:
            return content[:a] + content[b:] + content[a:b]
        flipped = bytearray(content or b"\0")
        flipped[min(a, len(flipped) - 1)] ^= 1 << int(self.random.integers(8))
        return bytes(flipped)

    def edited(self, content: bytes) -> bytes:
        """One entry of the header or one section made another, all checksums made anew."""
        header, sections, _ = unpack_vqz(content)
        if self.random.integers(2):
            name = self.random.choice(list(sections))
            sections[name] = self.damaged(sections[name])
        else:
            name = self.random.choice(list(header))
            header[name] = self.other(header[name])
        return pack_vqz(header, sections)

    def other(self, value: Any) -> Any:
        number = int(self.random.integers(-2, 40))
        if isinstance(value, list) and value and self.random.integers(4):
            at = int(self.random.integers(len(value)))
            return [*value[:at], self.other(value[at]), *value[at + 1 :]]
        choices = [
            number,
            float(number),
            number / 7,
            "PSR",
            "int8",
            "uint8",
            None,
            [number],
            {},
            10**30,
            True,
        ]
        return choices[self.random.integers(len(choices))]

    def read(self, content: bytes) -> None:
        try:
            container = unpack_vqz(content)
            header = scan_header(container)
            if isinstance(header, CodesHeader):
                got: Any = (header, [field.tolist() for field in unpack_codes(container, MODEL)])
            else:
                got = (header, *unpack_volume(container))
        except CodecError as error:
            self.refused += 1
            self.sentences.add(str(error))
            return
        if isinstance(header, CodesHeader):
            assert got == (CODES, [field.tolist() for field in some_fields()])
        else:
            right = unpack_volume(unpack_vqz(self.files[1]))
            assert header == of_volume("int16", 2)
            assert np.array_equal(got[1], right[0])
            assert got[2] == right[1]


def test_ten_thousand_damaged_files_are_refused_or_right():
    fuzz = Fuzz(0)
    for number in range(10_000):
        fuzz.read(fuzz.damaged(fuzz.files[number % 2]))
    assert fuzz.refused > 9_900
    assert not any("\n" in sentence for sentence in fuzz.sentences)


def test_two_thousand_files_with_forged_checksums_are_refused_or_right():
    fuzz = Fuzz(1)
    for number in range(2_000):
        fuzz.read(fuzz.edited(fuzz.files[number % 4 == 0]))
    assert fuzz.refused > 1_900
    assert not any("\n" in sentence for sentence in fuzz.sentences)


def test_no_forged_header_makes_a_reader_take_more_memory_than_it_names():
    fuzz = Fuzz(2)
    tracemalloc.start()
    for number in range(100):
        fuzz.read(fuzz.edited(fuzz.files[number % 2]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 * 40**3  # sides below 40, some tens of bytes a voxel

import zlib

import numpy as np
import pytest
import torch

from mrrecon.codec.container import CodecError
from mrrecon.codec.volume import decode_volume, encode_volume


def scan(shape=(20, 24, 22), scale=60.0, noise=2.0, seed=0):
    rng = np.random.default_rng(seed)
    z, y, x = (np.linspace(-1, 1, n) for n in shape)
    radius = np.sqrt(z[:, None, None] ** 2 + y[:, None] ** 2 + x**2)
    smooth = scale * (1.5 + np.cos(4 * radius)) + noise * rng.standard_normal(shape)
    return np.rint(np.where(radius < 0.9, smooth, 0)).astype(np.int64)


@pytest.mark.parametrize("max_error", [0, 1, 2, 4, 1000])
def test_no_voxel_is_off_by_more_than_max_error(max_error):
    volume = scan()
    decoded = decode_volume(encode_volume(volume, max_error=max_error, check=False), volume.shape)
    assert np.abs(decoded - volume).max() <= max_error


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.int64])
def test_every_level_of_a_type_comes_back(dtype):
    bounds = np.iinfo(np.int32 if dtype is np.int64 else dtype)
    volume = np.random.default_rng(1).integers(bounds.min, bounds.max, (6, 7, 8), dtype, endpoint=True)
    volume[0, 0, :2] = bounds.min, bounds.max
    decoded = decode_volume(encode_volume(volume, check=False), volume.shape)
    assert np.array_equal(decoded, volume.astype(np.int64))


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 9), (5, 1, 1), (1, 7, 6), (30, 2, 3), (0, 4, 4)])
@pytest.mark.parametrize("kind", ["constant", "binary", "noise"])
def test_thin_small_and_empty_volumes_come_back(shape, kind):
    values = {"constant": (-3, -2), "binary": (0, 2), "noise": (-500, 500)}[kind]
    volume = np.random.default_rng(2).integers(*values, shape)
    assert np.array_equal(decode_volume(encode_volume(volume, check=False), shape), volume)


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 2, 0), (2, 1, 0)])
def test_an_axis_order_and_memory_layout_of_any_kind_comes_back(axes):
    volume = np.asfortranarray(scan((12, 20, 16))).transpose(axes)
    assert np.array_equal(decode_volume(encode_volume(volume, check=False), volume.shape), volume)


def test_rare_outliers_come_back():
    volume = scan().astype(np.int32)
    volume[10, 11, 12], volume[3, 4, 5] = 2**31 - 1, -(2**31)
    assert np.array_equal(decode_volume(encode_volume(volume, check=False), volume.shape), volume)


def test_a_scan_takes_fewer_bytes_than_its_noise_has_entropy_and_a_tenth_more():
    volume = scan((32, 40, 36), noise=4.0)
    inside = np.count_nonzero(volume)
    entropy = inside * 0.5 * np.log2(2 * np.pi * np.e * (4.0**2 + 1 / 12)) / 8
    assert entropy < len(encode_volume(volume)) < 1.1 * entropy + 2000


def test_the_bytes_do_not_depend_on_the_number_of_threads():
    payload, threads = encode_volume(scan()), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert np.array_equal(decode_volume(payload, (20, 24, 22)), scan())
    finally:
        torch.set_num_threads(threads)


def test_neither_floats_nor_other_numbers_of_axes_are_taken():
    with pytest.raises(ValueError, match="volume must be integers along three axes, got float64"):
        encode_volume(np.zeros((2, 2, 2)))
    with pytest.raises(ValueError, match="volume must be integers along three axes"):
        encode_volume(np.zeros((2, 2), np.int16))
    with pytest.raises(ValueError, match="max_error=-1 must be 0 or more"):
        encode_volume(np.zeros((2, 2, 2), np.int16), max_error=-1)
    with pytest.raises(ValueError, match="volume must span less than 2\\*\\*32 levels, got 0 to 4294967296"):
        encode_volume(np.array([[[0, 2**32]]]))


@pytest.mark.parametrize("cut", [0, 3, 40, 500, -4, -1])
def test_a_cut_payload_is_an_error(cut):
    payload = encode_volume(scan((8, 9, 10)))
    with pytest.raises(CodecError, match=r"coded volume is|coded symbols"):
        decode_volume(payload[:cut], (8, 9, 10))


def test_a_changed_byte_is_an_error_or_changes_nothing():
    volume = scan((6, 7, 8))
    payload = encode_volume(volume)
    rng = np.random.default_rng(3)
    for place in (*range(40), *rng.integers(40, len(payload), 60).tolist()):
        damaged = bytearray(payload)
        damaged[place] ^= int(rng.integers(1, 256))
        try:
            decoded = decode_volume(bytes(damaged), volume.shape)
        except CodecError:
            continue
        assert np.array_equal(decoded, volume)


def test_another_shape_is_an_error():
    with pytest.raises(CodecError, match="damaged"):
        decode_volume(encode_volume(scan((8, 9, 10))), (8, 10, 9))


def test_coefficients_of_a_bomb_are_not_unpacked():
    payload = encode_volume(scan((6, 7, 8)))
    bomb = zlib.compress(bytes(10**8), 9)
    damaged = payload[:28] + len(bomb).to_bytes(4, "little") + payload[32:36] + bomb
    with pytest.raises(CodecError, match="bytes of coefficients"):
        decode_volume(damaged, (6, 7, 8))

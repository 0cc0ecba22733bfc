import base64
import gzip
import json
from dataclasses import asdict, replace

import nibabel as nib
import numpy as np
import pytest

from mrrecon.report import ScanReport
from mrrecon.report.volumes import pack_scan


def unpack(volume, shape):
    """Decodes voxel by voxel, as the page does."""
    left = np.frombuffer(gzip.decompress(base64.b64decode(volume.data)), np.uint8).reshape(shape)
    numbers = np.zeros(tuple(n + 1 for n in shape), int)
    for x, y, z in np.ndindex(*shape):
        near = numbers[x, y + 1, z + 1] + numbers[x + 1, y, z + 1] + numbers[x + 1, y + 1, z]
        numbers[x + 1, y + 1, z + 1] = (int(left[x, y, z]) + near // 3) % 256
    return volume.offset + volume.step * numbers[1:, 1:, 1:]


def canonical(volume, codes):
    orientation = nib.orientations.axcodes2ornt(codes)
    return nib.orientations.apply_orientation(volume, orientation)


def test_the_original_comes_back_to_half_a_step(scan):
    packed = pack_scan(scan)
    found = unpack(packed.original, packed.shape)
    span = max(scan.original.max(), scan.reconstruction.max()) - min(
        scan.original.min(), scan.reconstruction.min()
    )
    assert packed.original.step == pytest.approx(span / 255)
    np.testing.assert_allclose(found, canonical(scan.original, "PIR"), atol=0.5001 * span / 255)


def test_the_difference_comes_back_to_half_a_step_of_its_own_scale(scan):
    packed = pack_scan(scan)
    difference = canonical(scan.reconstruction - scan.original, "PIR")
    step = np.abs(difference).max() / 127
    np.testing.assert_allclose(unpack(packed.difference, packed.shape), difference, atol=0.501 * step)


def test_no_difference_is_exactly_zero(scan):
    packed = pack_scan(replace(scan, reconstruction=scan.original))
    assert np.abs(unpack(packed.difference, packed.shape)).max() < 1e-12


def test_spacings_and_indices_follow_the_axes(scan):
    packed = pack_scan(scan)  # axes to the back, down and to the right; 1, 2 and 4 mm
    assert packed.shape == (7, 5, 6)
    assert packed.spacing == (4.0, 1.0, 2.0)
    assert packed.order == ((1, True), (2, True), (0, False))


@pytest.mark.parametrize("value", [0.0, 7.0, -1e4])
def test_a_constant_volume_comes_back(value):
    image = np.full((2, 2, 2), value)
    packed = pack_scan(ScanReport("a", image, image))
    np.testing.assert_allclose(unpack(packed.original, packed.shape), image)
    json.dumps(asdict(packed), allow_nan=False)


def test_noise_gets_coarser_steps_until_it_fits(rng):
    noise = rng.random((32, 32, 32))
    scan = ScanReport("a", noise, noise[::-1])
    packed = pack_scan(scan, max_bytes=60_000)
    assert len(packed.original.data) + len(packed.difference.data) <= 60_000
    assert min(packed.original.n_levels, packed.difference.n_levels) < 255
    found = unpack(packed.original, packed.shape)
    np.testing.assert_allclose(found, noise, atol=0.5001 / (packed.original.n_levels - 1))


def test_a_volume_that_cannot_fit_is_not_packed(rng):
    noise = rng.random((16, 16, 16))
    assert pack_scan(ScanReport("a", noise, noise), max_bytes=100) is None


def test_voxels_far_out_are_counted_and_cut_off(rng):
    image = rng.uniform(0, 1, (20, 20, 20))
    image[3, 4, 5] = 50.0
    packed = pack_scan(ScanReport("a", image, image))
    assert packed.clipped == pytest.approx(1 / 8000)
    assert packed.range[1] < 2.1


def test_integers_of_16_bits_and_halves_pack_like_floats():
    image = np.arange(64, dtype=np.float16).reshape(4, 4, 4)
    packed = pack_scan(ScanReport("a", image, image))
    np.testing.assert_allclose(unpack(packed.original, packed.shape), image, atol=0.13)

"""Gaussian smoothing against scipy and nilearn."""

import math

import nibabel as nib
import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from mrrecon.morphometry import smooth_maps

SIZES = (1.5, 2.0, 3.0)


@pytest.fixture
def affine():
    """Turned axes of three sizes."""
    turn, _ = np.linalg.qr(np.random.default_rng(3).standard_normal((3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag(SIZES)
    return affine


def test_batch_is_scipys_gaussian_with_zeros_around(generator, affine):
    maps = torch.rand(2, 3, 12, 14, 9, generator=generator)
    sigma = [8 / math.sqrt(8 * math.log(2)) / size for size in SIZES]
    expected = [
        [gaussian_filter(volume, sigma, mode="constant") for volume in row] for row in maps.double().numpy()
    ]
    found = smooth_maps(maps, affine, fwhm=8)
    torch.testing.assert_close(found, torch.from_numpy(np.array(expected)).float())


def test_map_is_nilearns(generator, affine):
    from nilearn.image import smooth_img

    # nilearn mirrors the image at the border, we have 0 there: the border is left empty.
    volume = torch.nn.functional.pad(torch.rand(9, 9, 9, generator=generator), [8] * 6)
    expected = smooth_img(nib.Nifti1Image(volume.numpy(), affine), fwhm=[4.0, 6.0, 0.0]).get_fdata()
    found = smooth_maps(volume, affine, fwhm=[4.0, 6.0, 0.0])
    torch.testing.assert_close(found.double(), torch.from_numpy(expected), atol=1e-6, rtol=1e-5)


def test_within_a_mask_a_constant_stays(affine):
    mask = torch.zeros(12, 12, 12, dtype=torch.bool)
    mask[2:9, 3:10, 4:8] = True
    outside = torch.where(mask, 0.7, torch.nan)
    found = smooth_maps(outside, affine, fwhm=6.0, mask=mask)
    torch.testing.assert_close(found[mask], torch.full_like(found[mask], 0.7))
    assert found[~mask].abs().max() == 0


def test_mask_of_everything_is_the_normalised_filter(generator, affine):
    maps = torch.rand(10, 10, 10, generator=generator, dtype=torch.float64)
    sigma = [6 / math.sqrt(8 * math.log(2)) / size for size in SIZES]
    weight = gaussian_filter(np.ones(maps.shape), sigma, mode="constant")
    expected = gaussian_filter(maps.numpy(), sigma, mode="constant") / weight
    found = smooth_maps(maps, affine, fwhm=6.0, mask=torch.ones(10, 10, 10, dtype=torch.bool))
    torch.testing.assert_close(found, torch.from_numpy(expected))


def test_no_width_changes_nothing_and_the_type_stays(generator):
    maps = torch.rand(4, 5, 6, 7, generator=generator).half()
    assert smooth_maps(maps, np.eye(4), fwhm=0).equal(maps)


def test_sum_is_kept_away_from_the_border():
    maps = torch.zeros(31, 31, 31)
    maps[15, 15, 15] = 3.0
    assert smooth_maps(maps, np.diag([2.0, 2.0, 2.0, 1.0]), fwhm=12.0).sum().item() == pytest.approx(3.0)


@pytest.mark.parametrize("fwhm", [-1.0, math.nan, [4.0, 4.0]])
def test_widths_that_are_none_are_refused(fwhm):
    with pytest.raises(ValueError, match="fwhm="):
        smooth_maps(torch.zeros(4, 4, 4), np.eye(4), fwhm=fwhm)


def test_oblique_angles_are_refused():
    sheared = np.eye(4)
    sheared[0, 1] = 0.2
    with pytest.raises(ValueError, match="right angles"):
        smooth_maps(torch.zeros(4, 4, 4), sheared, fwhm=4.0)

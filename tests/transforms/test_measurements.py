"""Scans measured by simulated scanners, and images put back in their place."""

import math

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from mrrecon.inferers.ct_scan import CtScan
from mrrecon.transforms import (
    AxesBackd,
    CoilImaged,
    FineGridd,
    MarkHolesd,
    SimulateDegradedd,
    SimulateKspaced,
    SimulateSinogramd,
    SinogramImaged,
    Slabd,
)
from mrrecon.transforms.kspace_channels import sampled_middle

AFFINE = torch.tensor(
    [[0.9, 0.3, 0.1, -20], [-0.28, 0.95, 0.12, 30], [-0.06, -0.14, 2.0, 7], [0, 0, 0, 1]], dtype=torch.float64
)


def volume(generator, shape=(16, 20, 6)):
    return {"image": MetaTensor(torch.rand(1, *shape, generator=generator) + 1, affine=AFFINE.clone())}


def test_a_slab_goes_back_to_where_it_was(generator):
    data = volume(generator)
    slab = Slabd("image", n_slices=2, first_slice=3)(data)
    assert slab["image"].shape == (1, 2, 16, 20)
    back = AxesBackd("image")(slab)["image"]
    assert torch.equal(back.as_tensor(), data["image"].as_tensor()[..., 3:5])
    torch.testing.assert_close(back.affine[:3, 3], (AFFINE @ torch.tensor([0, 0, 3.0, 1]).double())[:3])
    torch.testing.assert_close(back.affine[:, :3], AFFINE[:, :3])


def test_full_sampling_without_noise_measures_the_fourier_transform(generator):
    scanner = SimulateKspaced("image", n_coils=3, acceleration=1, centre=0, noise=0, sampling="lines")
    data = scanner(Slabd("image", n_slices=2)(volume(generator)))
    k, label = data["image"].as_tensor().numpy(), data["label"].as_tensor().numpy()
    assert k.shape == (3, 2, 16, 20)
    # Maps are normalised: energy is kept, by Parseval.
    assert (np.abs(k) ** 2).sum() == pytest.approx((label**2).sum(), rel=1e-5)


def test_the_same_seed_measures_the_same_and_the_acceleration_is_kept(generator):
    data = Slabd("image")(volume(generator, (32, 32, 3)))
    first, again, other = (
        SimulateKspaced("image", acceleration=4, centre=4, seed=seed)(data)["image"].as_tensor()
        for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert (first != 0).any(0).float().mean() == pytest.approx(1 / 4, abs=0.01)


def test_hounsfield_units_are_measured_as_attenuation_and_come_back():
    image = torch.full((1, 1, 16, 16), -1000.0)
    image[..., 4:12, 4:12] = 0.0  # 8 mm of water
    data = {"image": MetaTensor(image, affine=torch.eye(4, dtype=torch.float64))}
    made = SimulateSinogramd("image", scan=CtScan(), n_views=2, n_detectors=None, photons=None)(data)
    assert made["image"].as_tensor().max() == pytest.approx(8 * 0.02, rel=1e-5)
    attenuation = MetaTensor(torch.tensor([0.0, 0.02]).reshape(1, 1, 1, 2), meta=dict(made["image"].meta))
    found = SinogramImaged("pred")({"pred": attenuation})["pred"]
    assert found.flatten().tolist() == pytest.approx([-1000, 0])


def test_photons_scatter_by_the_root_of_their_number():
    image = torch.full((1, 1, 64, 64), 1e-9)
    image[..., 0, 0] = 1.0
    data = {"image": MetaTensor(image, affine=torch.eye(4, dtype=torch.float64))}
    made = SimulateSinogramd("image", scan=CtScan(), n_views=60, photons=1e4)(data)["image"].as_tensor()
    # Nearly all rays meet nothing: the logarithm of a count of N scatters by 1 / root of N.
    assert made.median() == pytest.approx(0, abs=1e-3)
    assert (made.abs() < 0.1).float().mean() > 0.95
    assert made[made.abs() < 0.04].std() == pytest.approx(0.01, rel=0.05)


def test_blocks_holes_and_their_affine(generator):
    worse = SimulateDegradedd("image", factor=[1, 2, 3], noise=0, holes=0.25)(volume(generator, (16, 20, 7)))
    label = worse["label"].as_tensor()
    assert label.shape == (1, 16, 20, 6)
    y, means = worse["image"].as_tensor(), label.reshape(1, 16, 10, 2, 2, 3).mean((3, 5))
    seen = y.isfinite()
    torch.testing.assert_close(y[seen], means[seen])
    assert (~seen).float().mean() == pytest.approx(0.25, abs=0.08)
    back = FineGridd("image", factor=[1, 2, 3])(worse)["image"]
    torch.testing.assert_close(back.affine, AFFINE)


def test_the_field_of_view_is_cut_with_its_affine():
    x = torch.stack([torch.arange(24.0).reshape(1, 4, 6), torch.zeros(1, 4, 6)])
    image = MetaTensor(x, affine=AFFINE.clone(), meta={"field_of_view": [1, 2, 3]})
    cut = CoilImaged("pred")({"pred": image})["pred"]
    assert cut.flatten().tolist() == [8, 9, 10, 14, 15, 16]
    torch.testing.assert_close(cut.affine[:3, 3], (AFFINE @ torch.tensor([0, 1.0, 2, 1]).double())[:3])


def test_complex_numbers_become_their_magnitude():
    image = MetaTensor(torch.tensor([3.0, 4.0]).reshape(2, 1, 1, 1))
    assert CoilImaged("pred")({"pred": image})["pred"].item() == 5
    assert CoilImaged("pred", complex_values=True)({"pred": image})["pred"].item() == 3 + 4j


def test_pixels_of_a_sinogram_s_image_lie_around_the_middle():
    image = MetaTensor(torch.zeros(1, 1, 4, 6), meta={"pixel_spacing": [2.0, 3.0]})
    affine = SinogramImaged("pred", slice_spacing=5.0)({"pred": image})["pred"].affine
    middle = affine @ torch.tensor([0, 1.5, 2.5, 1], dtype=torch.float64)
    torch.testing.assert_close(middle[:3], torch.zeros(3, dtype=torch.float64))
    assert torch.linalg.vector_norm(affine[:3, :3], dim=0).tolist() == [5, 2, 3]


def test_a_block_of_lines_is_as_long_as_allowed_along_them():
    lines = torch.zeros(40, 40, dtype=torch.bool)
    lines[:, 14:27] = True  # 13 columns, the middle one is number 20
    assert sampled_middle(lines, 24) == [24, 13]
    assert sampled_middle(torch.zeros(8, 8, dtype=torch.bool), 24) == [1, 1]


def test_a_mask_of_another_shape_is_refused(generator):
    holes = MarkHolesd("image", read_array=lambda _: torch.ones(3, 3), mask="mask.nii")
    with pytest.raises(ValueError, match=r"mask\.nii has the shape \(3, 3\)"):
        holes(volume(generator))


def test_too_few_slices_are_refused(generator):
    with pytest.raises(ValueError, match="has 6 slices: n_slices=3 from first_slice=5"):
        Slabd("image", n_slices=3, first_slice=5)(volume(generator))
    assert math.prod(Slabd("image", n_slices=99)(volume(generator))["image"].shape) == 16 * 20 * 6

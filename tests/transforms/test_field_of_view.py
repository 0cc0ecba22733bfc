"""The cube around what a scan shows."""

import math

import numpy as np
import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from monai.transforms import Flipd

from mrrecon.transforms import FieldOfViewd, resample_onto

OBLIQUE = torch.tensor(
    [[0.9, 0.3, 0.1, -20], [-0.28, 0.95, 0.12, 30], [-0.06, -0.14, 1.9, 7], [0, 0, 0, 1]], dtype=torch.float64
)


def places(shape: tuple[int, ...], affine: torch.Tensor) -> torch.Tensor:
    """World coordinates (3, x, y, z) of all voxels."""
    axes = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in shape), indexing="ij")
    voxels = torch.stack([*axes, torch.ones(shape, dtype=torch.float64)])
    return torch.einsum("ij,jxyz->ixyz", affine, voxels)[:3]


def ramp(shape: tuple[int, ...], affine: torch.Tensor) -> torch.Tensor:
    """A linear function of the place in the world."""
    x, y, z = places(shape, affine)
    return (5 + 0.01 * x - 0.02 * y + 0.015 * z).float()


@pytest.mark.parametrize("affine", [torch.eye(4, dtype=torch.float64), OBLIQUE], ids=["straight", "oblique"])
def test_a_ramp_in_the_world_stays_that_ramp(affine):
    shape = (40, 44, 36)
    view = FieldOfViewd("image", size=8, spacing=2.0)
    cube = view({"image": MetaTensor(ramp(shape, affine)[None], affine=affine)})["image"]
    expected = ramp(tuple(cube.shape[1:]), cube.affine)
    torch.testing.assert_close(cube.as_tensor()[0], expected, atol=2e-3, rtol=0)


def test_the_grid_is_that_of_the_world_with_the_content_in_its_middle():
    image = torch.zeros(1, 40, 40, 30)
    image[:, 10:20, 4:10, 8:28] = 1
    affine = torch.diag(torch.tensor([1.5, 1.0, 2.0, 1.0], dtype=torch.float64))
    cube = FieldOfViewd("image", size=16, spacing=3.0)({"image": MetaTensor(image, affine=affine)})["image"]
    np.testing.assert_allclose(np.asarray(cube.affine)[:3, :3], 3 * np.eye(3), atol=1e-12)
    middle = np.asarray(cube.affine) @ [7.5, 7.5, 7.5, 1]
    np.testing.assert_allclose(middle[:3], [14.5 * 1.5, 6.5, 17.5 * 2])


def test_a_lone_bright_voxel_does_not_move_the_cube():
    image = torch.zeros(1, 40, 40, 40)
    image[:, 10:25, 10:25, 10:25] = 1
    view = FieldOfViewd("image", size=8, spacing=3.0)
    plain = view({"image": MetaTensor(image)})["image"].affine
    image[:, 39, 39, 39] = 9
    assert torch.equal(view({"image": MetaTensor(image)})["image"].affine, plain)


def test_smoothing_makes_voxels_as_wide_as_the_new_ones():
    # Variance of a bright plane: that of a Gaussian of full width sqrt(3² - 0.5²), of trilinear reading none.
    image = torch.zeros(1, 81, 81, 81)
    image[:, 40] = 10.0
    affine = torch.diag(torch.tensor([0.5, 0.5, 0.5, 1.0], dtype=torch.float64))
    view = FieldOfViewd("image", size=9, spacing=3.0)
    profile = view({"image": MetaTensor(image, affine=affine)})["image"][0, :, 4, 4]
    sigma = math.sqrt(3**2 - 0.5**2) / math.sqrt(8 * math.log(2))
    x = 3.0 * (torch.arange(9) - 4)
    expected = 10 * 0.5 / (sigma * math.sqrt(2 * math.pi)) * torch.exp(-(x**2) / (2 * sigma**2))
    torch.testing.assert_close(profile.as_tensor(), expected, atol=0.02, rtol=0)


def test_the_inverse_gives_the_grid_back_and_zero_outside_of_the_cube():
    shape = (40, 44, 36)
    view = FieldOfViewd("image", size=8, spacing=2.0)
    scan = MetaTensor(ramp(shape, OBLIQUE)[None], affine=OBLIQUE)
    cube = view({"image": scan})
    grid = cube["image"].affine
    back = view.inverse(cube)["image"]
    assert back.shape == scan.shape
    torch.testing.assert_close(back.affine, OBLIQUE)
    inside = places(shape, torch.linalg.inv(grid) @ OBLIQUE)
    within = ((inside > 0) & (inside < 7)).all(0)
    outside = ((inside < -1) | (inside > 8)).any(0)
    torch.testing.assert_close(back.as_tensor()[0][within], scan.as_tensor()[0][within], atol=5e-3, rtol=0)
    assert not back.as_tensor()[0][outside].any()


def test_an_image_without_content_is_looked_at_in_its_middle():
    cube = FieldOfViewd("image", size=4, spacing=1.0)({"image": MetaTensor(torch.zeros(1, 9, 9, 9))})["image"]
    np.testing.assert_allclose(np.asarray(cube.affine)[:3, 3], [2.5] * 3)


@pytest.mark.parametrize(
    "options",
    [{"size": 0}, {"size": (8, 8)}, {"size": (8, 0, 8)}, {"spacing": 0.0}, {"spacing": float("nan")}],
)
def test_sizes_out_of_range_are_named(options):
    with pytest.raises(ValueError, match="must be at least 1, or three such numbers, and spacing"):
        FieldOfViewd("image", **options)


def test_a_box_has_the_middle_of_the_cube_and_its_voxels():
    image = torch.zeros(1, 40, 44, 36)
    image[:, 10:25, 8:30, 5:20] = torch.rand(15, 22, 15, generator=torch.Generator().manual_seed(0)) + 0.5
    cube = FieldOfViewd("image", size=24, spacing=1.0)({"image": MetaTensor(image)})["image"]
    box = FieldOfViewd("image", size=(24, 32, 24), spacing=1.0)({"image": MetaTensor(image)})["image"]
    assert box.shape == (1, 24, 32, 24)
    torch.testing.assert_close(box.as_tensor()[:, :, 4:28], cube.as_tensor())
    torch.testing.assert_close(box.affine[:3, 3] + torch.tensor([0.0, 4, 0]).double(), cube.affine[:3, 3])


def test_the_edge_of_an_extracted_brain_stays_an_edge():
    image = torch.zeros(1, 48, 48, 48)
    image[:, 12:36, 9:39, 12:36] = 0.8
    soft, sharp = (
        FieldOfViewd("image", size=16, spacing=3.0, keep_background=keep)({"image": MetaTensor(image)})[
            "image"
        ]
        for keep in (False, True)
    )
    assert ((soft > 0) & (soft < 0.4)).sum() > 100
    assert set((sharp > 0).sum((0, 2, 3)).tolist()) == {0, 10 * 8}
    assert torch.equal(sharp[sharp > 0], soft[sharp > 0])


def test_an_image_on_a_coarser_grid_keeps_its_mean_and_on_a_finer_one_its_ramp():
    fine = MetaTensor(ramp((40, 44, 36), OBLIQUE)[None], affine=OBLIQUE)
    cube = FieldOfViewd("image", size=10, spacing=3.0)({"image": fine})["image"]
    again = resample_onto(fine, cube)
    torch.testing.assert_close(again.as_tensor(), cube.as_tensor(), atol=2e-3, rtol=0)
    inner = FieldOfViewd("image", size=20, spacing=1.0)({"image": fine})["image"]
    torch.testing.assert_close(resample_onto(cube, inner).as_tensor(), inner.as_tensor(), atol=2e-3, rtol=0)


def profile_sigma(spacing: float) -> float:
    """Standard deviation of the smoothing from 0.5 mm to a voxel of that width."""
    return math.sqrt(spacing**2 - 0.5**2) / math.sqrt(8 * math.log(2))


def test_smoothing_is_as_for_the_widest_side_of_the_voxels():
    image = torch.zeros(1, 61, 61, 61)
    image[:, 30] = 10.0
    fine = MetaTensor(image, affine=torch.diag(torch.tensor([0.5, 0.5, 0.5, 1.0], dtype=torch.float64)))
    wide = torch.diag(torch.tensor([1.0, 1.0, 3.0, 1.0], dtype=torch.float64))
    wide[:3, 3] = torch.tensor([11.0, 13.0, 12.0])
    profile = resample_onto(fine, MetaTensor(torch.zeros(1, 9, 5, 3), affine=wide))[0, :, 2, 1]
    x, sigma = torch.arange(9) + 11.0 - 15.0, profile_sigma(3.0)
    expected = 10 * 0.5 / (sigma * math.sqrt(2 * math.pi)) * torch.exp(-(x**2) / (2 * sigma**2))
    torch.testing.assert_close(profile.as_tensor(), expected, atol=0.02, rtol=0)


def test_outside_of_the_image_is_0_for_smoothing_too():
    affine = torch.diag(torch.tensor([0.5, 0.5, 0.5, 1.0], dtype=torch.float64))
    border = torch.diag(torch.tensor([3.0, 3.0, 3.0, 1.0], dtype=torch.float64))
    border[1:3, 3] = 15.0  # the first voxel lies on the first of the image, far from its other sides
    fine = MetaTensor(torch.ones(1, 61, 61, 61), affine=affine)
    found = resample_onto(fine, MetaTensor(torch.zeros(1, 2, 1, 1), affine=border))
    edge = 0.5 * (1 + math.erf(0.25 / profile_sigma(3.0) / math.sqrt(2)))  # half a voxel inside
    assert float(found[0, 0, 0, 0]) == pytest.approx(edge, abs=0.02)


def test_what_was_done_before_can_be_undone_behind_it():
    scan = MetaTensor(torch.rand(1, 12, 10, 8, generator=torch.Generator().manual_seed(0)))
    turn, view = Flipd("image", spatial_axis=0), FieldOfViewd("image", size=16, spacing=1.0)
    seen = view(turn({"image": scan}))
    back = turn.inverse(view.inverse(seen))["image"]
    torch.testing.assert_close(back.as_tensor(), scan.as_tensor(), atol=1e-5, rtol=0)

"""Local atrophy of known size."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import brentq

from mrrecon.simulate import shrink_region

SHAPE = (56, 50, 44)
CENTRE = [3.0, -5.0, 4.0]


def oblique(spacing):
    """Turned axes, the middle of the grid at the origin."""
    turn, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag(spacing)
    affine[:3, 3] = -affine[:3, :3] @ (np.array(SHAPE) - 1) / 2
    return affine


AFFINE = oblique((0.9, 1.0, 1.2))


def distance():
    """Of each voxel from the centre, mm."""
    voxels = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    return torch.from_numpy(
        np.linalg.norm(voxels @ AFFINE[:3, :3].T + AFFINE[:3, 3] - CENTRE, axis=-1)
    ).float()


def ball(radius):
    """A ball whose border is a ramp one voxel wide: its sum is the volume."""
    return (0.5 + radius - distance()).clamp(0, 1)


@pytest.mark.parametrize("interpolation", ["cubic", "linear"])
@pytest.mark.parametrize("percent", [5.0, 20.0, 60.0])
def test_ball_loses_what_was_asked_for(percent, interpolation):
    # A smooth bump that ends within the ball: its integral is the sum of its voxels.
    before = (1 - (distance() / 9).square()).clamp(min=0) ** 3
    after, _ = shrink_region(
        before, AFFINE, centre=CENTRE, radius=9.0, percent=percent, interpolation=interpolation
    )
    lost = 100 * (1 - (after.sum() / before.sum()).item())
    # Straight lines leave the bump's tails, which are seen between voxels, too high.
    assert lost == pytest.approx(percent, abs=0.02 * percent if interpolation == "cubic" else 1.5)


def test_ball_in_ml_is_the_formula():
    after, _ = shrink_region(ball(8.0), AFFINE, centre=CENTRE, radius=8.5, percent=40.0)
    voxel = abs(np.linalg.det(AFFINE[:3, :3]))
    # The half-height surface of the ramp is the sphere.
    assert (after > 0.5).sum().item() * voxel == pytest.approx(0.6 * 4 / 3 * math.pi * 8**3, rel=0.02)


def test_beyond_two_radii_not_a_bit_changes(generator):
    image = torch.rand(SHAPE, generator=generator)
    after, keeps = shrink_region(image, AFFINE, centre=CENTRE, radius=8.0, percent=30.0)
    far = distance() >= 16.0
    assert after[far].equal(image[far])
    assert (keeps[far] == 1).all()
    assert not after[~far].equal(image[~far])


def test_jacobian_is_that_of_finite_differences():
    _, keeps = shrink_region(torch.zeros(SHAPE), AFFINE, centre=CENTRE, radius=8.0, percent=50.0)
    k, r = 0.5 ** (1 / 3), distance().double()
    x = (r / 8 - 1).clamp(0, 1)

    def g(r):
        x = (r / 8 - 1).clamp(0, 1)
        return r * (1 - (1 - k) * (1 - 10 * x**3 + 15 * x**4 - 6 * x**5))

    expected = (g(r + 1e-4) - g(r - 1e-4)) / 2e-4 * (g(r) / r) ** 2
    assert x.max() == 1
    torch.testing.assert_close(keeps.double(), expected.float().double(), atol=1e-4, rtol=1e-4)


def test_jacobian_adds_up_to_the_volumes():
    _, keeps = shrink_region(torch.zeros(SHAPE), AFFINE, centre=CENTRE, radius=8.0, percent=35.0)
    inner, whole = ball(8.0), ball(16.0)
    assert (keeps * inner).sum() / inner.sum() == pytest.approx(0.65, rel=0.01)
    # What the ball loses the shell gains.
    assert (keeps * whole).sum() / whole.sum() == pytest.approx(1.0, rel=1e-3)


def test_tissue_moves_to_where_the_formula_says():
    after, _ = shrink_region(distance(), AFFINE, centre=CENTRE, radius=8.0, percent=60.0)
    k, places = 0.4 ** (1 / 3), [(28, 25, 22), (30, 20, 24), (24, 16, 28), (20, 20, 20)]

    def g(r):
        x = min(max(r / 8 - 1, 0), 1)
        return r * (1 - (1 - k) * (1 - 10 * x**3 + 15 * x**4 - 6 * x**5))

    for place in places:
        now = distance()[place].item()
        assert after[place].item() == pytest.approx(brentq(lambda r, now=now: g(r) - now, 0, 16), abs=0.01)


def test_nothing_folds_at_the_greatest_loss():
    _, keeps = shrink_region(torch.zeros(SHAPE), AFFINE, centre=CENTRE, radius=8.0, percent=60.0)
    assert keeps.min() >= 0.4 - 1e-6
    assert keeps.max() < 1.5


def test_nothing_lost_is_the_image_itself(generator):
    image = torch.rand(SHAPE, generator=generator)
    after, keeps = shrink_region(image, AFFINE, centre=CENTRE, radius=8.0, percent=0.0)
    assert after.equal(image)
    assert (keeps == 1).all()


def test_a_region_at_the_border_is_cut_and_the_range_kept(generator):
    image = torch.rand(SHAPE, generator=generator).double()
    corner = (AFFINE @ [1, 1, 1, 1])[:3].tolist()
    after, _ = shrink_region(image, AFFINE, centre=corner, radius=6.0, percent=50.0)
    assert after.dtype == torch.float64
    assert image.min() <= after.min()
    assert after.max() <= image.max()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"centre": [0.0, 0.0, 90.0]}, "lies outside of the image"),
        ({"centre": [0.0, 0.0]}, "three coordinates"),
        ({"radius": 2.3}, r"radius=2\.3 mm must be at least two voxels, which is 2\.4 mm"),
        ({"percent": 61.0}, r"percent=61\.0 must lie from 0 to 60"),
        ({"percent": -1.0}, "percent="),
    ],
)
def test_arguments_out_of_range_are_refused(wrong, said):
    arguments = {"centre": CENTRE, "radius": 8.0, "percent": 30.0, **wrong}
    with pytest.raises(ValueError, match=said):
        shrink_region(torch.zeros(SHAPE), AFFINE, **arguments)


def test_images_and_affines_without_sense_are_refused():
    with pytest.raises(ValueError, match="image must be finite"):
        shrink_region(torch.full(SHAPE, torch.nan), AFFINE, centre=CENTRE, radius=8.0, percent=9.0)
    with pytest.raises(ValueError, match="must be finite and have an inverse"):
        shrink_region(torch.zeros(SHAPE), np.zeros((4, 4)), centre=CENTRE, radius=8.0, percent=9.0)

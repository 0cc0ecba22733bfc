"""Solvers in the place of networks: their scripted twins, units, geometry, and what they refuse."""

import math

import pytest
import torch
from monai.data import MetaTensor

from mrrecon.inferers import ImageSolver, KspaceSolver, SinogramSolver, SolverInferer
from mrrecon.inferers.ct_scan import CtScan
from mrrecon.operators import CartesianSense, Radon
from mrrecon.simulate import coil_maps, variable_density_lines
from mrrecon.tensors import complex_to_channels

TIGHT = {"tolerance": 2e-6, "max_iterations": 1000}


def disc(n=32):
    y, x = torch.meshgrid(*2 * [torch.arange(n) / n - 0.5], indexing="ij")
    return (x.square() + y.square() < 0.12).float() + ((x - 0.1).square() + y.square() < 0.01)


def kspace(generator, n=32):
    maps = coil_maps([n, n], 4)
    mask = variable_density_lines([n, n], acceleration=2, centre=10, generator=generator)
    y = CartesianSense(mask, maps)(disc(n) + 0j)
    y = y + 0.01 * mask * torch.view_as_complex(torch.randn(4, n, n, 2, generator=generator))
    return complex_to_channels(torch.cat([y, maps])[None])


def sinogram(n=24):
    A = Radon((n, n), [math.pi * view / 30 for view in range(30)], n_detectors=n)
    return A(disc(n))[None, None]


def noisy(generator, holes=0.0):
    volume = disc()[None, None, ..., None].repeat(1, 1, 1, 1, 16)
    volume = volume + 0.05 * torch.randn(volume.shape, generator=generator)
    volume[torch.rand(volume.shape, generator=generator) < holes] = torch.nan
    return volume


CASES = {
    "zero-filled": lambda g: (KspaceSolver("zero_filled"), kspace(g)),
    "SENSE": lambda g: (KspaceSolver("sense", weight=0.01, **TIGHT), kspace(g)),
    "TV": lambda g: (KspaceSolver("tv", **TIGHT), kspace(g)),
    "wavelet": lambda g: (KspaceSolver("wavelet", **TIGHT), kspace(g)),
    "FBP": lambda _: (SinogramSolver("fbp"), sinogram()),
    "CT by TV": lambda _: (SinogramSolver("tv", weight=0.01, n_plain_steps=200, **TIGHT), sinogram()),
    "denoising": lambda g: (ImageSolver("tv", **TIGHT), noisy(g)),
    "wavelet denoising": lambda g: (ImageSolver("wavelet", **TIGHT), noisy(g)),
    "holes": lambda g: (ImageSolver("tikhonov", **TIGHT), noisy(g, holes=0.2)),
    "refinement": lambda g: (ImageSolver("tikhonov", factor=[1, 1, 2], psf=2.0, **TIGHT), noisy(g)),
}


@pytest.mark.parametrize("case", CASES)
def test_the_scripted_twin_finds_the_same_minimum(case, generator):
    network, y = CASES[case](generator)
    expected = network(y)
    with torch.no_grad():
        found = torch.jit.script(network)(y)
    assert (found - expected).abs().max() < 4e-3 * expected.abs().max()


@pytest.mark.parametrize("method", ["sense", "tv", "wavelet"])
def test_data_in_other_units_give_the_image_in_those_units(method, generator):
    network, image = KspaceSolver(method), kspace(generator)
    scaled = image.clone()
    scaled[:, :4] *= 1000.0
    scaled[:, 8:12] *= 1000.0
    torch.testing.assert_close(network(scaled), 1000 * network(image), rtol=1e-3, atol=0.5)


def test_slices_are_solved_one_by_one(generator):
    network = KspaceSolver("sense")
    slices = [kspace(generator), kspace(generator)]
    both = MetaTensor(torch.stack(slices, 2), meta={"n_fourier": torch.tensor([2])})
    numbers = []
    solution = SolverInferer(lambda number, _: numbers.append(number)).solve(both, network)
    assert solution.image.shape == (1, 2, 2, 32, 32)
    assert len(solution.histories) == 2
    assert numbers.count(1) == 2
    for index, one in enumerate(slices):
        assert torch.equal(solution.image[:, :, index], network(one))


def test_a_file_s_own_geometry_goes_before_the_arguments():
    meta = {
        "angles": [0.0, 1.0, 2.0],
        "detector_spacing": 0.5,
        "image_size": [4, 6],
        "pixel_spacing": [1.0, 2.0],
    }
    A = CtScan(arc=90, detector_spacing=3.0).operator(3, 8, meta)
    assert (A.angles, A.detector_spacing, A.shape, A.spacing) == ((0, 1, 2), 0.5, (4, 6), (1, 2))


def test_pixels_of_a_fan_are_what_the_detectors_see_of_the_axis():
    A = CtScan(detector_spacing=2.0, source_distance=100, detector_distance=100).operator(4, 8, {})
    assert A.spacing == (1.0, 1.0)
    assert A.angles[1] == pytest.approx(math.pi / 2)


def test_a_detector_wide_enough_sees_the_whole_disc():
    scan = CtScan(source_distance=100, detector_distance=50)
    # The ray that touches a disc of radius 60 has the sine 0.6 and the tangent 0.75.
    assert scan.width(120) == pytest.approx(2 * 150 * 0.75)
    with pytest.raises(ValueError, match="source_distance=100 mm puts the source"):
        scan.width(200)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: KspaceSolver("tv")(torch.ones(1, 6, 4, 4)), "has 6 channels"),
        (lambda: KspaceSolver("tv")(torch.zeros(1, 8, 4, 4)), "zero everywhere"),
        (lambda: SinogramSolver("tv")(torch.zeros(1, 1, 4, 4)), "zero everywhere"),
        (lambda: ImageSolver("tv")(torch.ones(1, 1, 4, 4)), "must have 3 axes of space"),
        (lambda: ImageSolver("tv", factor=[2, 1, 1], keep_observed=True), "keep_observed=True needs"),
        (lambda: CtScan(arc=0), "arc=0 degrees must not be 0"),
    ],
)
def test_what_cannot_be_solved_is_said_before_any_work(make, said):
    with pytest.raises(ValueError, match=said):
        make()

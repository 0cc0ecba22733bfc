"""A network fitted to one image: its plain twin, units, exactness, slices, and what it refuses."""

import math

import pytest
import torch

from mrrecon.inferers import DeepImagePriorSolver, SolverInferer
from mrrecon.inferers.prior_networks import prior_network

TINY = {"width": 4, "iterations": 4}


def ramp(nx=12, ny=9, nz=2):
    x, y, z = torch.meshgrid(*(torch.linspace(0, 1, n) for n in (nx, ny, nz)), indexing="ij")
    return (100 + 50 * x + 30 * y + 10 * z)[None, None]


def with_holes(image):
    return torch.where(torch.rand(image.shape) < 0.5, image, torch.nan)


@pytest.mark.parametrize("method", ["skip", "decoder", "tv"])
def test_voxels_that_were_seen_survive_bit_for_bit(method):
    image = with_holes(ramp())
    found, seen = DeepImagePriorSolver(method, **TINY)(image), image.isfinite()
    assert torch.equal(found[seen], image[seen])
    assert found.isfinite().all()


def test_the_skip_network_is_the_published_one():
    network = prior_network("skip", (160, 144), width=128, seed=0)
    assert sum(weight.numel() for weight in network.parameters()) == 2_217_573


def test_holes_are_filled_nearer_to_the_truth_than_by_the_mean():
    truth = ramp(32, 32, 1)
    image = with_holes(truth)
    solver = DeepImagePriorSolver("skip", width=8, iterations=100, held_out=0.1)
    missing = ~image.isfinite()
    error = (solver(image) - truth)[missing].square().mean()
    assert error < 0.2 * truth[missing].var()


def test_the_same_seed_gives_the_same_image_and_a_slice_alone_is_as_among_others():
    image = with_holes(ramp())
    solver = DeepImagePriorSolver("skip", **TINY)
    both = solver(image)
    assert torch.equal(both, solver(image))
    assert torch.equal(both[..., 1:], solver(image[..., 1:]))
    other = DeepImagePriorSolver("skip", seed=1, **TINY)(image)
    assert not torch.equal(both, other)


@pytest.mark.parametrize("method", ["skip", "decoder"])
def test_units_of_the_image_are_those_of_the_result(method):
    image, solver = with_holes(ramp()), DeepImagePriorSolver(method, **TINY)
    torch.testing.assert_close(solver(8 * image - 1000), 8 * solver(image) - 1000, rtol=1e-4, atol=0.05)


def test_slices_lie_as_the_affine_says():
    image = with_holes(ramp(8, 7, 9))
    # The third axis of the file runs from back to front: across it lie coronal slices.
    affine = torch.tensor([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    options = {"width": 4, "iterations": 2, "held_out": 0.2}
    solver = DeepImagePriorSolver("decoder", slices="coronal", **options)
    solution = solver.solve(image, meta={"affine": affine})
    assert len(solution.histories) == 9
    alone = DeepImagePriorSolver("decoder", **options)(image[..., 4:5])
    assert torch.equal(solution.image[..., 4:5], alone)


def test_a_volume_is_fitted_whole():
    solution = DeepImagePriorSolver("skip", spatial_dims=3, **TINY).solve(with_holes(ramp(8, 8, 5)))
    assert solution.image.shape == (1, 1, 8, 8, 5)
    assert len(solution.histories) == 1


def test_means_of_the_finer_image_approach_what_was_seen():
    image = ramp(16, 16, 1)
    solver = DeepImagePriorSolver("skip", factor=[2, 1, 1], width=8, iterations=100)
    fine = solver(image)
    assert fine.shape == (1, 1, 32, 16, 1)
    error = (fine.reshape(1, 1, 16, 2, 16, 1).mean(3) - image).square().mean()
    assert error < 0.05 * image.var()


def test_the_fit_ends_without_the_truth_before_it_learns_the_noise():
    truth = ramp(32, 32, 1)
    noisy = truth + 15 * torch.randn(truth.shape)
    solver = DeepImagePriorSolver("skip", width=16, iterations=250, patience=40, held_out=0.1)
    solution = solver.solve(noisy)
    assert solution.converged
    assert solution.iterations < 250
    assert (solution.image - truth).square().mean() < 0.5 * 15**2


def test_a_constant_image_is_completed_by_its_constant():
    solution = DeepImagePriorSolver("skip", **TINY).solve(with_holes(torch.full((1, 1, 8, 8, 1), -3.0)))
    assert torch.equal(solution.image, torch.full((1, 1, 8, 8, 1), -3.0))
    assert solution.histories == ()


def test_it_runs_where_gradients_are_off_and_tells_its_progress():
    numbers = []
    inferer = SolverInferer(lambda number, _: numbers.append(number))
    with torch.inference_mode():
        inferer.solve(with_holes(ramp()), DeepImagePriorSolver("decoder", **TINY))
    assert numbers == 2 * [1, 2, 3, 4]


CASES = {
    "holes": {},
    "decoder": {"method": "decoder"},
    "volume": {"spatial_dims": 3},
    "all steps": {"held_out": 0},
    "finer": {"factor": [2, 1, 1]},
    "coronal": {"slices": "coronal", "method": "decoder", "held_out": 0.3},
}


@pytest.mark.parametrize("case", CASES)
def test_the_twin_in_plain_torch_makes_the_same_fit(case):
    solver = DeepImagePriorSolver(**{**TINY, "learning_rate": 0.01, "patience": 2, **CASES[case]})
    image = ramp(10, 8, 3) if case == "finer" else with_holes(ramp(10, 8, 3))
    expected = solver(image)
    torch.testing.assert_close(solver.__prepare_scriptable__()(image), expected, rtol=1e-4, atol=0.02)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: DeepImagePriorSolver("magic"), "method='magic' must be one of skip, decoder, tv"),
        (lambda: DeepImagePriorSolver(spatial_dims=4), "spatial_dims=4 must be 2"),
        (lambda: DeepImagePriorSolver(slices="oblique"), "slices='oblique' must be one of sagittal"),
        (lambda: DeepImagePriorSolver(factor=[2, 2]), "must have a number for each of the three axes"),
        (lambda: DeepImagePriorSolver(iterations=0), "iterations=0 must be a whole number from 1"),
        (lambda: DeepImagePriorSolver(width=1.5), "width=1.5 must be a whole number"),
        (lambda: DeepImagePriorSolver(learning_rate=math.nan), "learning_rate=nan must be a positive"),
        (lambda: DeepImagePriorSolver(noise_std=-1), "noise_std=-1 must be 0 or a positive"),
        (lambda: DeepImagePriorSolver(held_out=1), "held_out=1 must be at least 0 and below 1"),
        (lambda: DeepImagePriorSolver(factor=[1, 2, 1], keep_observed=True), "keep_observed=True needs"),
        (lambda: DeepImagePriorSolver()(torch.rand(1, 1, 8, 8)), "must have the axes batch"),
        (lambda: DeepImagePriorSolver()(ramp() * torch.nan), "no voxel that was seen"),
        (lambda: DeepImagePriorSolver()(ramp(2, 2, 2)), "at least 3 along one axis"),
        (lambda: DeepImagePriorSolver(factor=[1, 1, 2])(ramp()), "refines across the slices"),
        (lambda: torch.jit.script(DeepImagePriorSolver("tv")), "export an ImageSolver instead"),
    ],
)
def test_what_cannot_be_fitted_is_said_before_any_work(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_a_slice_of_which_nothing_was_seen_is_named():
    image = ramp()
    image[..., 1] = torch.nan
    with pytest.raises(ValueError, match="slice 1 across axis 2 has no voxel that was seen"):
        DeepImagePriorSolver(**TINY)(image)


def test_too_little_memory_is_said_before_the_work(monkeypatch):
    monkeypatch.setattr("mrrecon.solvers.checks.available_memory", lambda *_: 1000)
    with pytest.raises(ValueError, match="the fit of an image of shape"):
        DeepImagePriorSolver(spatial_dims=3)(ramp())

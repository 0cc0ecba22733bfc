from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import ndimage, special
from sklearn.mixture import GaussianMixture

from mrrecon.morphometry.bias_field import CosineField
from mrrecon.morphometry.markov_field import _sweep, _updated, markov_field
from mrrecon.morphometry.markov_kernels import sweep
from mrrecon.morphometry.mixture import Mixture, fit_mixture
from mrrecon.morphometry.region import Region
from mrrecon.morphometry.voxel_tissues import voxel_tissues


def points(n: int = 6000) -> tuple[torch.Tensor, torch.Tensor]:
    """Class and noisy brightness of points, the classes as frequent as each other."""
    generator = torch.Generator().manual_seed(0)
    classes = torch.randint(3, (n,), generator=generator)
    means = torch.tensor([0.3, 0.6, 0.9])
    return classes, means[classes] + 0.05 * torch.randn(n, generator=generator)


def fitted(values: torch.Tensor, priors: torch.Tensor, basis: torch.Tensor) -> Mixture:
    stiffness = torch.zeros(basis.shape[1])
    return fit_mixture(
        values, priors, basis, stiffness=stiffness, n_gaussians=(1, 1, 1), n_iterations=200, tolerance=1e-7
    )


def test_the_mixture_is_that_of_scikit_learn() -> None:
    classes, values = points()
    priors = torch.full((3, len(values)), 0.3)
    priors[classes, torch.arange(len(values))] = 0.4
    found = fitted(values, priors / priors.sum(0), torch.ones(len(values), 1))
    start = np.array([[0.3], [0.6], [0.9]])
    expected = GaussianMixture(3, means_init=start, random_state=0).fit(values.numpy()[:, None])
    assert np.allclose(found.means.numpy(), expected.means_[:, 0], atol=0.01)
    assert np.allclose(found.variances.sqrt().numpy(), expected.covariances_[:, 0, 0] ** 0.5, atol=0.01)


def test_a_known_gain_is_found() -> None:
    classes, values = points()
    places = 100 * torch.rand(3, len(values), generator=torch.Generator().manual_seed(1))
    gain = torch.exp(0.2 * torch.cos(torch.pi * places[0] / 100))
    field = CosineField((0.0, 0.0, 0.0), (100.0, 100.0, 100.0), shortest=60.0)
    priors = 0.1 + 0.7 * torch.nn.functional.one_hot(classes, 3).T
    basis = field.basis(places)
    found = torch.exp(basis @ fitted(values * gain, priors, basis).coefficients)
    assert ((found / found.mean()) / (gain / gain.mean()) - 1).abs().max() < 0.02


def test_an_even_scan_gets_no_gain() -> None:
    classes, values = points()
    places = 100 * torch.rand(3, len(values), generator=torch.Generator().manual_seed(1))
    field = CosineField((0.0, 0.0, 0.0), (100.0, 100.0, 100.0), shortest=60.0)
    priors = 0.1 + 0.7 * torch.nn.functional.one_hot(classes, 3).T
    found = fitted(values, priors, field.basis(places))
    assert found.coefficients.abs().max() < 0.01


def test_the_field_on_a_grid_is_that_at_its_points() -> None:
    field = CosineField((5.0, 0.0, 0.0), (50.0, 60.0, 70.0), shortest=25.0)
    coefficients = torch.linspace(-0.1, 0.1, field.n_cosines)
    axes = [torch.tensor([7.0, 20.0]), torch.tensor([3.0, 50.0]), torch.tensor([0.0, 30.0])]
    places = torch.stack(torch.meshgrid(*axes, indexing="ij")).reshape(3, -1)
    expected = (field.basis(places) @ coefficients).exp().reshape(2, 2, 2)
    assert torch.allclose(field.on_axes(coefficients, axes), expected)


def evidence_of(states: int, shape: tuple[int, int, int]) -> torch.Tensor:
    return 3 * torch.randn(states, *shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("sweep", [sweep, _sweep])
def test_an_update_of_the_field_is_scipys_convolution_and_softmax(sweep: Callable[..., None]) -> None:
    evidence, fractions = evidence_of(3, (9, 10, 11)), torch.tensor([[1.0, 0], [0.25, 0.75], [0, 1]])
    start = np.tensordot(fractions.T, special.softmax(evidence, axis=0), 1)
    star = np.zeros((3, 3, 3))
    # Of voxels of 2 x 1 x 1 mm, the weights of all six neighbours have the sum 2 * (0.5 + 1 + 1).
    star[[0, 2], 1, 1], star[1, [0, 2], 1], star[1, 1, [0, 2]] = 0.5 / 5, 1 / 5, 1 / 5
    mean = np.stack([ndimage.convolve(one, star, mode="constant") for one in start])
    chance = special.softmax(evidence.numpy() + 1.5 * np.tensordot(fractions, mean, 1), axis=0)
    region = Region.around(torch.ones(9, 10, 11, dtype=torch.bool), n_shells=1)
    found = _updated(sweep, evidence.flatten(1), fractions, region, strength=1.5, spacing=(2.0, 1.0, 1.0))
    expected = np.tensordot(fractions.T, chance, 1)
    assert np.allclose(found.reshape(2, 9, 10, 11), expected, atol=1e-6)


def test_a_part_of_a_volume_is_as_if_all_of_it_were_computed() -> None:
    evidence, mask = evidence_of(2, (12, 13, 14)), torch.zeros(12, 13, 14, dtype=torch.bool)
    mask[:4, 3:6, 4:9] = True
    fields = []
    for wanted in (mask, torch.ones_like(mask)):
        region = Region.around(wanted, n_shells=3)
        within = evidence[(slice(None), *region.voxels)]
        fields.append(markov_field(within, torch.eye(2), region, strength=2.0, spacing=(1.0, 1.0, 1.0)))
    assert torch.equal(fields[0], fields[1][:, mask.flatten()])


def test_a_lone_voxel_gives_way_to_its_neighbours() -> None:
    evidence = torch.zeros(2, 5, 5, 5)
    evidence[0] = 2.0
    evidence[:, 2, 2, 2] = torch.tensor([0.0, 0.5])
    region = Region.around(torch.ones(5, 5, 5, dtype=torch.bool), n_shells=5)
    held, alone = (
        markov_field(evidence.flatten(1), torch.eye(2), region, strength=beta, spacing=(1.0, 1.0, 1.0))
        for beta in (3.0, 0.0)
    )
    assert held[0, 62] > 0.9
    assert alone[0, 62].item() == pytest.approx(torch.tensor(-0.5).sigmoid().item())


def test_a_voxel_between_two_tissues_holds_half_of_each() -> None:
    mixture = Mixture(
        torch.tensor([0.2, 0.6, 1.0]),
        torch.full((3,), 0.03**2),
        torch.ones(3),
        torch.arange(3),
        torch.ones(3),
        torch.zeros(1),
    )
    values = torch.tensor([0.2, 0.4, 0.6, 0.7, 0.8, 1.0])
    region = Region.around(torch.ones(6, 1, 1, dtype=torch.bool), n_shells=1)
    held = voxel_tissues(
        mixture, values, torch.full((3, 6), 1 / 3), region, strength=0.0, spacing=(1.0, 1.0, 1.0)
    )
    expected = torch.tensor([[1, 0.5, 0, 0, 0, 0], [0, 0.5, 1, 0.75, 0.5, 0], [0, 0, 0, 0.25, 0.5, 1]])
    assert torch.allclose(held, expected, atol=0.06)

import math

import pytest
import torch
from sklearn.decomposition import PCA
from torch.distributions import MultivariateNormal

from mrrecon.networks import LinearSubspace
from mrrecon.solvers import factor_em


def factor_images(n_images: int = 200, n_voxels: int = 12, n_latents: int = 2) -> torch.Tensor:
    weight, mean = torch.randn(n_voxels, n_latents), torch.randn(n_voxels)
    x = torch.randn(n_images, n_latents) * torch.tensor([2.0, 1.0])
    return (x @ weight.T + mean + 0.1 * torch.randn(n_images, n_voxels)).double()


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def test_on_full_images_it_is_the_probabilistic_pca_of_scikit_learn():
    y = factor_images()
    found = factor_em(y, torch.ones_like(y), n_latents=2, max_iterations=500, tolerance=1e-12)
    pca = PCA(2).fit(y.numpy())
    covariance = found.weight @ found.weight.T + found.sigma**2 * torch.eye(12).double()
    # scikit-learn divides by one image less.
    expected = torch.tensor(pca.get_covariance()) * (199 / 200)
    torch.testing.assert_close(covariance, expected, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(found.mean, torch.tensor(pca.mean_), atol=1e-6, rtol=1e-6)


def test_the_likelihood_is_that_of_the_normal_distribution_and_never_falls():
    y = factor_images(40)
    mask = (torch.rand(40, 12) < 0.5).double()
    found = factor_em(y, mask, n_latents=2, max_iterations=30, tolerance=0.0, generator=seeded())
    steps = torch.tensor(found.log_likelihood).diff()
    assert bool((steps > -1e-9).all())
    again = factor_em(y, mask, n_latents=2, max_iterations=29, tolerance=0.0, generator=seeded())
    total = 0.0
    for image, seen in zip(y, mask > 0, strict=True):
        w = again.weight[seen]
        covariance = w @ w.T + again.sigma**2 * torch.eye(len(w)).double()
        total += (
            float(MultivariateNormal(again.mean[seen], covariance).log_prob(image[seen])) if len(w) else 0.0
        )
    # Both start alike: the last likelihood of the longer run is of what the shorter one found.
    assert math.isclose(found.log_likelihood[-1], total / float(mask.sum()), rel_tol=1e-6)


def test_from_half_of_the_entries_it_finds_the_others():
    y = factor_images(400)
    mask = (torch.rand(400, 12) < 0.5).double()
    found = factor_em(torch.where(mask > 0, y, torch.nan), mask, n_latents=2, max_iterations=300)
    network = LinearSubspace((12,), 2, sigma=found.sigma).double().eval()
    network.linear.weight.data, network.linear.mean.data = found.weight, found.mean
    filled = network(torch.stack([y * mask, mask], 1)).detach()[:, 0]
    missing = (mask == 0) & (mask.sum(1, keepdim=True) >= 4)
    assert float((filled - y)[missing].square().mean()) < 0.1 * float(y[missing].var())


def test_chunks_change_nothing():
    y = factor_images(50)
    mask = (torch.rand(50, 12) < 0.6).double()
    arguments = {"n_latents": 2, "max_iterations": 5}
    whole, parts = (factor_em(y, mask, **arguments, chunk=n, generator=seeded()) for n in (64, 1))
    torch.testing.assert_close(whole.weight, parts.weight)
    assert math.isclose(whole.sigma, parts.sigma, rel_tol=1e-9)


def test_a_voxel_that_nobody_saw_is_zero():
    y, mask = factor_images(50), torch.ones(50, 12).double()
    mask[:, 3] = 0
    found = factor_em(y, mask, n_latents=2, max_iterations=5)
    assert float(found.weight[3].abs().sum() + found.mean[3].abs()) == 0


def test_constant_images_have_no_subspace():
    found = factor_em(torch.full((5, 4), 2.0), torch.ones(5, 4), n_latents=2)
    assert found.sigma == 0
    assert torch.equal(found.mean, torch.full((4,), 2.0))


@pytest.mark.parametrize(
    ("mask", "n_latents", "said"),
    [
        (torch.ones(5, 3), 2, "mask has shape"),
        (torch.zeros(5, 4), 2, "observes nothing"),
        (torch.ones(5, 4), 0, "n_latents=0"),
        (torch.ones(5, 4), 6, "n_latents=6"),
    ],
)
def test_impossible_fits_are_refused(mask, n_latents, said):
    with pytest.raises(ValueError, match=said):
        factor_em(torch.ones(5, 4), mask, n_latents=n_latents)


def test_too_few_images_for_the_dimensions_are_fitted_in_float32_as_in_float64():
    x, t = torch.randn(60, 40), torch.linspace(0, 3, 400)
    y = x @ torch.cos(torch.arange(40.0).outer(t)) / 5 + 2
    mask = (torch.rand(60, 400) < 0.1).float()
    arguments = {"n_latents": 30, "max_iterations": 30, "tolerance": 0.0}
    single = factor_em(y, mask, **arguments, generator=seeded())
    double = factor_em(y.double(), mask.double(), **arguments, generator=seeded())
    assert single.sigma < 0.01 * float(y.std())
    torch.testing.assert_close(single.weight, double.weight.float())
    assert math.isclose(single.log_likelihood[-1], double.log_likelihood[-1], rel_tol=1e-6)

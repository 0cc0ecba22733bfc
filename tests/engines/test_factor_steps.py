import pytest
import torch
from sklearn.decomposition import PCA, FactorAnalysis

from mrrecon.engines import FactorSteps
from mrrecon.networks import LinearSubspace
from mrrecon.solvers import factor_em


def factor_images(n_images: int = 300) -> torch.Tensor:
    torch.manual_seed(0)
    weight, mean = torch.randn(12, 2), torch.randn(12)
    x = torch.randn(n_images, 2) * torch.tensor([2.0, 1.0])
    return (x @ weight.T + mean + 0.2 * torch.randn(n_images, 12)).double()


def pairs(y: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return torch.stack([y, mask], 1).unflatten(2, (3, 4))


def fitted(y: torch.Tensor, mask: torch.Tensor, *, n_steps: int, batch: int, lr: float) -> LinearSubspace:
    torch.manual_seed(1)
    network = LinearSubspace((3, 4), 2, sigma=1.0).double()
    network.linear.jitter = 0.0
    steps = FactorSteps(network, lr=lr)
    for step in range(n_steps):
        which = (torch.arange(batch) + step * batch) % len(y)
        steps.param_groups[0]["lr"] = lr * (1 - step / n_steps) + 1e-3 if lr < 1 else 1.0
        steps.fit(pairs(y[which], mask[which]))
    return network


def covariance(network: LinearSubspace) -> torch.Tensor:
    weight, ridge = network.linear.weight.detach(), float(network.linear.log_ridge.detach().exp())
    return weight @ weight.T + ridge * torch.eye(12).double()


def test_full_images_in_one_batch_lead_to_the_probabilistic_pca_of_scikit_learn():
    y = factor_images()
    network = fitted(y, torch.ones_like(y), n_steps=200, batch=300, lr=1.0)
    pca = PCA(2).fit(y.numpy())
    # scikit-learn divides by one image less.
    expected = torch.tensor(pca.get_covariance()) * (299 / 300)
    torch.testing.assert_close(covariance(network), expected, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(network.linear.mean.detach(), torch.tensor(pca.mean_), atol=1e-4, rtol=1e-4)


def test_where_all_voxels_are_equally_noisy_it_is_the_factor_analysis_of_scikit_learn():
    y = factor_images(3000)
    network = fitted(y, torch.ones_like(y), n_steps=100, batch=3000, lr=1.0)
    expected = torch.tensor(FactorAnalysis(2, tol=1e-6).fit(y.numpy()).get_covariance())
    torch.testing.assert_close(covariance(network), expected, atol=0.02, rtol=0.02)


def test_batches_of_incomplete_images_come_near_the_em_of_all_of_them():
    y = factor_images()
    mask = (torch.rand(300, 12) < 0.5).double()
    network = fitted(torch.where(mask > 0, y, torch.nan), mask, n_steps=600, batch=30, lr=0.2)
    exact = factor_em(y, mask, n_latents=2, max_iterations=300, tolerance=1e-9)
    expected = exact.weight @ exact.weight.T + exact.sigma**2 * torch.eye(12).double()
    torch.testing.assert_close(covariance(network), expected, atol=0.15, rtol=0.1)
    assert float(network.log_sigma.detach().exp()) == pytest.approx(exact.sigma, rel=0.1)


@pytest.mark.parametrize("lr", [0, 1.5])
def test_steps_beyond_the_whole_way_are_refused(lr):
    with pytest.raises(ValueError, match=f"lr={lr}"):
        FactorSteps(LinearSubspace((3, 4), 2), lr=lr)

import pytest
import torch

from mrrecon.networks import LinearSubspace


def subspace() -> LinearSubspace:
    torch.manual_seed(0)
    network = LinearSubspace((4, 6), 3, sigma=0.5).double().eval()
    network.linear.mean.data = torch.randn(24).double()
    return network


def half_observed(*shape: int) -> torch.Tensor:
    return torch.stack([torch.randn(shape), (torch.rand(shape) < 0.5).float()], 1).double()


def test_completions_have_mean_and_covariance_of_the_posterior():
    network, x = subspace(), half_observed(1, 4, 6)
    weight, seen = network.linear.weight.detach(), x[0, 1].flatten() > 0
    rows, y = weight[seen], x[0, 0].flatten()
    inverse = torch.linalg.inv(rows.T @ rows + 0.25 * torch.eye(3))
    mean = weight @ inverse @ rows.T @ (y - network.linear.mean.detach())[seen] + network.linear.mean.detach()
    draws = network.impute(x, 20_000, torch.Generator().manual_seed(0)).detach()[:, 0, 0].flatten(1)
    expected = weight @ (0.25 * inverse) @ weight.T
    torch.testing.assert_close(draws.mean(0), mean, atol=0.03, rtol=0.01)
    torch.testing.assert_close(draws.T.cov(), expected, atol=0.03 * float(expected.max()), rtol=0.05)


def test_the_same_generator_gives_the_same_completions():
    network, x = subspace(), half_observed(2, 4, 6)
    a, b = (network.impute(x, 2, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(a, b)
    assert a.shape == (2, 2, 1, 4, 6)


def test_a_smaller_image_lies_in_the_middle_with_nothing_observed_around_it():
    network, x = subspace(), half_observed(2, 3, 4)
    framed = torch.zeros(2, 2, 4, 6).double()
    framed[:, :, 0:3, 1:5] = x
    torch.testing.assert_close(network(x), network(framed)[:, :, 0:3, 1:5])


def test_of_a_larger_image_the_middle_counts_and_zero_lies_around():
    network, x = subspace(), half_observed(2, 6, 8)
    inner = network(x[:, :, 1:5, 1:7])
    torch.testing.assert_close(network(x)[:, :, 1:5, 1:7], inner)
    torch.testing.assert_close(network(x).abs().sum(), inner.abs().sum())


def test_script_and_eager_are_alike_at_any_size():
    network = subspace()
    scripted = torch.jit.script(network)
    for shape in ((4, 6), (3, 8)):
        x = half_observed(2, *shape)
        torch.testing.assert_close(scripted(x), network(x))


def test_no_completion_is_refused():
    with pytest.raises(ValueError, match="n=0"):
        subspace().impute(half_observed(1, 4, 6), 0)

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from mrrecon.losses import ObservedELBOLoss, observed_elbo


def batch() -> dict[str, torch.Tensor]:
    mask = (torch.rand(3, 1, 5, 6) < 0.5).double()
    code = {"mean": torch.randn(3, 4).double(), "log_variance": torch.randn(3, 4).double()}
    return {"mask": mask, "log_sigma": torch.tensor(-0.7).double(), **code}


def images() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.rand(3, 1, 5, 6).double(), torch.rand(3, 1, 5, 6).double()


def test_its_addends_are_those_of_the_distributions():
    (pred, target), parts = images(), batch()
    nll, kl = observed_elbo(pred, target, **parts)
    seen = parts["mask"] > 0
    noise = Normal(pred, parts["log_sigma"].exp())
    posterior = Normal(parts["mean"], (0.5 * parts["log_variance"]).exp())
    divergence = kl_divergence(posterior, Normal(0.0, 1.0)).sum(1)
    n = seen.flatten(1).sum(1)
    expected = torch.stack([-noise.log_prob(target)[i][seen[i]].mean() for i in range(3)]).mean()
    torch.testing.assert_close(nll, expected)
    torch.testing.assert_close(kl, (divergence / n).mean())


def test_missing_entries_have_no_influence_on_value_and_gradient():
    (pred, target), parts = images(), batch()
    pred.requires_grad_()
    holes = torch.where(parts["mask"] > 0, target, torch.nan)
    nll, _ = observed_elbo(pred, holes, **parts)
    torch.testing.assert_close(nll, observed_elbo(pred, target, **parts)[0])
    (gradient,) = torch.autograd.grad(nll, pred)
    assert bool((gradient[parts["mask"] == 0] == 0).all())
    assert bool(torch.isfinite(gradient).all())


def test_a_learned_sigma_has_its_optimum_at_the_error():
    (pred, target), parts = images(), batch()
    seen = parts["mask"] > 0
    errors = torch.stack([(pred - target)[i][seen[i]].square().mean() for i in range(3)])
    parts["log_sigma"] = (0.5 * errors.mean().log()).requires_grad_()
    nll, _ = observed_elbo(pred, target, **parts)
    (gradient,) = torch.autograd.grad(nll, parts["log_sigma"])
    torch.testing.assert_close(gradient, torch.zeros_like(gradient), atol=1e-9, rtol=0)


def test_the_code_of_the_prior_costs_nothing_and_beta_scales_the_rest():
    (pred, target), parts = images(), batch()
    _, one = observed_elbo(pred, target, **parts)
    _, three = observed_elbo(pred, target, **parts, kl_weight=3.0)
    torch.testing.assert_close(three, 3 * one)
    parts["mean"], parts["log_variance"] = torch.zeros(3, 4).double(), torch.zeros(3, 4).double()
    assert float(observed_elbo(pred, target, **parts)[1]) == 0


def test_the_module_is_the_sum():
    (pred, target), parts = images(), batch()
    nll, kl = observed_elbo(pred, target, **parts, kl_weight=0.5)
    loss = ObservedELBOLoss(0.5)
    output = (pred, parts["mean"], parts["log_variance"], parts["log_sigma"])
    torch.testing.assert_close(loss(output, (target, parts["mask"])), nll + kl)
    torch.testing.assert_close(loss.components, {"likelihood": nll, "divergence": kl})


def test_an_image_without_an_observed_entry_is_refused():
    (pred, target), parts = images(), batch()
    parts["mask"][1] = 0
    with pytest.raises(ValueError, match="mask must have at least one observed entry"):
        observed_elbo(pred, target, **parts)


def test_a_negative_weight_is_refused():
    with pytest.raises(ValueError, match=r"kl_weight=-1\.0"):
        ObservedELBOLoss(-1.0)


def test_several_draws_count_by_their_mean():
    y, mask, code = torch.rand(3, 1, 4, 5), (torch.rand(3, 1, 4, 5) < 0.6).float(), torch.zeros(3, 2)
    mask[:, :, 0] = 1
    pred = torch.rand(3, 4, 4, 5)
    shared = {"mask": mask, "mean": code, "log_variance": code, "log_sigma": -1.0}
    each = [float(observed_elbo(pred[:, k : k + 1], y, **shared)[0]) for k in range(4)]
    assert float(observed_elbo(pred, y, **shared)[0]) == pytest.approx(sum(each) / 4, rel=1e-5)


def test_channels_that_are_no_draws_are_refused():
    y, code = torch.ones(1, 2, 4), torch.zeros(1, 2)
    with pytest.raises(ValueError, match="pred has 3 channels: give 2 for each draw"):
        observed_elbo(torch.ones(1, 3, 4), y, mask=y, mean=code, log_variance=code, log_sigma=0.0)

import pytest
import torch
from torch.distributions import Normal

from mrrecon.losses import CRPSLoss, crps

ONE = torch.ones(1, 1, 1)


def test_it_is_the_score_of_its_definition():
    x, y = torch.randn(2, 5, 3, 4).double(), torch.randn(2, 1, 3, 4).double()
    mask = (torch.rand(2, 1, 3, 4) < 0.5).double()
    pairs = sum((x[:, [i]] - x[:, [j]]).abs() for i in range(5) for j in range(5))
    score = (x - y).abs().mean(1, keepdim=True) - (1 - 0.1 / 5) * pairs / (2 * 5 * 4)
    torch.testing.assert_close(crps(x, y, mask=mask, fairness=0.9), score[mask > 0].mean())


def test_many_draws_give_the_integral_of_a_normal_distribution():
    # CRPS of N(0, 1) at y: y (2 Phi(y) - 1) + 2 phi(y) - 1 / sqrt(pi), Gneiting and Raftery, eq. 21.
    draws = torch.randn(1, 20_000, 1, generator=torch.Generator().manual_seed(0)).double()
    y, normal = torch.tensor([[[0.7]]]).double(), Normal(0.0, 1.0)
    expected = 0.7 * (2 * normal.cdf(y) - 1) + 2 * normal.log_prob(y).exp() - torch.pi**-0.5
    torch.testing.assert_close(crps(draws, y, mask=torch.ones_like(y)), expected.squeeze(), atol=0.01, rtol=0)


def test_fair_it_is_least_for_draws_of_the_right_width():
    generator = torch.Generator().manual_seed(0)
    y = torch.randn(200_000, 1, 1, generator=generator)
    noise = torch.randn(200_000, 2, 1, generator=generator)
    scores = [float(crps(width * noise, y, mask=torch.ones_like(y))) for width in (0.7, 1.0, 1.4)]
    assert scores[1] == min(scores)


def test_what_is_not_asked_for_has_no_influence():
    x, y = torch.randn(2, 2, 6, requires_grad=True), torch.randn(2, 1, 6)
    mask = (torch.arange(6) < 4).float().expand(2, 1, 6)
    value = crps(x, torch.where(mask > 0, y, torch.nan), mask=mask)
    (gradient,) = torch.autograd.grad(value, x)
    assert bool((gradient[..., 4:] == 0).all())
    assert bool(gradient.isfinite().all())
    torch.testing.assert_close(value, crps(x[..., :4], y[..., :4], mask=mask[..., :4]))


def test_two_draws_are_scored_as_many_are():
    x, y = torch.randn(2, 2, 6), torch.randn(2, 1, 6)
    pairs = 2 * (x[:, :1] - x[:, 1:]).abs()
    expected = ((x - y).abs().mean(1, keepdim=True) - pairs / 4).mean()
    torch.testing.assert_close(crps(x, y, mask=torch.ones_like(y)), expected)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"draws": ONE}, "draws must be at least 2"),
        ({"mask": 0 * ONE}, "mask must have"),
        ({"fairness": 1.5}, "fairness=1.5"),
    ],
)
def test_it_refuses_what_has_no_score(change, words):
    arguments = {"draws": torch.ones(1, 2, 1), "target": ONE, "mask": ONE, **change}
    with pytest.raises(ValueError, match=words):
        crps(arguments.pop("draws"), arguments.pop("target"), **arguments)


def test_the_module_tells_the_squared_error_of_the_mean():
    loss, y = CRPSLoss(), torch.zeros(1, 1, 4)
    loss(torch.tensor([[[1.0] * 4, [3.0] * 4]]), (y, torch.ones_like(y)))
    assert float(loss.components["squared_error"]) == 4
    with pytest.raises(ValueError, match="fairness=-1"):
        CRPSLoss(-1)

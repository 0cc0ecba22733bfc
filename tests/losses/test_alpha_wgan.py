"""Objectives of an α-WGAN and the gradient penalty, against formulas."""

import math

import pytest
import torch

from mrrecon.losses import autoencoder_objective, critic_objective, gradient_penalty


def test_autoencoder_objective_is_the_published_sum():
    scores = {
        "code_scores": torch.tensor([[1.0], [3.0]]),
        "reconstruction_scores": torch.tensor([[0.5], [0.5]]),
        "sample_scores": torch.tensor([[-1.0], [0.0]]),
    }
    loss = autoencoder_objective(torch.tensor(0.2), **scores, lambda_l1=7.0)
    assert float(loss) == pytest.approx(7 * 0.2 - 2 - 0.5 + 0.5)


def test_critic_objective_counts_what_is_real_once_a_kind_of_fake():
    real, fakes = torch.tensor([[4.0], [2.0]]), [torch.tensor([[1.0], [0.0]]), torch.tensor([[5.0], [6.0]])]
    assert float(critic_objective(real, fakes)) == pytest.approx(-2 * 3 + 0.5 + 5.5)
    assert float(critic_objective(real, fakes[:1])) == pytest.approx(-3 + 0.5)


def test_objectives_refuse_a_negative_weight_and_no_fakes():
    one = torch.ones(1, 1)
    scores = {"code_scores": one, "reconstruction_scores": one, "sample_scores": one}
    with pytest.raises(ValueError, match="lambda_l1=-1"):
        autoencoder_objective(torch.tensor(0.0), **scores, lambda_l1=-1.0)
    with pytest.raises(ValueError, match="fake_scores"):
        critic_objective(one, [])


def test_the_penalty_of_a_linear_critic_is_that_of_its_weights(generator):
    w = torch.tensor([3.0, -4.0, 12.0])  # of length 13
    real, fake = torch.randn(2, 5, 3, generator=generator)
    penalty = gradient_penalty(lambda x: x @ w, real, fake=fake, generator=generator)
    assert float(penalty) == pytest.approx((13 - 1) ** 2)


def test_the_penalty_is_taken_at_points_spread_evenly_between_both_batches(generator):
    # D(x) = x²/2 has the slope x = u: the mean of (u - 1)² over U(0, 1) is 1/3.
    real, fake = torch.ones(20_000, 1), torch.zeros(20_000, 1)
    penalty = gradient_penalty(lambda x: x.square() / 2, real, fake=fake, generator=generator)
    assert float(penalty.detach()) == pytest.approx(1 / 3, abs=0.01)


def test_each_image_has_one_random_place_on_its_own_line(generator):
    seen = []
    real, fake = torch.zeros(3, 1, 2, 2, 2), torch.ones(3, 1, 2, 2, 2)
    gradient_penalty(
        lambda x: (seen.append(x.detach()), x.sum((1, 2, 3, 4)))[1], real, fake=fake, generator=generator
    )
    places = seen[0].flatten(1)
    assert torch.equal(places.min(1).values, places.max(1).values)
    assert len(places[:, 0].unique()) == 3


def test_the_penalty_has_the_derivative_of_its_formula(generator):
    w = torch.tensor([0.6, 0.8], dtype=torch.float64).mul(3).requires_grad_()  # of length 3
    real, fake = torch.randn(2, 4, 2, generator=generator, dtype=torch.float64)
    gradient_penalty(lambda x: x @ w, real, fake=fake, generator=generator).backward()
    torch.testing.assert_close(w.grad, 2 * (3 - 1) * w.detach() / 3)


def test_a_flat_critic_has_penalty_1_and_a_finite_derivative():
    w = torch.zeros(2, requires_grad=True)
    penalty = gradient_penalty(lambda x: x @ w, torch.ones(3, 2), fake=torch.zeros(3, 2))
    penalty.backward()
    assert float(penalty.detach()) == pytest.approx(1.0, abs=1e-6)
    assert math.isfinite(float(w.grad.abs().sum()))


def test_batches_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="must be equal"):
        gradient_penalty(lambda x: x.sum(1), torch.zeros(2, 3), fake=torch.zeros(3, 3))

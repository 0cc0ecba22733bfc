"""The adaptive loss: its value, its groups, and that it learns."""

import math

import numpy as np
import pytest
import scipy.fft
import torch
from torch import Tensor

from mrrecon.losses import AdaptiveLoss, idct3d, log_partition

SHAPE = (2, 1, 3, 5, 4)
LOG_Z_2 = 0.5 * math.log(2 * math.pi)


def small(granularity: str, **options: float) -> AdaptiveLoss:
    shape = SHAPE[2:] if granularity == "coefficient" else None
    return AdaptiveLoss(shape, granularity=granularity, n_bands=3, **options)  # type: ignore[arg-type]


def fitted(loss: AdaptiveLoss, error: Tensor, *, steps: int = 150) -> AdaptiveLoss:
    optimiser = torch.optim.Adam(loss.parameters(), lr=0.1, eps=1e-15)
    for _ in range(steps):
        optimiser.zero_grad()
        loss(error, torch.zeros_like(error)).backward()
        optimiser.step()
    return loss


GRANULARITIES = ["band", "coefficient", "shared"]


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_equality_costs_the_normaliser_only(granularity: str) -> None:
    x = torch.rand(SHAPE, requires_grad=True)
    loss = small(granularity, scale_init=0.1)(x, x.detach().clone())
    log_z = log_partition(torch.tensor(1.0)).item()
    assert loss.item() == pytest.approx(log_z + math.log(0.1), abs=1e-5)
    assert torch.equal(torch.autograd.grad(loss, x)[0], torch.zeros(SHAPE))


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_equals_the_formula_at_alpha_1(granularity: str) -> None:
    pred, target = torch.rand(2, *SHAPE, dtype=torch.float64)
    coefficients = torch.from_numpy(scipy.fft.dctn((pred - target).numpy(), axes=(-3, -2, -1), norm="ortho"))
    expected = ((coefficients / 0.2).square() + 1).sqrt().mean() - 1 + math.log(0.2) + 1.1854952
    loss = small(granularity, scale_init=0.2).double()(pred, target)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_squares_in_the_frequency_domain_are_squares_in_space(granularity: str) -> None:
    pred, target = torch.rand(2, *SHAPE)
    loss = small(granularity, alpha_init=2.0, alpha_high=2.1, scale_init=0.3)(pred, target)
    expected = 0.5 * (pred - target).square().mean() / 0.09 + math.log(0.3) + LOG_Z_2
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_gradient_is_that_of_the_loss(granularity: str) -> None:
    loss = small(granularity, scale_init=0.5).double()
    pred, target = torch.randn(2, *SHAPE, dtype=torch.float64)
    latents = tuple(latent.requires_grad_() for latent in loss.parameters())

    def call(pred: Tensor, alpha: Tensor, scale: Tensor) -> Tensor:
        parameters = {"latent_alpha": alpha, "latent_scale": scale}
        return torch.func.functional_call(loss, parameters, (pred, target))

    assert torch.autograd.gradcheck(call, (pred.requires_grad_(), *latents), atol=1e-6)


@pytest.mark.parametrize(
    ("granularity", "groups"), [("band", (3,)), ("coefficient", SHAPE[2:]), ("shared", (1,))]
)
def test_one_alpha_and_scale_a_group(granularity: str, groups: tuple[int, ...]) -> None:
    loss = small(granularity, alpha_init=0.7, scale_init=0.2)
    assert {name: tuple(p.shape) for name, p in loss.named_parameters()} == {
        "latent_alpha": groups,
        "latent_scale": groups,
    }
    torch.testing.assert_close(loss.alpha, torch.full(groups, 0.7))
    torch.testing.assert_close(loss.scale, torch.full(groups, 0.2))


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_optimiser_step_moves_alpha_and_scale(granularity: str) -> None:
    loss = small(granularity)
    before = [parameter.detach().clone() for parameter in loss.parameters()]
    fitted(loss, torch.randn(SHAPE), steps=1)
    for old, new in zip(before, loss.parameters(), strict=True):
        assert (old != new).all()


def test_alpha_and_scale_stay_within_their_bounds() -> None:
    loss = AdaptiveLoss(granularity="shared", scale_low=1e-3)
    for latent, alpha in ((-1e3, 0.001), (1e3, 1.999)):
        torch.nn.init.constant_(loss.latent_alpha, latent)
        assert loss.alpha.item() == pytest.approx(alpha)
    torch.nn.init.constant_(loss.latent_scale, -1e3)
    assert loss.scale.item() == pytest.approx(1e-3)


def test_normal_errors_are_found_to_be_normal() -> None:
    loss = fitted(AdaptiveLoss(granularity="shared"), 0.1 * torch.randn(1, 1, 16, 16, 16))
    assert loss.alpha.item() > 1.8
    assert loss.scale.item() == pytest.approx(0.1, rel=0.15)


def test_cauchy_errors_are_found_to_be_cauchy() -> None:
    # The density at alpha = 0 is Cauchy's of width c sqrt(2).
    uniform = torch.rand(1, 1, 16, 16, 16).clamp(1e-4, 1 - 1e-4)
    coefficients = 0.05 * math.sqrt(2) * torch.tan(math.pi * (uniform - 0.5))
    loss = fitted(AdaptiveLoss(granularity="shared"), idct3d(coefficients))
    assert loss.alpha.item() < 0.1
    assert loss.scale.item() == pytest.approx(0.05, rel=0.1)


def test_bands_learn_their_own_scales() -> None:
    # Two bands on a cube of 16: the radius sqrt((kd^2 + kh^2 + kw^2) / 3) / 16 is below 1/2 or not.
    k = torch.arange(16.0)
    radius = ((k[:, None, None] ** 2 + k[:, None] ** 2 + k**2) / 3).sqrt() / 16
    coefficients = torch.where(radius < 0.5, 0.5, 0.02) * torch.randn(1, 1, 16, 16, 16)
    loss = fitted(AdaptiveLoss(n_bands=2, alpha_low=1.98, alpha_init=1.99), idct3d(coefficients))
    assert loss.scale.tolist() == pytest.approx([0.5, 0.02], rel=0.1)


def test_coefficients_learn_their_own_scales() -> None:
    scales = torch.rand(3, 2, 4) + 0.05
    loss = AdaptiveLoss((3, 2, 4), granularity="coefficient", alpha_low=1.98, alpha_init=1.99)
    fitted(loss, idct3d(scales * torch.randn(500, 1, 3, 2, 4)))
    torch.testing.assert_close(loss.scale, scales, rtol=0.2, atol=0.0)


def test_fit_reaches_the_entropy_of_the_errors_below_zero() -> None:
    error = 0.1 * torch.randn(1, 1, 16, 16, 16)
    loss = fitted(AdaptiveLoss(granularity="shared"), error)(error, torch.zeros_like(error)).item()
    assert loss == pytest.approx(0.5 * math.log(2 * math.pi * math.e * 0.01), abs=0.02)
    assert loss < 0


@pytest.mark.parametrize("granularity", ["band", "shared"])
def test_any_size_of_image_will_do(granularity: str) -> None:
    loss = small(granularity)
    for shape in ((1, 1, 1, 1, 1), (2, 3, 5, 4, 7), (1, 1, 40, 44, 48)):
        assert loss(torch.rand(shape), torch.rand(shape)).isfinite()


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_work_in_chunks_changes_nothing(granularity: str) -> None:
    # 20 x 64 x 64 is more than one chunk, and its last chunk is not full.
    shape = (1, 1, 21, 64, 64)
    loss = AdaptiveLoss(shape[2:], granularity=granularity)  # type: ignore[arg-type]
    error = torch.randn(shape)
    coefficients = scipy.fft.dctn(error.double().numpy(), norm="ortho", axes=(-3, -2, -1))
    expected = ((torch.from_numpy(coefficients).square() + 1).sqrt() - 1).mean() + 1.1854952
    assert loss(error, torch.zeros(shape)).item() == pytest.approx(expected.item(), rel=1e-5)


def test_each_coefficient_meets_the_scale_of_its_band_in_every_chunk() -> None:
    shape = (21, 64, 64)
    k = np.meshgrid(*(np.arange(n) / n for n in shape), indexing="ij")
    band = np.floor(3 * np.sqrt(sum(axis**2 for axis in k) / 3)).astype(int)
    loss = AdaptiveLoss(n_bands=3)
    torch.nn.init.normal_(loss.latent_scale)
    scale = loss.scale.detach().double().numpy()[band]
    error = torch.randn(1, 1, *shape)
    z = scipy.fft.dctn(error[0, 0].double().numpy(), norm="ortho") / scale
    expected = (np.sqrt(z**2 + 1) - 1 + np.log(scale)).mean() + 1.1854952
    assert loss(error, torch.zeros_like(error)).item() == pytest.approx(expected, rel=1e-4)


def test_bfloat16_reconstruction_is_measured_in_single_precision() -> None:
    pred, target = torch.rand(SHAPE).bfloat16(), torch.rand(SHAPE)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = small("band")(pred, target)
    assert loss.dtype == torch.float32
    assert loss.item() == small("band")(pred.float(), target).item()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_non_finite_image_stops_the_training(value: float) -> None:
    with pytest.raises(FloatingPointError, match="must be finite"):
        small("band")(torch.full(SHAPE, value), torch.zeros(SHAPE))


def test_intensities_of_a_billion_are_finite() -> None:
    x = (1e9 * torch.rand(SHAPE)).requires_grad_()
    loss = small("band", scale_init=1.1e-5)(x, torch.zeros(SHAPE))
    assert torch.autograd.grad(loss, x)[0].isfinite().all()


def test_resumed_loss_is_the_same() -> None:
    error = torch.randn(SHAPE)
    first = fitted(small("band"), error, steps=3)
    second = small("band")
    second.load_state_dict(first.state_dict())
    assert torch.equal(second(error, torch.zeros(SHAPE)), first(error, torch.zeros(SHAPE)))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"granularity": "coefficient"}, "spatial_shape"),
        ({"spatial_shape": (4, 0, 4)}, "spatial_shape"),
        ({"n_bands": 0}, "n_bands"),
        ({"alpha_low": -0.1}, "alpha_low"),
        ({"alpha_high": 4.0}, "alpha_high"),
        ({"alpha_init": 1.9995}, "alpha_init"),
        ({"scale_low": 0.0}, "scale_low"),
        ({"scale_init": 1e-6}, "scale_init"),
    ],
)
def test_argument_out_of_range_is_refused(arguments: dict[str, object], word: str) -> None:
    with pytest.raises(ValueError, match=f"{word}="):
        AdaptiveLoss(**arguments)  # type: ignore[arg-type]


def test_another_shape_than_promised_is_refused() -> None:
    with pytest.raises(ValueError, match="spatial shape"):
        small("coefficient")(torch.zeros(1, 1, 3, 5, 5), torch.zeros(1, 1, 3, 5, 5))

"""The difference of prediction and target."""

import jaxtyping
import pytest
import torch
from monai.data import MetaTensor

from mrrecon.losses import residual


def test_metadata_is_left_behind_and_the_gradient_kept() -> None:
    pred = torch.ones(1, 1, 2, 2, 2, requires_grad=True)
    difference = residual(MetaTensor(pred), MetaTensor(torch.zeros(1, 1, 2, 2, 2)))
    difference.sum().backward()
    assert type(difference) is torch.Tensor
    assert torch.equal(pred.grad, torch.ones(1, 1, 2, 2, 2))


def test_half_precision_is_widened_before_the_subtraction() -> None:
    pred = torch.full((1, 1, 1, 1, 1), 100.0, dtype=torch.bfloat16)
    target = torch.full((1, 1, 1, 1, 1), 0.25, dtype=torch.bfloat16)
    assert residual(pred, target).item() == 99.75  # bfloat16 rounds it to 99.5 or 100


def test_double_precision_stays() -> None:
    x = torch.zeros(1, 1, 1, 1, 1, dtype=torch.float64)
    assert residual(x.float(), x).dtype == torch.float64


def test_unequal_shapes_are_refused() -> None:
    # With run-time checking of shapes the annotation speaks before the function does.
    with pytest.raises((ValueError, jaxtyping.TypeCheckError), match="target"):
        residual(torch.zeros(1, 1, 2, 2, 2), torch.zeros(1, 1, 2, 2, 1))

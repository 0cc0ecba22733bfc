"""The ramp filter as a preconditioner."""

import math
from typing import Any

import pytest
import torch

from mrrecon.operators import FanBeam, Identity, Radon
from mrrecon.simulate import shepp_logan
from mrrecon.solvers import conjugate_gradient, ramp_preconditioner

VIEWS = torch.arange(90) * math.pi / 90
FAN: dict[str, Any] = {"source_distance": 100, "detector_distance": 50, "n_detectors": 150}


@pytest.mark.parametrize(
    "A", [Radon((48, 48), VIEWS), FanBeam((48, 48), 2 * VIEWS, **FAN)], ids=["parallel", "fan"]
)
@pytest.mark.parametrize("weight", [0.0, 20.0])
def test_conjugate_gradients_need_fewer_iterations(A: Radon | FanBeam, weight: float) -> None:
    y = A(shepp_logan((48, 48), samples=4))
    plain = conjugate_gradient(A, y, weight=weight, tolerance=1e-3)[1]
    better = conjugate_gradient(
        A, y, weight=weight, tolerance=1e-3, preconditioner=ramp_preconditioner(A, weight=weight)
    )[1]
    assert plain.converged
    assert better.converged
    assert better.iterations <= 0.7 * plain.iterations


@pytest.mark.parametrize("weight", [0.0, 5.0])
def test_has_the_scale_of_the_inverse(weight: float) -> None:
    A = Radon((64, 64), VIEWS)
    x = torch.zeros(64, 64)
    x[20:44, 24:40] = 1
    x = torch.nn.functional.avg_pool2d(x[None], 9, 1, 4)[0]
    back = ramp_preconditioner(A, weight=weight)(A.gram(x) + weight * x)
    # What back-projection leaves beyond the border is lost, and with it the faithfulness of low frequencies.
    assert ((back * x).sum() / x.square().sum()).item() == pytest.approx(1.0, abs=0.1)


def test_is_symmetric_and_positive() -> None:
    apply = ramp_preconditioner(Radon((5, 6), VIEWS, spacing=(1.0, 0.7)))
    matrix = apply(torch.eye(30, dtype=torch.float64).reshape(30, 5, 6)).reshape(30, 30)
    torch.testing.assert_close(matrix, matrix.T)
    assert torch.linalg.eigvalsh(matrix).min() > 0


def test_other_operator_is_refused() -> None:
    with pytest.raises(TypeError, match="A must be Radon or FanBeam"):
        ramp_preconditioner(Identity())


def test_negative_weight_is_refused() -> None:
    with pytest.raises(ValueError, match=r"weight=-1\.0 must be"):
        ramp_preconditioner(Radon((4, 4), VIEWS), weight=-1.0)

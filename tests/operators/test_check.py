"""Operators that break a law are caught, with the law and the figure."""

import re

import pytest
import torch
from torch import Tensor

from mrrecon.operators import FiniteDifference, Fourier, Identity, LinearOperator, check_operator
from mrrecon.operators.linear_operator import Adjoint


class Affine(Identity):
    def forward(self, x: Tensor) -> Tensor:
        return x + 1


class WrongAdjoint(FiniteDifference):
    def _minus_divergence(self, y: Tensor) -> Tensor:
        return -super()._minus_divergence(y)


class SlightlyWrongAdjoint(Identity):
    def adjoint(self, y: Tensor) -> Tensor:
        return y * (1 + 1e-9)


class Unconjugated(LinearOperator):
    def forward(self, x: Tensor) -> Tensor:
        return 1j * x

    def adjoint(self, y: Tensor) -> Tensor:
        return 1j * y


class Conjugating(Identity):
    def forward(self, x: Tensor) -> Tensor:
        return x.conj()


class CutOff(Identity):
    def forward(self, x: Tensor) -> Tensor:
        return x.detach()


class WrongGradient(Identity):
    def adjoint(self, y: Tensor) -> Tensor:
        # As straight-through estimators do: the value is right, the gradient is not.
        return y + (y - y.detach())


class WrongGram(FiniteDifference):
    def gram(self, x: Tensor) -> Tensor:
        return 2 * super().gram(x)


class NotUnitary(FiniteDifference):
    unitary = True


class LowBound(FiniteDifference):
    norm_bound = 2.5


class OneImageOnly(Identity):
    def forward(self, x: Tensor) -> Tensor:
        return x - x.flatten()[:1] * (x.dim() > 2)


class DropsTheBatch(Identity):
    def forward(self, x: Tensor) -> Tensor:
        return x[0] if x.dim() > 2 else x


class Single(Identity):
    def forward(self, x: Tensor) -> Tensor:
        return x.float() if not x.is_complex() else x.to(torch.complex64)


class OtherShape(Identity):
    def adjoint(self, y: Tensor) -> Tensor:
        return y.flatten()


class InPlace(Identity):
    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            return x.mul_(2).clone()


class Impure(LinearOperator):
    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rand(())

    def adjoint(self, y: Tensor) -> Tensor:
        return y * torch.rand(())


class MemoryOrder(Identity):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.is_contiguous() else 0 * x


class ForgetsLazyConjugation(Identity):
    def forward(self, x: Tensor) -> Tensor:
        return x.conj() if x.is_conj() else x


class NotANumber(LinearOperator):
    def forward(self, x: Tensor) -> Tensor:
        return x * float("nan")

    def adjoint(self, y: Tensor) -> Tensor:
        return y * float("nan")


class NewAdjoint(Identity):
    @property
    def H(self) -> LinearOperator:  # noqa: N802
        return Adjoint(Affine())


@pytest.mark.parametrize(
    ("A", "law"),
    [
        (Affine(), r"A(α u + β v) = α A u + β A v is off by"),
        (WrongAdjoint(), "<A u, w> = <u, A^H w> is off by"),
        (SlightlyWrongAdjoint(), "<A u, w> = <u, A^H w> is off by"),
        (Unconjugated(), "<A u, w> = <u, A^H w> is off by"),
        (Conjugating(), "A(α u + β v)"),
        (CutOff(), "the backward pass of A, which is A^H, must not be cut off"),
        (WrongGradient(), "the backward pass of A^H, which is A, is off by"),
        (WrongGram(), "gram = A^H A is off by 1, more than 1e-11"),
        (NotUnitary(), "A^H A u = u, as unitary, is off by"),
        (LowBound(), "norm_bound=2.5, with the norm at least 2."),
        (OneImageOnly(), "A of two at once is off by"),
        (DropsTheBatch(), "A of two at once must have the shape"),
        (Single(), "A u must keep the precision"),
        (OtherShape(), "A^H w must have the shape (4, 6), got (24,)"),
        (InPlace(), "the argument of A u after the call is off by 1"),
        (Impure(), "A u computed again is off by"),
        (MemoryOrder(), "A u of a strided view is off by 1"),
        (ForgetsLazyConjugation(), "A u of a lazily conjugated view is off by"),
        (NotANumber(), "is off by nan"),
        (NewAdjoint(), "A.H.H must be A"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_broken_law_is_named(A: LinearOperator, law: str) -> None:
    with pytest.raises(ValueError, match=f"breaks a law: .*{re.escape(law)}"):
        check_operator(A, torch.zeros(4, 6, dtype=torch.complex128))


def test_tolerance_is_the_callers() -> None:
    check_operator(SlightlyWrongAdjoint(), torch.zeros(5, dtype=torch.float64), tolerance=1e-8)
    with pytest.raises(ValueError, match=r"breaks a law: .*, more than 1e-10"):
        check_operator(SlightlyWrongAdjoint(), torch.zeros(5, dtype=torch.float64), tolerance=1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64, torch.bfloat16])
def test_sound_operator_passes_in_every_precision(dtype: torch.dtype) -> None:
    check_operator(FiniteDifference(2), torch.zeros(5, 6, dtype=dtype))


def test_operator_from_real_images_to_complex_measurements_passes() -> None:
    check_operator(Fourier(2), torch.zeros(5, 6))


def test_every_seed_tells_a_sound_operator() -> None:
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        check_operator(FiniteDifference(2), torch.zeros(8, 8), generator=generator)


def test_image_without_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match=r"x must have at least one number, got the shape \(0, 4\)"):
        check_operator(Identity(), torch.zeros(0, 4))

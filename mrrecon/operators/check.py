"""The laws that a linear operator keeps, tried out on random numbers."""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Inexact
from torch import Tensor

from mrrecon.operators.linear_operator import LinearOperator

__all__ = ["check_operator"]

_TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}


def check_operator(
    A: LinearOperator,
    x: Inexact[Tensor, "*image"],
    *,
    generator: torch.Generator | None = None,
    tolerance: int | float | None = None,
) -> None:
    r"""Raises where an operator breaks a law, for random images u, v and random measurements w.

    * arguments are left as they are, and their layout in memory does not matter;
    * precision and device are those of the argument;
    * linear: $A(\alpha u + \beta v) = \alpha A u + \beta A v$;
    * adjoint: $\langle A u, w \rangle = \langle u, A^H w \rangle$, and ``A.H.H is A``;
    * gradient: the backward pass of A is $A^H$, that of $A^H$ is A;
    * ``gram``: $A^H A u$;
    * ``unitary``, where claimed: $A^H A u = u$ and $A A^H w = w$;
    * ``norm_bound``, where given, is not below the norm that ten steps of power iteration reach;
    * batch: two images at once give what they give one by one.

    Args:
        A: operator.
        x: an image that it takes. Its shape, type and device matter, its values do not.
        generator: source of the random numbers, on the CPU. None: one seeded with 0.
        tolerance: of inner products, as a fraction of |A u| |w|; of arrays and norms ten times as much, as a
            fraction of the norm. None: 1e-6 in single precision, 1e-12 in double, eight rounding errors else.

    Raises:
        ValueError: a law is broken; the sentence names the law and the figure. Or ``x`` has no numbers.

    Example:
        >>> from mrrecon.operators import FiniteDifference
        >>> check_operator(FiniteDifference(2), torch.zeros(4, 6))
    """
    if not x.numel():
        raise ValueError(f"x must have at least one number, got the shape {tuple(x.shape)}")
    generator = torch.Generator().manual_seed(0) if generator is None else generator
    real = x.real.dtype
    given = _TOLERANCE.get(real, 8 * torch.finfo(real).eps) if tolerance is None else tolerance
    trial = _Trial(A, x.detach(), generator, given)
    _check_types(trial)
    for law in (_purity, _linearity, _adjoint, _gradient, _gram, _unitarity, _norm, _batch):
        for claim, figure, limit in law(trial):
            # Written so that what is not a number fails too.
            if not figure <= limit:
                raise ValueError(f"{A} breaks a law: {claim} is off by {figure:.2g}, more than {limit:.2g}")


_Claims = Iterator[tuple[str, float, float]]


class _Trial:
    """An operator with two random images and a random measurement."""

    def __init__(self, A: LinearOperator, x: Tensor, generator: torch.Generator, tolerance: float) -> None:
        self.A = A
        self.generator = generator
        self.inner = tolerance
        self.arrays = 10 * tolerance
        self.u, self.v = self.draw(x), self.draw(x)
        with torch.no_grad():
            self.Au: Tensor = A(self.u)
            self.w = self.draw(self.Au)
            self.back = A.adjoint(self.w)

    def draw(self, like: Tensor) -> Tensor:
        dtype = torch.complex128 if like.is_complex() else torch.float64
        return torch.randn(like.shape, generator=self.generator, dtype=dtype).to(like)


def _check_types(trial: _Trial) -> None:
    u, Au, back = trial.u, trial.Au, trial.back
    for name, result, argument in (("A u", Au, u), ("A^H w", back, trial.w)):
        _demand(
            result.real.dtype == argument.real.dtype,
            trial,
            f"{name} must keep the precision, {argument.dtype} became {result.dtype}",
        )
        _demand(
            result.device == argument.device,
            trial,
            f"{name} must stay on {argument.device}, got {result.device}",
        )
    _demand(
        back.shape == u.shape, trial, f"A^H w must have the shape {tuple(u.shape)}, got {tuple(back.shape)}"
    )
    _demand(
        back.is_complex() or not u.is_complex(), trial, "A^H w must be complex where u is, and it is real"
    )
    # B.H makes an adjoint anew each time: of A = B.H, it is A.H.H.H that is A.H.
    _demand(trial.A.H.H is trial.A or trial.A.H.H.H is trial.A.H, trial, "A.H.H must be A")
    other = torch.float64 if u.real.dtype == torch.float32 else torch.float32
    u = u.to(other.to_complex() if u.is_complex() else other)
    with torch.no_grad():
        result = trial.A(u)
    _demand(
        result.real.dtype == other, trial, f"A u must keep the precision, {u.dtype} became {result.dtype}"
    )


def _purity(trial: _Trial) -> _Claims:
    with torch.no_grad():
        for name, function, argument, result in (
            ("A u", trial.A, trial.u, trial.Au),
            ("A^H w", trial.A.adjoint, trial.w, trial.back),
        ):
            kept = argument.clone()
            again = function(argument)
            yield f"the argument of {name} after the call", _distance(argument, kept), 0.0
            yield f"{name} computed again", _distance(again, result), trial.arrays
            strided = torch.stack([argument, argument], -1)[..., 0]
            yield f"{name} of a strided view", _distance(function(strided), result), trial.arrays
            if argument.is_complex():
                lazy = argument.conj().resolve_conj().conj()
                yield f"{name} of a lazily conjugated view", _distance(function(lazy), result), trial.arrays


def _linearity(trial: _Trial) -> _Claims:
    for name, function, a, b in (
        ("A", trial.A, trial.u, trial.v),
        ("A^H", trial.A.adjoint, trial.w, trial.draw(trial.w)),
    ):
        alpha, beta = (0.6 + 0.8j, -1.5 + 0.5j) if a.is_complex() else (0.6, -1.5)
        # On a real image, a complex adjoint is a map of real vector spaces; so are the numbers.
        if not trial.u.is_complex():
            alpha, beta = alpha.real, beta.real
        with torch.no_grad():
            left = function(alpha * a + beta * b)
            right = alpha * function(a) + beta * function(b)
        yield f"{name}(α u + β v) = α {name} u + β {name} v", _distance(left, right), trial.arrays


def _adjoint(trial: _Trial) -> _Claims:
    left, right = _product(trial.Au, trial.w), _product(trial.u, trial.back)
    if not trial.back.is_complex():
        left = left.real
    scale = _norm_of(trial.Au) * _norm_of(trial.w)
    yield "<A u, w> = <u, A^H w>", abs(left - right) / scale if scale else abs(left - right), trial.inner


def _gradient(trial: _Trial) -> _Claims:
    for name, function, argument, gradient, expected in (
        ("the backward pass of A, which is A^H,", trial.A, trial.u, trial.w, trial.back),
        ("the backward pass of A^H, which is A,", trial.A.adjoint, trial.w, trial.u, trial.Au),
    ):
        variable = argument.clone().requires_grad_()
        with torch.enable_grad():
            result = function(variable)
        _demand(result.requires_grad, trial, f"{name} must not be cut off")
        (found,) = torch.autograd.grad(result, variable, gradient.to(result.dtype))
        yield name, _distance(found, expected if found.is_complex() else expected.real), trial.arrays


def _gram(trial: _Trial) -> _Claims:
    with torch.no_grad():
        yield "gram = A^H A", _distance(trial.A.gram(trial.u), trial.A.adjoint(trial.Au)), trial.arrays


def _unitarity(trial: _Trial) -> _Claims:
    if not trial.A.unitary:
        return
    with torch.no_grad():
        yield "A^H A u = u, as unitary,", _distance(trial.A.adjoint(trial.Au), trial.u), trial.arrays
        yield "A A^H w = w, as unitary,", _distance(trial.A(trial.back), trial.w), trial.arrays


def _norm(trial: _Trial) -> _Claims:
    bound = trial.A.norm_bound
    if bound is None:
        return
    with torch.no_grad():
        z = trial.u
        norm = 0.0
        for _ in range(10):
            size = _norm_of(z)
            if not 0 < size < math.inf:
                break
            y = trial.A(z / size)
            norm = max(norm, _norm_of(y))
            z = trial.A.adjoint(y).to(trial.u.dtype) if trial.u.is_complex() else trial.A.adjoint(y).real
    yield (
        f"norm_bound={bound:g}, with the norm at least {norm:g},",
        max(0.0, norm - bound),
        trial.arrays * bound,
    )


def _batch(trial: _Trial) -> _Claims:
    for name, function, a in (("A", trial.A, trial.u), ("A^H", trial.A.adjoint, trial.w)):
        b = trial.draw(a)
        with torch.no_grad():
            together = function(torch.stack([a, b]))
            apart = torch.stack([function(a), function(b)])
        _demand(
            together.shape == apart.shape,
            trial,
            f"{name} of two at once must have the shape {tuple(apart.shape)}, got {tuple(together.shape)}",
        )
        yield f"{name} of two at once", _distance(together, apart), trial.arrays


def _demand(holds: bool, trial: _Trial, sentence: str) -> None:
    if not holds:
        raise ValueError(f"{trial.A} breaks a law: {sentence}")


def _distance(found: Tensor, expected: Tensor) -> float:
    """Norm of the difference, as a fraction of the norm of what is expected if that is not 0."""
    size = _norm_of(expected)
    return _norm_of(found - expected) / (size or 1.0)


def _norm_of(x: Tensor) -> float:
    return math.sqrt(_product(x, x).real)


def _product(a: Tensor, b: Tensor) -> complex:
    """Inner product in double precision, conjugated in the first argument."""
    a, b = (part.detach().to(torch.complex128).flatten() for part in (a, b))
    return complex(torch.vdot(a, b).item())

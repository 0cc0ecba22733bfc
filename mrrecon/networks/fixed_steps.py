"""A solver that leaves Python: a fixed number of steps in plain torch, for TorchScript."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from mrrecon.networks.plain_wavelet import PlainWavelet

__all__ = ["FixedSteps"]


class FixedSteps(nn.Module):
    r"""Minimum of $\tfrac12 \|A x - y\|^2 + w R(x)$, approached by a fixed number of steps.

    What is measured and where comes in one tensor, which ``measurement`` takes apart. Images are real, with
    the real and the imaginary part of complex ones as two channels; a magnitude is taken over the channels.
    The weight of ``"tv"`` and ``"wavelet"`` counts in the brightest voxel of the first estimate, and all
    weights in the square of the norm of A: they mean the same for data in any units.

    * ``"start"``: the first estimate of the measurement (zero-filled, back-projected, as it is);
    * ``"least_squares"``: $R(x) = \tfrac12 \|x\|^2$ by conjugate gradients;
    * ``"smooth"``: $R(x) = \tfrac12 \|\nabla x\|^2$ by the same;
    * ``"tv"``: $R(x) = \sum_i |(\nabla x)_i|$, isotropic, by FISTA with restart, its inner
      problem by steps on the dual variable that go on where the last ones stopped;
    * ``"wavelet"``: $R(x) = \sum_i |(W x)_i|$, without the coarsest averages, by FISTA with restart.

    The derivative of an image is zero across its edge.

    Args:
        measurement: module with the scriptable methods ``split(image)``, which gives the measurement and a
            list of constants, ``start(y, constants)``, ``adjoint(y, constants)``, ``gram(x, constants)`` and
            ``bound(constants, x)``, a number that the norm of the gram does not exceed,
            and ``finish(x, y, constants)``, what becomes of the result at the end.
        method: one of the five.
        weight: w, positive, but 0 allowed for ``"least_squares"``.
        n_steps: how many steps.
        wavelet: name of the wavelet, as for ``PlainWavelet``.

    Raises:
        ValueError: an argument is out of its range.

    Reference:
        Beck, Teboulle, Fast gradient-based algorithms for constrained total variation image denoising and
        deblurring problems, IEEE Transactions on Image Processing 2009, DOI 10.1109/TIP.2009.2028250
        O'Donoghue, Candès, Adaptive restart for accelerated gradient schemes, Foundations of Computational
        Mathematics 2015, DOI 10.1007/s10208-013-9150-3
    """

    def __init__(
        self,
        measurement: nn.Module,
        *,
        method: str = "wavelet",
        weight: float = 0.005,
        n_steps: int = 200,
        wavelet: str = "db4",
    ) -> None:
        super().__init__()
        methods = ("start", "least_squares", "smooth", "tv", "wavelet")
        if method not in methods:
            raise ValueError(f"method={method!r} must be one of {', '.join(methods)}")
        if not 0 <= weight < math.inf or (weight == 0 and method in ("smooth", "tv", "wavelet")):
            raise ValueError(f"weight={weight} must be positive and finite")
        if n_steps < 1:
            raise ValueError(f"n_steps={n_steps} must be at least 1")
        self.measurement: Any = measurement  # a module whose methods are called
        self.method = method
        self.weight = float(weight)
        self.n_steps = n_steps
        self.n_inner_steps = 10
        self.transform = PlainWavelet(wavelet)

    def forward(self, image: Tensor) -> Tensor:
        """Image of a measurement, (batch, 1 or 2, *space)."""
        y, constants = self.measurement.split(image)
        start = self.measurement.start(y, constants)
        if self.method == "start":
            return start
        bound = self.measurement.bound(constants, start)
        scale = start.square().sum(1).sqrt().flatten(1).amax(1).clamp_min(1e-30)
        for _ in range(start.dim() - 1):
            scale = scale.unsqueeze(-1)
        # From here on the brightest voxel is about 1, and so is the norm of A.
        b = self.measurement.adjoint(y, constants) / (scale * bound)
        start = start / scale
        if self.method == "tv":
            x = self._total_variation(start, b, constants, bound)
        elif self.method == "wavelet":
            x = self._fista(start, b, constants, bound)
        else:
            x = self._conjugate_gradient(start, b, constants, bound)
        return self.measurement.finish(x * scale, y, constants)

    def _conjugate_gradient(self, start: Tensor, b: Tensor, constants: list[Tensor], bound: Tensor) -> Tensor:
        x = start
        r = b - self._regularised(x, constants, bound)
        p, rr = r, dot(r, r)
        for _ in range(self.n_steps):
            q = self._regularised(p, constants, bound)
            step = rr / dot(p, q).clamp_min(1e-30)
            x, r = x + step * p, r - step * q
            new = dot(r, r)
            p = r + new / rr.clamp_min(1e-30) * p
            rr = new
        return x

    def _regularised(self, x: Tensor, constants: list[Tensor], bound: Tensor) -> Tensor:
        penalty = minus_divergence(gradient(x)) if self.method == "smooth" else x
        return self.measurement.gram(x, constants) / bound + self.weight * penalty

    def _total_variation(self, start: Tensor, b: Tensor, constants: list[Tensor], bound: Tensor) -> Tensor:
        x, z = start, start
        u = torch.zeros_like(gradient(x))
        t = ones_for(x)
        for _ in range(self.n_steps):
            v = z - (self.measurement.gram(z, constants) / bound - b)
            u = self._dual(v, u)
            new = v - minus_divergence(u)
            z, t = momentum(z, new, x, t)
            x = new
        return x

    def _dual(self, v: Tensor, u: Tensor) -> Tensor:
        """Some steps towards the dual variable of denoising v, from where the last ones stopped."""
        step = 1 / (4 * (v.dim() - 2))
        ahead, t = u, 1.0
        for _ in range(self.n_inner_steps):
            new = ahead + step * gradient(v - minus_divergence(ahead))
            length = new.square().sum(0).sum(1, keepdim=True).sqrt()
            new = new / (length / self.weight).clamp_min(1.0)
            t_new = (1 + math.sqrt(1 + 4 * t * t)) / 2
            ahead = new + (t - 1) / t_new * (new - u)
            u, t = new, t_new
        return u

    def _fista(self, start: Tensor, b: Tensor, constants: list[Tensor], bound: Tensor) -> Tensor:
        space = list(start.shape[2:])
        c = self.transform.analyze(start)
        z, t = c, ones_for(b)
        for _ in range(self.n_steps):
            x = self.transform.synthesize(z, space)
            new = z - self.transform.analyze(self.measurement.gram(x, constants) / bound - b)
            new = self.transform.shrink(new, self.weight)
            z, t = momentum(z, new, c, t)
            c = new
        return self.transform.synthesize(c, space)


def ones_for(x: Tensor) -> Tensor:
    """A one for each problem of a batch, with as many axes as x."""
    return torch.ones([x.shape[0]] + [1] * (x.dim() - 1), dtype=x.dtype, device=x.device)


def momentum(z: Tensor, new: Tensor, old: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Where the next step begins, and its t; from the start for problems in which the last went uphill."""
    uphill = dot(z - new, new - old) > 0
    t = torch.where(uphill, torch.ones_like(t), t)
    t_new = (1 + (1 + 4 * t.square()).sqrt()) / 2
    ahead = torch.where(uphill, torch.zeros_like(t), (t - 1) / t_new)
    return new + ahead * (new - old), t_new


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Inner product of each problem of a batch, with as many axes as the two."""
    product = (a * b).flatten(1).double().sum(1)
    for _ in range(a.dim() - 1):
        product = product.unsqueeze(-1)
    return product.to(a.dtype)


def gradient(x: Tensor) -> Tensor:
    """Differences to the next voxel along each axis of space, stacked in front; zero across the edge."""
    parts: list[Tensor] = []
    for axis in range(2, x.dim()):
        n = x.shape[axis]
        inside = x.narrow(axis, 1, n - 1) - x.narrow(axis, 0, n - 1)
        parts.append(torch.cat([inside, torch.zeros_like(x.narrow(axis, 0, 1))], axis))
    return torch.stack(parts)


def minus_divergence(u: Tensor) -> Tensor:
    """Transpose of ``gradient``."""
    x = torch.zeros_like(u[0])
    for axis in range(2, x.dim()):
        part, n = u[axis - 2], x.shape[axis]
        inside = part.narrow(axis, 0, n - 1)
        edge = torch.zeros_like(part.narrow(axis, 0, 1))
        x = x + torch.cat([edge, inside], axis) - torch.cat([inside, edge], axis)
    return x

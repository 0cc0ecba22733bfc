"""From the k-space of several coils to an image, as a network."""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mrrecon.inferers.regularised import check_method, regularised
from mrrecon.inferers.solution import Solution, relative_residual, stacked
from mrrecon.networks import FixedSteps, PlainSense
from mrrecon.operators import CartesianSense
from mrrecon.solvers.history import Callback
from mrrecon.tensors import channels_to_complex, complex_to_channels

__all__ = ["KspaceSolver"]

WEIGHTS = {"zero_filled": 1.0, "sense": 0.02, "tv": 0.003, "wavelet": 0.005}


class KspaceSolver(nn.Module):
    r"""Image x from k-space y, $\min_x \tfrac12 \|A x - y\|^2 + w R(x)$ with A Cartesian SENSE.

    A module without parameters, with one tensor in and one out, so that it stands where a network stands.
    The tensor that comes in holds k-space and coil maps, (batch, 4 n_coils, *space): the real parts of each
    coil's k-space, those of the maps, then the imaginary parts likewise (``complex_to_channels`` of the two).
    What comes out is the real and the imaginary part of the image, (batch, 2, *space), in the units that
    came in. A frequency counts as sampled where any coil has a number other than zero; the image is zero
    where all maps are.

    Scripted (``torch.jit.script``) it becomes ``FixedSteps``: the same minimum, approached by a fixed number
    of steps in plain torch.

    Args:
        method: ``"zero_filled"``, ``"sense"`` (R is ½‖x‖²), ``"tv"`` (total variation) or ``"wavelet"``
            (sparse in an orthogonal wavelet).
        weight: w, positive; of TV and wavelet as a part of the brightest voxel of the zero-filled image.
            None: 0.02 for SENSE, 0.003 for TV, 0.005 for wavelets.
        wavelet: name of the wavelet.
        tolerance: of the solver's criterion.
        max_iterations: the most iterations.
        n_plain_steps: steps of the scripted network.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> KspaceSolver("zero_filled")(torch.ones(1, 8, 4, 4)).shape
        torch.Size([1, 2, 4, 4])
    """

    n_space = 2

    def __init__(
        self,
        method: str = "tv",
        *,
        weight: int | float | None = None,
        wavelet: str = "db4",
        tolerance: int | float = 1e-4,
        max_iterations: int = 300,
        n_plain_steps: int = 200,
    ) -> None:
        super().__init__()
        check_method(method, weight, WEIGHTS)
        self.method = method
        self.weight = weight
        self.wavelet = wavelet
        self.tolerance = tolerance
        self.max_iterations = max_iterations
        self.n_plain_steps = n_plain_steps

    def forward(self, image: Float[Tensor, "batch channels *space"]) -> Float[Tensor, "batch two *space"]:
        """The image."""
        return self.solve(image).image

    def solve(
        self,
        image: Float[Tensor, "batch channels *space"],
        *,
        method: str | None = None,
        meta: Mapping[str, Any] | None = None,  # noqa: ARG002 - the tensor says all
        callback: Callback | None = None,
    ) -> Solution:
        """The image and its making.

        Args:
            image: k-space and maps.
            method: another method than the network's own.
            meta: metadata of the measurement.
            callback: called after each iteration with its number, the criterion and the present image.

        Raises:
            ValueError: the number of channels is no multiple of 4, nothing was measured, or the maps are
                zero everywhere.
        """
        if image.shape[1] % 4:
            raise ValueError(f"image has {image.shape[1]} channels: k-space and maps have four for each coil")
        both = channels_to_complex(image)
        return stacked([self._solve_one(one, method or self.method, callback) for one in both])

    def _solve_one(self, both: Tensor, method: str, callback: Callback | None) -> Solution:
        regulariser, weight = check_method(method, self.weight, WEIGHTS)
        y, maps = both.chunk(2)
        if not bool(y.any()):
            raise ValueError("the k-space is zero everywhere: there is no image to find")
        A = CartesianSense((y != 0).any(0), maps)
        start = A.adjoint(y)
        x, histories = regularised(
            A,
            y,
            start=start,
            bound=A.norm_bound**2,
            method=regulariser,
            weight=weight,
            wavelet=self.wavelet,
            tolerance=self.tolerance,
            max_iterations=self.max_iterations,
            callback=callback,
        )
        # Where no coil sees anything, nothing was measured that the prior could go on.
        x = x * maps.any(0)
        found, first = complex_to_channels(torch.stack([x, start])[:, None])
        return Solution(found[None], first[None], histories, relative_residual(A, x, y), A.formula())

    def __prepare_scriptable__(self) -> nn.Module:
        regulariser, weight = check_method(self.method, self.weight, WEIGHTS)
        return FixedSteps(
            PlainSense(),
            method=regulariser,
            weight=weight,
            n_steps=self.n_plain_steps,
            wavelet=self.wavelet,
        )

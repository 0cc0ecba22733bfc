"""A solver run over a scan: its slices one by one, or all of it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from monai.data.meta_tensor import MetaTensor
from monai.data.utils import decollate_batch
from monai.inferers import Inferer
from torch import Tensor

from mrrecon.inferers.solution import Solution
from mrrecon.inferers.tissue_segmenter import Segmentation

__all__ = ["SolverInferer"]


class SolverInferer(Inferer):
    """Inferer for networks that are solvers: ``KspaceSolver``, ``ImageSolver``, ``TissueSegmenter``, ....

    Slices that were measured one by one (``n_fourier`` of the metadata is 2, or the network says that it
    works on slices) become the batch of the network, and slices of the image again.

    Args:
        on_iteration: called after each iteration of the solver with its number and its criterion.

    Example:
        >>> SolverInferer()(torch.zeros(1, 1, 4, 4), torch.nn.Identity()).shape
        torch.Size([1, 1, 4, 4])
    """

    def __init__(self, on_iteration: Callable[[int, float], None] | None = None) -> None:
        super().__init__()
        self.on_iteration = on_iteration

    def __call__(self, inputs: Tensor, network: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Image of a measurement in a batch of one."""
        if not hasattr(network, "solve"):
            return network(inputs, *args, **kwargs)
        return self.solve(inputs, network).image

    def solve(self, inputs: Tensor, network: Any, *, method: str | None = None) -> Solution | Segmentation:
        """Image of a measurement (1, channels, *space), and its making.

        Args:
            inputs: the measurement, with its metadata.
            network: the solver.
            method: which method instead of the network's own; None: that.
        """
        meta = dict(decollate_batch(inputs)[0].meta) if isinstance(inputs, MetaTensor) else {}
        values = inputs.as_tensor() if isinstance(inputs, MetaTensor) else inputs
        slices = int(meta.get("n_fourier", network.n_space)) == 2 and values.ndim == 5
        if slices:
            values = values[0].movedim(1, 0)
        options = {} if method is None else {"method": method}
        with torch.no_grad():
            solve: Callable[..., Solution | Segmentation] = network.solve
            solution = solve(values, meta=meta, callback=self._callback, **options)
        if slices:
            image, start = (x.movedim(0, 1)[None] for x in (solution.image, solution.start))
            solution = replace(solution, image=image, start=start)
        return solution

    def _callback(self, iteration: int, criterion: float, x: Tensor) -> None:  # noqa: ARG002 - the solvers'
        if self.on_iteration is not None:
            self.on_iteration(iteration, criterion)

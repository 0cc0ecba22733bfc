"""Holes of a scan filled without a trained network: what a network is to be compared with."""

from dataclasses import replace

import torch
from torch import Tensor

from mrrecon.inferers.image_solver import ImageSolver
from mrrecon.inferers.solution import Solution
from mrrecon.solvers.history import Callback
from mrrecon.solvers.interpolation import INTERPOLATIONS, interpolate_missing

__all__ = ["UNTRAINED", "untrained"]

UNTRAINED = (*INTERPOLATIONS, "tv", "wavelet", "tikhonov")
"""What holes may be filled by without a network."""


def untrained(
    y: Tensor,
    seen: Tensor,
    *,
    method: str,
    axis: int | None = None,
    weight: int | float | None = None,
    max_iterations: int = 300,
    keep_observed: bool = True,
    callback: Callback | None = None,
) -> Solution:
    """A volume without holes, whole or slice by slice; its image is (1, x, y, z).

    Args:
        y: volume (x, y, z), finite.
        seen: True where it was observed.
        method: one of ``UNTRAINED``: of ``interpolate_missing`` or of ``ImageSolver``.
        axis: across which slices are filled one by one; None: the volume as a whole.
        weight: as for ``ImageSolver``.
        max_iterations: as for ``ImageSolver``.
        keep_observed: as for ``ImageSolver``.
        callback: as for ``ImageSolver``.

    Raises:
        ValueError: a slice has no observed voxel.

    Example:
        >>> y, seen = torch.tensor([[[1.0, 0.0, 3.0]]]), torch.tensor([[[True, False, True]]])
        >>> untrained(y, seen, method="linear").image.flatten()
        tensor([1., 2., 3.])
    """
    if axis is not None:
        check_slices(seen.movedim(axis, 0))
    if method in INTERPOLATIONS:
        if axis is None:
            image = interpolate_missing(y, seen, method=method)
        else:
            pairs = zip(y.movedim(axis, 0), seen.movedim(axis, 0), strict=True)
            image = torch.stack([interpolate_missing(*pair, method=method) for pair in pairs], axis)
        return Solution(image[None], y, (), 0.0, "")
    solver = ImageSolver(
        method,
        weight=weight,
        factor=(1, 1, 1) if axis is None else (1, 1),
        keep_observed=keep_observed,
        max_iterations=max_iterations,
    )
    holes = torch.where(seen, y, torch.nan)
    if axis is None:
        solution = solver.solve(holes[None, None], callback=callback)
        return replace(solution, image=solution.image[0])
    slices = holes.movedim(axis, 0)
    # A slice of background has nothing to be restored: it stays zero.
    bright = [index for index, one in enumerate(slices) if bool(one.nan_to_num().any())]
    images = torch.zeros_like(slices)
    solution = solver.solve(slices[bright][:, None].contiguous(), callback=callback)
    images[bright] = solution.image[:, 0]
    return replace(solution, image=images.movedim(0, axis)[None])


def check_slices(seen: Tensor) -> None:
    """Refuse slices of which one has nothing that was observed.

    Args:
        seen: True, or 1, where a voxel was observed, (slices, height, width).

    Raises:
        ValueError: there is one.
    """
    some = seen.flatten(1).any(1)
    if not bool(some.all()):
        number = int(some.logical_not().nonzero()[0])
        raise ValueError(
            f"slice {number} of {len(some)} has no observed voxel: slices are completed from what was "
            "observed in them; choose another slice_axis, or a network for volumes"
        )

"""Holes of an image filled from what was observed around them."""

import math

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.interpolate import griddata
from scipy.ndimage import distance_transform_edt
from scipy.spatial import QhullError
from torch import Tensor

from mrrecon.threads import in_threads

__all__ = ["INTERPOLATIONS", "interpolate_missing"]

INTERPOLATIONS = ("nearest", "mean", "linear", "cubic")
"""What ``interpolate_missing`` fills holes by."""


def interpolate_missing(
    y: Float[Tensor, "*space"], seen: Bool[Tensor, "*space"], *, method: str = "linear"
) -> Float[Tensor, "*space"]:
    """An image whose holes are filled, and whose observed voxels are as they were.

    - ``"nearest"``: by the nearest observed voxel.
    - ``"mean"``: by the mean of all that was observed.
    - ``"linear"``, ``"cubic"`` of two axes: by triangles between the observed pixels, and what is nearest
      beyond them. Of a volume of which whole slices were observed: lines or natural cubic splines through
      the slices. Of any other volume: such lines or splines along each of its axes, of which each counts
      by the inverse of $a b / (a + b)$, a and b being the distances to the observed voxels before and
      after, as the variance of a Brownian bridge. Beyond the last observed voxel of a line: that one.

    Args:
        y: image of two or three axes. What stands in holes has no influence.
        seen: True where it was observed.
        method: one of ``INTERPOLATIONS``.

    Raises:
        ValueError: an unknown method, other shapes, or nothing was observed.

    Example:
        >>> y, seen = torch.tensor([[1.0, 0.0, 3.0]]), torch.tensor([[True, False, True]])
        >>> interpolate_missing(y, seen)
        tensor([[1., 2., 3.]])
    """
    if method not in INTERPOLATIONS:
        raise ValueError(f"method={method!r} must be one of {', '.join(INTERPOLATIONS)}")
    if y.shape != seen.shape or y.ndim not in (2, 3):
        raise ValueError(
            f"y and seen must have one shape of two or three axes, got {tuple(y.shape)} and "
            f"{tuple(seen.shape)}"
        )
    if not bool(seen.any()):
        raise ValueError("seen is False everywhere: nothing was observed")
    if bool(seen.all()):
        return y.clone()
    wide = [axis for axis in range(y.ndim) if y.shape[axis] > 1]
    values = y.detach().cpu().double().numpy().squeeze()
    mask = seen.cpu().numpy().squeeze()
    if method == "mean":
        filled = np.full(values.shape, values[mask].mean())
    elif method == "nearest":
        filled = _nearest(values, mask)
    elif len(wide) == 2:
        filled = _in_triangles(values, mask, method)
    else:
        filled = _along_axes(values, mask, method)
    back = torch.from_numpy(np.ascontiguousarray(filled)).reshape(y.shape).to(y)
    return torch.where(seen, y, back)


def _nearest(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    places = distance_transform_edt(~mask, return_distances=False, return_indices=True)
    filled: np.ndarray = values[tuple(places)]
    return filled


def _in_triangles(values: np.ndarray, mask: np.ndarray, method: str) -> np.ndarray:
    nearest = _nearest(values, mask)
    try:
        inside = griddata(np.argwhere(mask), values[mask], np.argwhere(~mask), method)
    except (QhullError, ValueError):
        # All that was observed lies on one line: there is no triangle.
        return _along_axes(values, mask, method)
    filled = nearest.copy()
    filled[~mask] = np.where(np.isfinite(inside), inside, nearest[~mask])
    return filled


def _along_axes(values: np.ndarray, mask: np.ndarray, method: str) -> np.ndarray:
    """Weighted mean of the interpolations along each axis."""
    from mrrecon.solvers.interpolation_kernels import add_lines

    values, mask = np.ascontiguousarray(values), np.ascontiguousarray(mask)
    total, weights = np.zeros(values.shape), np.zeros(values.shape)
    for axis, n in enumerate(values.shape):
        outer = math.prod(values.shape[:axis])
        views = [array.reshape(outer, n, -1) for array in (values, mask, total, weights)]
        in_threads(add_lines, *views, method == "cubic", threads=torch.get_num_threads())
    lonely = (weights == 0) & ~mask
    if bool(lonely.any()):
        total[lonely] = _nearest(values, mask)[lonely]
    return total / np.where(weights == 0, 1, weights)

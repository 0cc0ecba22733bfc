"""A measurement in k-space, as every reader of this package gives it."""

from dataclasses import dataclass
from types import ModuleType

import numpy as np
from jaxtyping import Complex

__all__ = ["Kspace", "affine_of", "optional_library"]


@dataclass(frozen=True)
class Kspace:
    """Complex samples of all coils, zero where nothing was measured, in a centred Fourier convention.

    Args:
        data: coils, slices (or second phase encoding), phase encoding, readout.
        n_fourier: how many of the last axes are frequencies: 2 for slices measured one by one, 3 for a
            volume.
        affine: indices of the image's axes (in the order of ``data``) to mm, x to the right, y to the front,
            z upwards; None where the file says nothing.
        field_of_view: voxels of the image, in its middle, that the scanner would have kept (three sizes);
            empty: all of them.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> Kspace(np.ones((8, 1, 4, 4), np.complex64), n_fourier=2).n_coils
        8
    """

    data: Complex[np.ndarray, "coils slices phase readout"]
    n_fourier: int
    affine: np.ndarray | None = None
    field_of_view: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.data.ndim != 4 or self.data.size == 0:
            raise ValueError(f"k-space must have coils, slices, phase, readout, got {self.data.shape}")
        if self.n_fourier not in (2, 3):
            raise ValueError(f"n_fourier={self.n_fourier} must be 2 (slices) or 3 (a volume)")

    @property
    def n_coils(self) -> int:
        """How many coils listened."""
        return self.data.shape[0]


def affine_of(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], directions: np.ndarray | None = None
) -> np.ndarray:
    """Affine of an image whose voxel in the middle (index n // 2) lies at the origin.

    Args:
        shape: voxels along slices, phase encoding and readout.
        spacing: mm, in the same order.
        directions: unit vectors of the axes as columns, in the same order, x to the right, y to the front, z
            upwards; None: slices run upwards, phase encoding to the back, readout to the left.

    Example:
        >>> affine_of((1, 4, 4), (5.0, 1.0, 2.0))[:3, 3]
        array([4., 2., 0.])
    """
    if directions is None:
        directions = np.array([[0, 0, -1], [0, -1, 0], [1, 0, 0]], float)
    affine = np.eye(4)
    affine[:3, :3] = directions * np.asarray(spacing, float)
    affine[:3, 3] = -affine[:3, :3] @ (np.asarray(shape) // 2) + 0.0
    return affine


def optional_library(name: str, path: object) -> ModuleType:
    """A library of the extra ``kspace``.

    Args:
        name: module.
        path: file that needs it.

    Raises:
        RuntimeError: it is not installed.

    Example:
        >>> optional_library("json", "a.h5").__name__
        'json'
    """
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise RuntimeError(
            f"{path} needs the library {name}, which is not installed: pip install 'mrrecon[kspace]'"
        ) from error

"""K-space in NumPy's files."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mrrecon.data.kspace import Kspace, affine_of

__all__ = ["load_numpy", "numpy_kspace"]

NAMES = ("kspace", "ksp", "data")
"""What the array may be called in an ``.npz``, best first."""


def numpy_kspace(path: str | Path, *, n_fourier: int = 2) -> Kspace:
    """K-space of an ``.npy`` or ``.npz``.

    Axes: phase and readout; with coils before them; with slices (or a second phase encoding) between the two.
    An ``.npz`` holds the samples as ``kspace``, ``ksp`` or ``data``, perhaps a ``mask`` of what was measured,
    and an ``affine`` or a ``spacing`` (mm, slices, phase and readout).

    Args:
        path: the file.
        n_fourier: 2 if the axis between coils and phase counts slices, 3 if it is a frequency too.

    Raises:
        ValueError: the file is broken or foreign, its numbers are real, or it has other axes.
    """
    arrays = load_numpy(path)
    name = next((name for name in NAMES if name in arrays), None)
    if name is None:
        there = ", ".join(arrays) or "nothing"
        raise ValueError(f"{path} holds {there}: k-space must be called {' or '.join(NAMES)}")
    data = arrays[name]
    if not np.iscomplexobj(data):
        raise ValueError(f"{path} holds real numbers ({data.dtype}): k-space must be complex")
    if not 2 <= data.ndim <= 4:
        raise ValueError(
            f"{path} has {data.ndim} axes: wanted coils, slices, phase, readout, or the last two"
        )
    if "mask" in arrays:
        mask = arrays["mask"]
        if mask.shape != data.shape[data.ndim - mask.ndim :]:
            raise ValueError(f"{path} has a mask of {mask.shape} for k-space of {data.shape}")
        data = data * (mask != 0)
    while data.ndim < 4:
        data = data[None] if data.ndim == 2 else data[:, None]
    affine = arrays.get("affine")
    if affine is None and "spacing" in arrays:
        d, h, w = (float(length) for length in np.broadcast_to(arrays["spacing"], 3))
        affine = affine_of((data.shape[1], data.shape[2], data.shape[3]), (d, h, w))
    if affine is not None and affine.shape != (4, 4):
        raise ValueError(f"{path} has an affine of {affine.shape}: wanted 4 x 4")
    return Kspace(data.astype(np.complex64), n_fourier=n_fourier, affine=affine)


def load_numpy(path: str | Path) -> Mapping[str, np.ndarray]:
    """Arrays of an ``.npz`` by name; the one of an ``.npy`` is called ``data``.

    Args:
        path: the file.

    Raises:
        ValueError: the file is broken or foreign.
    """
    try:
        content: Any = np.load(path, allow_pickle=False)
        if isinstance(content, np.ndarray):
            return {"data": content}
        with content:
            return {name: content[name] for name in content.files}
    except FileNotFoundError:
        raise
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no file of NumPy, or is cut off: {error}") from error

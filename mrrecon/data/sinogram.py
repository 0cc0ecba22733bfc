"""MONAI reader of sinograms in NumPy's files."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from monai.data.image_reader import ImageReader
from monai.utils import ensure_tuple

from mrrecon.data.kspace_numpy import load_numpy

__all__ = ["Sinogram", "SinogramReader", "read_sinogram"]

SUFFIXES = (".npy", ".npz")
NAMES = ("sinogram", "data")


@dataclass(frozen=True)
class Sinogram:
    """Line integrals of slices.

    Args:
        data: slices, views, detectors.
        angles: of the views, radians; None where the file does not say.
        detector_spacing: distance of the detectors, mm; None where the file does not say.

    Example:
        >>> Sinogram(np.zeros((1, 4, 8), np.float32)).angles is None
        True
    """

    data: Float[np.ndarray, "slices views detectors"]
    angles: np.ndarray | None = None
    detector_spacing: float | None = None


def read_sinogram(path: str | Path) -> Sinogram:
    """Sinogram of an ``.npy`` or ``.npz``: axes views and detectors, slices before them if there are several.

    An ``.npz`` holds the numbers as ``sinogram`` or ``data``, perhaps ``angles`` in degrees and
    ``detector_spacing`` in mm.

    Args:
        path: the file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is broken or foreign, or holds no sinogram.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.npy"
        >>> np.save(path, np.ones((180, 64)))
        >>> read_sinogram(path).data.shape
        (1, 180, 64)
    """
    arrays = load_numpy(path)
    name = next((name for name in NAMES if name in arrays), None)
    if name is None:
        there = ", ".join(arrays) or "nothing"
        raise ValueError(f"{path} holds {there}: a sinogram must be called {' or '.join(NAMES)}")
    data = arrays[name]
    if data.dtype.kind not in "iuf":
        raise ValueError(f"{path} holds {data.dtype}: a sinogram must be real numbers")
    if data.ndim not in (2, 3) or min(data.shape) < 1:
        raise ValueError(f"{path} has the shape {data.shape}: wanted (slices,) views, detectors")
    data = data if data.ndim == 3 else data[None]
    bad = int((~np.isfinite(data)).sum())
    if bad:
        raise ValueError(
            f"{path} holds {bad} numbers that are NaN or Inf: mend them, or leave their views out"
        )
    if not data.any():
        raise ValueError(f"{path} holds nothing but zeros: there is no image in it")
    angles = arrays.get("angles")
    if angles is not None:
        if angles.shape != (data.shape[1],):
            raise ValueError(f"{path} has angles of {angles.shape} for {data.shape[1]} views: give one each")
        angles = angles.astype(float) * (math.pi / 180)
    spacing = arrays.get("detector_spacing")
    return Sinogram(data.astype(np.float32), angles, None if spacing is None else float(spacing))


class SinogramReader(ImageReader):
    """MONAI reader of sinograms for ``LoadImaged(keys, reader=...)``: slices, views, detectors.

    The metadata have ``sinogram``, and where the file says so ``angles`` (radians) and ``detector_spacing``
    (mm). Files of other endings are left to MONAI's own readers; a broken file ends with one sentence.

    Example:
        >>> SinogramReader().verify_suffix("a.npz"), SinogramReader().verify_suffix("a.nii.gz")
        (True, False)
    """

    def verify_suffix(self, filename: Any) -> bool:
        """Whether all files are NumPy's."""
        return all(Path(name).suffix.lower() in SUFFIXES for name in ensure_tuple(filename))

    def read(self, data: Any, **kwargs: Any) -> list[str]:  # noqa: ARG002 - MONAI's interface
        """Names of the files, nothing else: MONAI would hand a file that is refused here to other readers.

        Raises:
            ValueError: a file is not NumPy's.
        """
        if not self.verify_suffix(data):
            raise ValueError(f"{data} has no ending of a sinogram: wanted {', '.join(SUFFIXES)}")
        return [str(name) for name in ensure_tuple(data)]

    def get_data(self, img: Sequence[str]) -> tuple[np.ndarray, dict[str, Any]]:
        """Numbers of the file, one channel in front, and their metadata.

        Raises:
            ValueError: there are several files, or it is broken or foreign.
        """
        if len(img) != 1:
            raise ValueError(f"{', '.join(img)}: give one sinogram")
        sinogram = read_sinogram(img[0])
        meta: dict[str, Any] = {
            "affine": np.eye(4),
            "original_affine": np.eye(4),
            "spatial_shape": np.array(sinogram.data.shape),
            "original_channel_dim": 0,
            "sinogram": True,
            "out_axes": [2, 1, 0],
        }
        if sinogram.angles is not None:
            meta["angles"] = sinogram.angles
        if sinogram.detector_spacing is not None:
            meta["detector_spacing"] = sinogram.detector_spacing
        return sinogram.data[None], meta

"""MONAI reader of k-space: fastMRI and ISMRMRD in HDF5, BART's pairs, NumPy's files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.data.image_reader import ImageReader
from monai.utils import ensure_tuple

from mrrecon.data.kspace import Kspace, optional_library
from mrrecon.data.kspace_bart import bart_kspace
from mrrecon.data.kspace_fastmri import fastmri_kspace
from mrrecon.data.kspace_ismrmrd import ismrmrd_kspace
from mrrecon.data.kspace_numpy import numpy_kspace

__all__ = ["KSPACE_SUFFIXES", "KspaceReader", "read_kspace"]

HDF5 = (".h5", ".hdf5", ".mrd")
KSPACE_SUFFIXES = (*HDF5, ".cfl", ".npy", ".npz")
"""Endings by which k-space is recognised in a folder."""


def read_kspace(path: str | Path, *, n_fourier: int = 2, remove_oversampling: bool = True) -> Kspace:
    """K-space of a file of any format that is known.

    Args:
        path: ``.h5``, ``.hdf5`` or ``.mrd`` (fastMRI or ISMRMRD, told apart by what is in it), ``.cfl`` or
            ``.hdr`` (BART), ``.npy`` or ``.npz``.
        n_fourier: of NumPy's files, which do not say it: 2 for slices, 3 for a volume.
        remove_oversampling: of ISMRMRD, whose readouts are oversampled.

    Raises:
        FileNotFoundError: there is no such file.
        RuntimeError: a library of the extra ``kspace`` is missing.
        ValueError: the file is broken, cut off or foreign.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.npy"
        >>> np.save(path, np.ones((8, 4, 4), np.complex64))
        >>> read_kspace(path).data.shape
        (8, 1, 4, 4)
    """
    suffix = Path(path).suffix.lower()
    if suffix in (".cfl", ".hdr"):
        kspace = bart_kspace(path)
    elif suffix in (".npy", ".npz"):
        kspace = numpy_kspace(path, n_fourier=n_fourier)
    elif suffix in HDF5:
        kspace = _read_hdf5(path, remove_oversampling)
    else:
        raise ValueError(f"{path} has no ending of k-space: wanted {', '.join(KSPACE_SUFFIXES)}")
    bad = int((~np.isfinite(kspace.data)).sum())
    if bad:
        raise ValueError(f"{path} holds {bad} samples that are NaN or Inf: replace them by 0")
    if not kspace.data.any():
        raise ValueError(f"{path} holds nothing but zeros: there is no image in it")
    return kspace


def _read_hdf5(path: str | Path, remove_oversampling: bool) -> Kspace:
    library = optional_library("h5py", path)
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path} does not exist: give the path of a file")
    try:
        with library.File(path, "r") as file:
            if "kspace" in file:
                return fastmri_kspace(path, file)
        return ismrmrd_kspace(path, remove_oversampling=remove_oversampling)
    except (OSError, KeyError, IndexError, TypeError) as error:
        raise ValueError(f"{path} is no HDF5 file, or is cut off: {error}") from error


class KspaceReader(ImageReader):
    """MONAI reader of k-space for ``LoadImaged(keys, reader=...)``.

    It gives complex numbers, coils, slices, phase encoding and readout, and in the metadata ``affine`` (of
    the image, in the order of its last three axes), ``n_fourier`` (2 or 3 of the last axes are frequencies)
    and ``field_of_view`` (voxels in the middle of the image worth keeping). Files of other endings are left
    to MONAI's own readers; a broken file ends with one sentence.

    Args:
        n_fourier: as for ``read_kspace``.
        remove_oversampling: as for ``read_kspace``.

    Example:
        >>> KspaceReader().verify_suffix("a.h5"), KspaceReader().verify_suffix("a.nii.gz")
        (True, False)
    """

    def __init__(self, n_fourier: int = 2, remove_oversampling: bool = True) -> None:
        self.n_fourier = n_fourier
        self.remove_oversampling = remove_oversampling

    def verify_suffix(self, filename: Any) -> bool:
        """Whether all files have an ending of k-space."""
        return all(Path(name).suffix.lower() in (*KSPACE_SUFFIXES, ".hdr") for name in ensure_tuple(filename))

    def read(self, data: Any, **kwargs: Any) -> list[str]:  # noqa: ARG002 - MONAI's interface
        """Names of the files, nothing else: MONAI would hand a file that is refused here to other readers.

        Raises:
            ValueError: an ending is not one of k-space.
        """
        if not self.verify_suffix(data):
            raise ValueError(f"{data} has no ending of k-space: wanted {', '.join(KSPACE_SUFFIXES)}")
        return [str(name) for name in ensure_tuple(data)]

    def get_data(self, img: Sequence[str]) -> tuple[np.ndarray, dict[str, Any]]:
        """Samples of the file, and their metadata.

        Raises:
            RuntimeError: a library of the extra ``kspace`` is missing.
            ValueError: there are several files, or it is broken, cut off or foreign.
        """
        if len(img) != 1:
            raise ValueError(f"{', '.join(img)}: give one file of k-space")
        kspace = read_kspace(img[0], n_fourier=self.n_fourier, remove_oversampling=self.remove_oversampling)
        shape = kspace.data.shape[1:]
        affine = np.eye(4) if kspace.affine is None else kspace.affine
        return kspace.data, {
            "affine": affine,
            "original_affine": affine.copy(),
            "spatial_shape": np.array(shape),
            "original_channel_dim": 0,
            "n_fourier": kspace.n_fourier,
            "out_axes": [2, 1, 0],
            "field_of_view": list(kspace.field_of_view or shape),
        }

"""fastMRI's HDF5 files."""

from pathlib import Path
from typing import Any

import numpy as np

from mrrecon.data.kspace import Kspace, affine_of
from mrrecon.data.kspace_header import read_header

__all__ = ["fastmri_kspace"]


def fastmri_kspace(path: str | Path, file: Any) -> Kspace:
    """K-space of an open fastMRI file: slices, coils (or none), readout, phase encoding.

    Args:
        path: its name.
        file: an ``h5py.File`` with a data set ``kspace``, perhaps a ``mask`` of the phase encoding and an
            ``ismrmrd_header``, which gives the voxel size and the field of view.

    Raises:
        ValueError: the data set is not complex, or has other axes.

    Reference:
        Zbontar et al., fastMRI: An open dataset and benchmarks for accelerated MRI, 2018,
        DOI 10.48550/arXiv.1811.08839
    """
    data = np.asarray(file["kspace"])
    if not np.iscomplexobj(data):
        raise ValueError(f"{path} holds real numbers ({data.dtype}): k-space must be complex")
    if data.ndim not in (3, 4):
        raise ValueError(f"{path} has {data.ndim} axes: wanted slices, (coils,) readout, phase")
    data = data[:, None] if data.ndim == 3 else data
    if "mask" in file:
        mask = np.asarray(file["mask"]).ravel() != 0
        if mask.size != data.shape[-1]:
            raise ValueError(f"{path} has a mask of {mask.size} lines for {data.shape[-1]} in its k-space")
        data = data * mask
    data = data.swapaxes(0, 1)
    n_slices, n_read, n_phase = data.shape[1:]
    affine: np.ndarray | None = None
    field_of_view: tuple[int, ...] = ()
    if "ismrmrd_header" in file:
        header = read_header(_bytes(file["ismrmrd_header"][()]))
        lengths = [mm / n for mm, n in zip(header.encoded_mm, header.encoded, strict=True)]
        # The file's first axis is the readout; the patient's axes are not in the header.
        spacing = (header.encoded_mm[2] / header.encoded[2], lengths[0], lengths[1])
        affine = affine_of((n_slices, n_read, n_phase), spacing)
        kept = [round(mm / length) for mm, length in zip(header.recon_mm[:2], lengths[:2], strict=True)]
        field_of_view = (n_slices, min(n_read, kept[0]), min(n_phase, kept[1]))
    return Kspace(
        data.astype(np.complex64, copy=False), n_fourier=2, affine=affine, field_of_view=field_of_view
    )


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)

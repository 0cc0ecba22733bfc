"""The numbers of a scan as they are stored, before any scale factor, and NIfTI files made of them again."""

from pathlib import Path
from typing import Any, NamedTuple

import nibabel as nib
import numpy as np
from monai.transforms.io.array import LoadImage
from nibabel.nifti1 import Nifti1Header, Nifti1Pair
from nibabel.nifti2 import Nifti2Header

from mrrecon.codec import CodecError

__all__ = ["StoredNumbers", "nifti_bytes", "scale_factors", "stored_numbers"]


class StoredNumbers(NamedTuple):
    """Numbers of a scan, along its own three axes.

    Intensities are ``slope`` times the numbers plus a constant. ``header`` is that of a NIfTI file, byte for
    byte, without its extensions; empty for another format.
    """

    values: np.ndarray
    slope: float
    header: bytes


def stored_numbers(path: str) -> StoredNumbers:
    """Numbers of a scan: of a NIfTI file those in the file, of another format those its reader gives.

    Args:
        path: file, or folder of a DICOM series.

    Raises:
        ValueError: it has more than three axes.
    """
    image = _nifti(path)
    if image is None:
        values = LoadImage(image_only=True, dtype=None, ensure_channel_first=True)(path).numpy()
        return StoredNumbers(values[0], 1.0, b"")
    proxy: Any = image.dataobj
    values = np.asanyarray(proxy.get_unscaled())
    if any(side > 1 for side in values.shape[3:]):
        raise ValueError(f"{path} has {values.ndim} axes: give a volume of three")
    holder = image.file_map.get("header") or image.file_map["image"]
    with holder.get_prepare_fileobj("rb") as stream:
        header = stream.read(image.header.sizeof_hdr)
    return StoredNumbers(values.reshape(values.shape[:3]), abs(float(proxy.slope)), header)


def nifti_bytes(values: np.ndarray, header: bytes) -> bytes:
    """A NIfTI file, not compressed, of stored numbers and the header they came with.

    Args:
        values: stored numbers, along the scan's own three axes.
        header: as in ``StoredNumbers``.

    Raises:
        CodecError: the header is that of another volume.
    """
    try:
        made = _kind(header)(header, check=False)
        fits = made.get_data_shape()[:3] == values.shape and made.get_data_dtype().newbyteorder(
            "="
        ) == values.dtype.newbyteorder("=")
    except (nib.spatialimages.HeaderDataError, ValueError, KeyError) as error:
        raise CodecError(f"has a NIfTI header that cannot be read ({error})") from error
    if not fits:
        raise CodecError("has a NIfTI header of another shape or type of numbers than its volume")
    made["magic"] = made.single_magic
    made["vox_offset"] = made.single_vox_offset
    space = bytes(made.single_vox_offset - made.sizeof_hdr)
    return made.binaryblock + space + values.astype(made.get_data_dtype()).tobytes(order="F")


def scale_factors(header: bytes) -> tuple[float, float]:
    """Slope and constant from stored numbers to intensities.

    Args:
        header: as in ``StoredNumbers``.
    """
    slope, constant = _kind(header)(header, check=False).get_slope_inter()
    return (1.0, 0.0) if slope is None else (float(slope), float(constant))


def _kind(header: bytes) -> type[Nifti1Header]:
    kind = {348: Nifti1Header, 540: Nifti2Header}.get(len(header))
    if kind is None:
        raise CodecError(f"has a NIfTI header of {len(header)} bytes: there are 348 or 540")
    return kind


def _nifti(path: str) -> Nifti1Pair | None:
    if not Path(path).is_file() or not path.lower().endswith((".nii", ".nii.gz", ".hdr", ".img")):
        return None
    image = nib.load(path)
    return image if isinstance(image, Nifti1Pair) else None

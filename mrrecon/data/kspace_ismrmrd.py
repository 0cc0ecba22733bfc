"""ISMRMRD's HDF5 files: readouts, put where they belong on a Cartesian grid."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Complex

from mrrecon.data.kspace import Kspace, optional_library
from mrrecon.data.kspace_header import AcquisitionHeader, read_header

__all__ = ["ismrmrd_kspace"]

LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class _Lines:
    """Readouts of an image: their headers (a structured array) and their samples (coils, samples)."""

    heads: np.ndarray
    samples: list[np.ndarray]


def ismrmrd_kspace(
    path: str | Path,
    *,
    remove_oversampling: bool = True,
    contrast: int = 0,
    repetition: int = 0,
    phase: int = 0,
    set_: int = 0,
) -> Kspace:
    """K-space of a Cartesian ISMRMRD file, 2-D slices or 3-D.

    Noise scans, navigators, phase correction and calibration alone are passed over; averages are averaged;
    readouts marked as reversed are turned round (their sample in the centre as they were measured); slices
    are sorted by their position. The axes of an image point along the directions of its readouts.

    Args:
        path: the file.
        remove_oversampling: cut the readout to the field of view of the image, unless a readout is partial
            (it would no longer be seen which samples are missing).
        contrast: number of the echo.
        repetition: number of the repetition.
        phase: number of the cardiac phase.
        set_: number of the set.

    Raises:
        RuntimeError: ismrmrd or h5py is not installed.
        ValueError: the file is broken or foreign, not Cartesian, or has no readout for these numbers.

    Reference:
        Inati et al., ISMRM raw data format: a proposed standard for MRI raw datasets, Magnetic Resonance in
        Medicine 2017, DOI 10.1002/mrm.26089
    """
    library = optional_library("ismrmrd", path)
    chosen = {"contrast": contrast, "repetition": repetition, "phase": phase, "set": set_}
    with library.File(str(path), "r") as file:
        name = next((name for name in file if file[name].has_acquisitions()), None)
        if name is None:
            raise ValueError(f"{path} holds no readouts: wanted an ISMRMRD file of raw data")
        content = file[name]
        try:
            header = read_header(content._contents["xml"][0])
        except (KeyError, ValueError) as error:
            raise ValueError(f"{path} has no header that can be read: {error}") from error
        raw = content.acquisitions.data[()]
    if header.trajectory != "cartesian":
        raise ValueError(f"{path} has the trajectory {header.trajectory}: only cartesian can be read")
    lines = _lines(raw, library, chosen)
    if not lines.samples:
        what = ", ".join(f"{key} {number}" for key, number in chosen.items())
        raise ValueError(f"{path} has no readout of {what}: give the numbers of another image")
    data, partial = _grid(lines, header, path)
    n_fourier = 3 if header.encoded[2] > 1 else 2
    spacing = [mm / n for mm, n in zip(header.encoded_mm, header.encoded, strict=True)]
    n_kept = round(header.recon_mm[0] / spacing[0])
    if remove_oversampling and not partial and n_kept < data.shape[-1]:
        data = _cut_readout(data, n_kept)
    kept = [round(mm / length) for mm, length in zip(header.recon_mm, spacing, strict=True)]
    view = (
        min(data.shape[1], kept[2]) if n_fourier == 3 else data.shape[1],
        min(data.shape[2], kept[1]),
        min(data.shape[3], kept[0]),
    )
    affine = _affine(lines.heads, data.shape[1:], spacing, n_fourier)
    return Kspace(data, n_fourier=n_fourier, affine=affine, field_of_view=view)


def _lines(raw: np.ndarray, library: Any, chosen: dict[str, int]) -> _Lines:
    passed_over = (
        library.ACQ_IS_NOISE_MEASUREMENT,
        library.ACQ_IS_PARALLEL_CALIBRATION,
        library.ACQ_IS_NAVIGATION_DATA,
        library.ACQ_IS_PHASECORR_DATA,
        library.ACQ_IS_HPFEEDBACK_DATA,
        library.ACQ_IS_RTFEEDBACK_DATA,
        library.ACQ_IS_DUMMYSCAN_DATA,
        library.ACQ_IS_SURFACECOILCORRECTIONSCAN_DATA,
    )
    heads = raw["head"]
    good = (heads["flags"] & sum(_bit(flag) for flag in passed_over)) == 0
    for name, number in chosen.items():
        good &= heads["idx"][name] == number
    heads = heads[good]
    reversed_ = (heads["flags"] & _bit(library.ACQ_IS_REVERSE)) != 0
    # The samples in the centre of readouts that are turned round, as they lie afterwards.
    turned = heads["number_of_samples"].astype(int) - 1 - heads["center_sample"]
    heads["center_sample"][reversed_] = turned[reversed_]
    samples = []
    for head, numbers, backwards in zip(heads, raw["data"][good], reversed_, strict=True):
        line = numbers.view(np.complex64).reshape(head["active_channels"], head["number_of_samples"])
        samples.append(line[:, ::-1] if backwards else line)
    return _Lines(heads, samples)


def _bit(flag: int) -> int:
    """ISMRMRD counts its flags from 1."""
    return 1 << (flag - 1)


def _grid(
    lines: _Lines, header: AcquisitionHeader, path: object
) -> tuple[Complex[np.ndarray, "coils slices phase readout"], bool]:
    """Samples on the grid, averaged; and whether a readout is shorter than the grid."""
    heads = lines.heads
    coils = np.unique(heads["active_channels"])
    if coils.size > 1:
        raise ValueError(f"{path} has readouts of {coils.min()} and of {coils.max()} coils")
    n_x, n_y, n_z = header.encoded
    is_volume = n_z > 1
    y = _placed(heads["idx"]["kspace_encode_step_1"], n_y, header.centres[0], header.sizes[0])
    if is_volume:
        z = _placed(heads["idx"]["kspace_encode_step_2"], n_z, header.centres[1], header.sizes[1])
    else:
        z, n_z = _slice_numbers(heads)
    if min(y.min(), z.min()) < 0 or y.max() >= n_y or z.max() >= n_z:
        raise ValueError(f"{path} has readouts outside the grid of {n_x} x {n_y} x {n_z} its header names")
    total = np.zeros((int(coils[0]), n_z, n_y, n_x), np.complex64)
    count = np.zeros((n_z, n_y, n_x), np.float32)
    partial = False
    for head, line, i, j in zip(heads, lines.samples, z, y, strict=True):
        first, last = int(head["discard_pre"]), line.shape[1] - int(head["discard_post"])
        at = n_x // 2 - int(head["center_sample"])
        begin, end = max(first + at, 0), min(last + at, n_x)
        total[:, i, j, begin:end] += line[:, begin - at : end - at]
        count[i, j, begin:end] += 1
        partial |= end - begin < n_x
    return total / np.maximum(count, 1), partial


def _placed(step: np.ndarray, n: int, centre: int | None, size: int | None) -> np.ndarray:
    """Indices on a grid of n whose middle is n // 2."""
    if centre is None:
        centre = (size or n) // 2
    return step.astype(int) - centre + n // 2


def _slice_numbers(heads: np.ndarray) -> tuple[np.ndarray, int]:
    """Numbers of the slices in the order of their positions, and how many there are."""
    numbers, first, which = np.unique(heads["idx"]["slice"], return_index=True, return_inverse=True)
    along = (heads["position"][first] * heads["slice_dir"][first[0]]).sum(axis=1)
    rank = np.empty(numbers.size, int)
    rank[np.argsort(along, kind="stable")] = np.arange(numbers.size)
    return rank[which.ravel()], numbers.size


def _cut_readout(
    data: Complex[np.ndarray, "coils slices phase readout"], n: int
) -> Complex[np.ndarray, "coils slices phase kept"]:
    first = data.shape[-1] // 2 - n // 2
    image = np.fft.ifft(np.fft.ifftshift(data, -1), norm="ortho")
    image = np.fft.fftshift(image, -1)[..., first : first + n]
    cut = np.fft.fftshift(np.fft.fft(np.fft.ifftshift(image, -1), norm="ortho"), -1)
    return np.ascontiguousarray(cut.astype(np.complex64))


def _affine(
    heads: np.ndarray, shape: tuple[int, ...], spacing: list[float], n_fourier: int
) -> np.ndarray | None:
    """Affine of the image; the position of a readout is that of the middle of its slice or volume."""
    axes = [heads[0][name] * LPS_TO_RAS for name in ("slice_dir", "phase_dir", "read_dir")]
    directions = np.stack(axes, axis=1).astype(float)
    if not np.allclose(directions.T @ directions, np.eye(3), atol=1e-3):
        return None  # the file names no directions
    positions = np.unique(heads["position"].astype(float) * LPS_TO_RAS, axis=0)
    along = np.sort(positions @ directions[:, 0])
    step = spacing[2]
    if n_fourier == 2 and len(along) > 1:
        step = float(along[-1] - along[0]) / (len(along) - 1)
    affine = np.eye(4)
    affine[:3, :3] = directions * [step, spacing[1], spacing[0]]
    middle = np.array([shape[0] // 2 if n_fourier == 3 else 0, shape[1] // 2, shape[2] // 2])
    lowest = positions[np.argmin(positions @ directions[:, 0])]
    affine[:3, 3] = lowest - affine[:3, :3] @ middle
    return affine

"""The scan that the benchmarks of sparse reconstruction share, their objectives, and BART's files."""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import pywt
import torch
from torch import Tensor

from mrrecon.data import template_path
from mrrecon.operators import Fourier
from mrrecon.simulate import coil_maps, variable_density_lines

__all__ = ["Scan", "bart", "scan", "total_variation_objective", "wavelet_objective"]


@dataclass(frozen=True)
class Scan:
    """One slice as several coils saw it, in complex64.

    Args:
        truth: image.
        maps: of the coils.
        mask: lines measured.
        kspace: of every coil, zero where not measured.
    """

    truth: Tensor
    maps: Tensor
    mask: Tensor
    kspace: Tensor


def scan(size: int = 256, *, coils: int = 8, acceleration: float = 4.0, noise: float = 0.005) -> Scan:
    """A middle slice of the MNI152 template with a smooth phase.

    Args:
        size: side of the image, at least 233 to hold the head.
        coils: number of coils.
        acceleration: all lines / measured lines.
        noise: standard deviation of real and imaginary part, the brightest voxel at 1.
    """
    generator = torch.Generator().manual_seed(0)
    head = np.asarray(nibabel.load(template_path("t1")).dataobj, np.float32)[:, :, 90]
    x = np.zeros((size, size), np.float32)
    window = tuple(slice((size - side) // 2, (size - side) // 2 + side) for side in head.shape)
    x[window] = head / head.max()
    v, u = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    truth = torch.from_numpy((x * np.exp(1j * (0.6 * u + 0.8 * v**2))).astype(np.complex64))
    maps = coil_maps((size, size), coils)
    mask = variable_density_lines(
        (size, size), acceleration=acceleration, centre=size // 16, generator=generator
    )
    kspace = Fourier(2)(maps * truth)
    draw = torch.randn(*kspace.shape, 2, generator=generator)
    kspace = torch.where(mask, kspace + noise * torch.view_as_complex(draw), 0)
    return Scan(truth, maps, mask.expand(size, size), kspace)


def data_term(x: np.ndarray, case: Scan) -> float:
    """Half the squared residual, in double precision, by numpy."""
    images = case.maps.numpy().astype(np.complex128) * x
    axes = (-2, -1)
    y = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(images, axes), norm="ortho"), axes)
    return 0.5 * float((np.abs(case.mask.numpy() * y - case.kspace.numpy()) ** 2).sum())


def total_variation_objective(image: Tensor, case: Scan, weight: float, *, isotropic: bool) -> float:
    """Data term and total variation, which goes round at the edges, in double precision.

    Args:
        image: complex image.
        case: scan.
        weight: of total variation.
        isotropic: whether both differences of a voxel are taken together.
    """
    x = image.numpy().astype(np.complex128)
    g = np.abs(np.stack([np.roll(x, -1, axis) - x for axis in (0, 1)]))
    variation = np.sqrt((g**2).sum(0)).sum() if isotropic else g.sum()
    return data_term(x, case) + weight * float(variation)


def wavelet_objective(image: Tensor, case: Scan, weight: float, *, wavelet: str, levels: int) -> float:
    """Data term and the magnitudes of all wavelet coefficients, in double precision, by PyWavelets.

    Args:
        image: complex image.
        case: scan.
        weight: of the magnitudes.
        wavelet: its name.
        levels: how often the axes are halved.
    """
    x = image.numpy().astype(np.complex128)
    bands = pywt.wavedec2(x, wavelet, mode="periodization", level=levels)
    coefficients, _ = pywt.coeffs_to_array(bands)
    return data_term(x, case) + weight * float(np.abs(coefficients).sum())


def bart(case: Scan, options: Sequence[str]) -> Tensor:
    """BART's ``pics``, through the files that it reads and writes.

    Args:
        case: scan.
        options: of the command.
    """
    # The first axis runs fastest: from the last of ours to the first.
    dimensions = " ".join(map(str, [*case.kspace.shape[:0:-1], 1, len(case.kspace)]))
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("kspace", "maps", "image")]
        for file, values in zip(files, (case.kspace, case.maps), strict=False):
            file.with_suffix(".hdr").write_text(f"# Dimensions\n{dimensions}\n")
            values.numpy().tofile(file.with_suffix(".cfl"))
        threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
        command = ["bart", "pics", "-S", "-w", "1", "-d", "0", *options, *map(str, files)]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, **threads})
        image = np.fromfile(files[2].with_suffix(".cfl"), np.complex64)
    return torch.from_numpy(image).reshape(case.truth.shape)

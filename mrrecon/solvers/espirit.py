"""Coil maps from the middle of k-space: ESPIRiT."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Complex, Float, Inexact
from torch import Tensor

__all__ = ["espirit"]

# Numbers of the field of small matrices that are held at a time.
_BLOCK = 2**24


def espirit(
    kspace: Inexact[Tensor, "coils ..."],
    *,
    calibration: int | Sequence[int] = 24,
    kernel: int = 6,
    threshold: int | float = 0.02,
    crop: int | float = 0.95,
) -> tuple[Complex[Tensor, "coils ..."], Float[Tensor, "..."]]:
    r"""Sensitivity maps of the coils, and how sure they are.

    All windows of the size of a kernel in the fully measured middle of k-space, cut out of all coils, span a
    space of few dimensions. To project every window of a k-space on it and to average what overlaps is a
    convolution: in the image, a small matrix for every pixel,

    $$ W(r) s(r) = \lambda(r) s(r) $$

    The maps s are its eigenvectors with eigenvalue one. They have unit length, $\sum_c |s_c|^2 = 1$, and
    their phase is that of the combination of coils with the most energy.

    Args:
        kspace: k-space of every coil, zero frequency at n // 2; two or three axes of space. What was not
            measured is zero.
        calibration: side lengths of the fully measured block in the middle, in samples, or the one of all.
        kernel: side length of the windows, in samples, at least 2.
        threshold: singular values below this fraction of the largest one are noise.
        crop: eigenvalue, between 0 and 1, up to which the maps are set to zero: there is no object.

    Returns:
        Maps, and the eigenvalues of every pixel.

    Raises:
        TypeError: ``kspace`` is real.
        ValueError: ``kspace`` has not two or three axes of space, is zero or not finite, a number is out of
            range, the block is larger than the k-space or was not measured completely, or no pixel is left.

    Reference:
        Uecker et al., ESPIRiT: an eigenvalue approach to autocalibrating parallel MRI, Magnetic Resonance in
        Medicine 2014, DOI 10.1002/mrm.24751

    Example:
        >>> from mrrecon.operators import Fourier
        >>> from mrrecon.simulate import coil_maps
        >>> maps, values = espirit(Fourier(2)(coil_maps([32, 32], 4)), calibration=16, kernel=4)
        >>> maps.shape, values.shape
        (torch.Size([4, 32, 32]), torch.Size([32, 32]))
    """
    block = _calibration_block(kspace, calibration, kernel, threshold, crop)
    n_axes, n_coils = block.ndim - 1, len(block)
    windows = block
    for axis in range(1, n_axes + 1):
        windows = windows.unfold(axis, kernel, 1)
    # A row for each sample of a window, a column for each place of the window.
    windows = windows.permute(0, *range(n_axes + 1, 2 * n_axes + 1), *range(1, n_axes + 1))
    windows = windows.reshape(n_coils * kernel**n_axes, -1)
    # The square of the singular values needs twice their digits.
    precise = windows if threshold >= 0.01 else windows.to(torch.complex128)
    values, vectors = torch.linalg.eigh(precise @ precise.mH)
    vectors = vectors[:, values > threshold**2 * values[-1]].to(block.dtype)
    response = _response(vectors @ vectors.mH, n_coils, kernel, n_axes)
    maps, eigenvalues = _eigenvectors(response, kspace.shape[1:])
    # The strongest combination of coils, whose phase is hardly ever undefined.
    energy = block.flatten(1) @ block.flatten(1).mH
    reference = torch.linalg.eigh(energy).eigenvectors[:, -1]
    phase = torch.tensordot(reference.conj(), maps, 1)
    maps *= torch.polar(torch.ones_like(eigenvalues), -phase.angle()) * (eigenvalues > crop)
    if not maps.any():
        raise ValueError(
            f"crop={crop} leaves no pixel: the largest eigenvalue is {eigenvalues.max().item():.3g}"
        )
    return maps, eigenvalues


def _calibration_block(
    kspace: Tensor, calibration: int | Sequence[int], kernel: int, threshold: int | float, crop: int | float
) -> Tensor:
    """The middle of k-space, when all is as it should be."""
    if not kspace.is_complex():
        raise TypeError(f"kspace is {kspace.dtype} and must be complex: k-space has two parts")
    shape = tuple(kspace.shape[1:])
    if len(shape) not in (2, 3):
        raise ValueError(
            f"kspace of shape {tuple(kspace.shape)} must have coils and two or three axes of space"
        )
    sides = (calibration,) * len(shape) if isinstance(calibration, int) else tuple(calibration)
    if len(sides) != len(shape) or any(side > n for side, n in zip(sides, shape, strict=False)):
        raise ValueError(f"calibration={calibration} must be a block within a k-space of shape {shape}")
    if not 2 <= kernel <= min(sides):
        raise ValueError(f"kernel={kernel} must be at least 2 and fit the block calibration={calibration}")
    if not 0 < threshold < 1 or not 0 <= crop < 1:
        raise ValueError(
            f"threshold={threshold} must lie between 0 and 1, and crop={crop} between 0 and below 1"
        )
    if not torch.isfinite(kspace).all():
        raise ValueError("kspace must be finite, it holds NaN or infinity")
    starts = [n // 2 - side // 2 for n, side in zip(shape, sides, strict=True)]
    block = kspace
    for axis, (start, side) in enumerate(zip(starts, sides, strict=True), start=1):
        block = block.narrow(axis, start, side)
    missing = int((block == 0).all(0).sum())
    if missing == math.prod(sides):
        raise ValueError("kspace is zero in all of the calibration block: there is nothing to calibrate with")
    if missing:
        raise ValueError(
            f"kspace was not measured at {missing} of the {math.prod(sides)} points of the block "
            f"calibration={calibration}: choose a smaller one"
        )
    return block


def _response(projection: Tensor, n_coils: int, kernel: int, n_axes: int) -> Tensor:
    """The averaged projection as a convolution: from coil to coil, by how far the samples are apart."""
    sides = [kernel] * n_axes
    projection = projection.reshape(n_coils, kernel**n_axes, n_coils, *sides)
    response = projection.new_zeros(n_coils, n_coils, *(2 * kernel - 1 for _ in sides))
    for place in range(kernel**n_axes):
        target = response
        for axis in range(n_axes):
            index = place // kernel ** (n_axes - 1 - axis) % kernel
            target = target.narrow(2 + axis, kernel - 1 - index, kernel)
        target += projection[:, place]
    return response / kernel**n_axes


def _eigenvectors(response: Tensor, shape: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Largest eigenvalues and their vectors of the response's Fourier transform in every pixel."""
    n_coils, real = len(response), response.dtype.to_real()
    reach = response.shape[-1] // 2
    shifts = torch.arange(-reach, reach + 1, device=response.device, dtype=torch.float64)
    waves = []
    for n in shape:
        places = torch.arange(n, device=response.device, dtype=torch.float64) - n // 2
        angle = -2 * math.pi / n * torch.outer(places, shifts)
        waves.append(torch.polar(torch.ones_like(angle), angle).to(response.dtype))
    upper = torch.triu_indices(n_coils, n_coils, device=response.device)
    # Slices, or rows of an image, one transformed axis after the other: (..., pairs of coils, shifts).
    field = response[upper[0], upper[1]]
    n_pairs = len(field)
    maps = torch.empty(
        n_coils, math.prod(shape[:-1]), shape[-1], dtype=response.dtype, device=response.device
    )
    values = torch.empty(maps.shape[1:], dtype=real, device=response.device)
    # The last axis as one real product, which gives real and imaginary parts apart.
    wave = torch.cat([torch.view_as_real(waves[-1]), torch.view_as_real(1j * waves[-1])], 1)
    wave = wave.permute(1, 2, 0).flatten(1)
    for slab in range(shape[0] if len(shape) == 3 else 1):
        plane = torch.tensordot(waves[0][slab], field, dims=([0], [1])) if len(shape) == 3 else field
        rows = torch.tensordot(waves[-2], plane, dims=([1], [1]))
        rows = torch.cat([rows.real, rows.imag], -1)
        step = max(1, _BLOCK // (2 * n_pairs * shape[-1]))
        for start in range(0, shape[-2], step):
            matrices = (rows[start : start + step] @ wave).unflatten(-1, (2, shape[-1]))
            place = slice(slab * shape[-2] + start, slab * shape[-2] + start + len(matrices))
            maps[:, place], values[place] = _largest(matrices, n_coils, upper)
    return maps.reshape(n_coils, *shape), values.reshape(tuple(shape))


def _largest(matrices: Tensor, n_coils: int, upper: Tensor) -> tuple[Tensor, Tensor]:
    """Largest eigenvalue and its vector of matrices (rows, pairs of coils, 2, columns)."""
    if matrices.device.type == "cpu":
        rows, columns = len(matrices), matrices.shape[-1]
        # Compiled functions are loaded where they are needed.
        from mrrecon.solvers.dominant_eigenvectors import dominant_eigenvectors

        vectors = matrices.new_empty(n_coils, rows, 2, columns)
        values = matrices.new_empty(rows, columns)
        dominant_eigenvectors(matrices.contiguous().numpy(), vectors.numpy(), values.numpy())
        return torch.complex(vectors[:, :, 0], vectors[:, :, 1]), values
    return _largest_plain(matrices, n_coils, upper)


def _largest_plain(matrices: Tensor, n_coils: int, upper: Tensor) -> tuple[Tensor, Tensor]:
    """The same for any device."""
    entries = torch.complex(matrices[:, :, 0], matrices[:, :, 1]).movedim(1, -1)
    full = entries.new_zeros(*entries.shape[:2], n_coils, n_coils)
    # eigh reads one triangle.
    full[..., upper[1], upper[0]] = entries.conj()
    found = torch.linalg.eigh(full)
    return found.eigenvectors[..., -1].movedim(-1, 0), found.eigenvalues[..., -1]

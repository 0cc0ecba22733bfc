"""A pair of volumes as text that a browser unpacks by itself.

Why 8 bits, a predictor, gzip and base64, and not a PNG drawn on a canvas: what a canvas gives back may be
altered (browsers add noise against fingerprinting) and its size is limited, whereas ``DecompressionStream``
returns the very bytes, and every browser has had it since 2023. Each voxel is predicted from the three
neighbours that come before it, as PNG does it in the plane.

Why the difference and not the reconstruction: the difference has a scale of its own, so that an error of a
thousandth of the range is still seen. The reconstruction is the sum, as exact as 8 bits are for the eye.
"""

import base64
import zlib
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Real, UInt8

from mrrecon.report.orientation import axis_order, to_ras
from mrrecon.report.ranges import display_window, typical_error, value_range
from mrrecon.report.scan import ScanReport

__all__ = ["PackedScan", "PackedVolume", "pack_scan"]

_FINEST = 256
_COARSEST = 8


@dataclass(frozen=True)
class PackedVolume:
    """Volume of 8-bit numbers ``q`` that stand for ``offset + step * q``.

    Args:
        offset: intensity of ``q = 0``.
        step: intensity between neighbouring numbers, positive.
        n_levels: how many numbers there are, at most 256.
        data: the numbers less their prediction, modulo 256, in C order, gzip, base64.
    """

    offset: float
    step: float
    n_levels: int
    data: str


@dataclass(frozen=True)
class PackedScan:
    """What the viewer reads of one scan; its axes grow to the patient's right, front and top.

    Args:
        shape: voxels along each axis.
        spacing: mm, along each axis.
        order: for each axis of the scan as it came, the axis here and whether it runs the other way.
        range: lowest and highest intensity that is kept.
        window: intensities that are black and white at first.
        limit: intensity of the outermost colours of the difference at first.
        greatest: the greatest difference.
        clipped: fraction of the voxels of both volumes that lie outside ``range``.
        original: the scan.
        difference: its reconstruction minus it.
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    order: tuple[tuple[int, bool], ...]
    range: tuple[float, float]
    window: tuple[float, float]
    limit: float
    greatest: float
    clipped: float
    original: PackedVolume
    difference: PackedVolume


def pack_scan(scan: ScanReport, *, max_bytes: int = 8_000_000) -> PackedScan | None:
    """A scan as the viewer reads it.

    A noisy volume compresses badly, and its noise hides coarse steps: where the pair is too long as text, the
    number of levels of the longer volume is halved, again and again, until it fits.

    Args:
        scan: the scan.
        max_bytes: greatest length of the text of both volumes, bytes.

    Returns:
        Nothing where 8 levels are still too many.

    Example:
        >>> image = np.zeros((2, 3, 4))
        >>> packed = pack_scan(ScanReport("a", image, image, axis_codes="SRA"))
        >>> packed.shape if packed else None
        (3, 4, 2)
    """
    low, high = value_range(scan.original, scan.reconstruction)
    n_clipped = sum(
        int(np.count_nonzero((volume < low) | (volume > high)))
        for volume in (scan.original, scan.reconstruction)
    )
    original = np.clip(to_ras(scan.original, scan.axis_codes), low, high).astype(np.float32)
    difference = (
        np.clip(to_ras(scan.reconstruction, scan.axis_codes), low, high).astype(np.float32) - original
    )
    greatest = float(np.abs(difference).max()) or high - low
    pair = _pack_pair(original, difference, low=low, high=high, greatest=greatest, max_bytes=max_bytes)
    if pair is None:
        return None
    order = axis_order(scan.axis_codes)
    spacing = {axis: size for (axis, _), size in zip(order, scan.spacing, strict=True)}
    return PackedScan(
        shape=original.shape,
        spacing=tuple(spacing[axis] for axis in range(3)),
        order=tuple(order),
        range=(low, high),
        window=display_window(scan.original),
        limit=typical_error(difference) or greatest,
        greatest=greatest,
        clipped=n_clipped / (2 * scan.original.size),
        original=pair[0],
        difference=pair[1],
    )


def _pack_pair(
    original: Float[np.ndarray, "x y z"],
    difference: Float[np.ndarray, "x y z"],
    *,
    low: float,
    high: float,
    greatest: float,
    max_bytes: int,
) -> tuple[PackedVolume, PackedVolume] | None:
    levels = [_FINEST, _FINEST]

    def pack_original() -> PackedVolume:
        return _pack(original, offset=low, step=(high - low) / (levels[0] - 1), n_levels=levels[0])

    def pack_difference() -> PackedVolume:
        # An odd number of levels: zero is one of them.
        step = 2 * greatest / (levels[1] - 2)
        return _pack(difference, offset=-greatest, step=step, n_levels=levels[1] - 1)

    pair = [pack_original(), pack_difference()]
    while sum(len(volume.data) for volume in pair) > max_bytes:
        finer = [which for which in (0, 1) if levels[which] > _COARSEST]
        if not finer:
            return None
        longer = max(finer, key=lambda which: len(pair[which].data))
        levels[longer] //= 2
        pair[longer] = (pack_original, pack_difference)[longer]()
    return pair[0], pair[1]


def _pack(volume: Real[np.ndarray, "x y z"], *, offset: float, step: float, n_levels: int) -> PackedVolume:
    numbers = np.clip(np.round((volume - offset) / step), 0, n_levels - 1).astype(np.uint8)
    # What the prediction leaves has no phrases, only runs: Z_RLE is both smaller and several times faster.
    packer = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS, 9, zlib.Z_RLE)
    data = packer.compress(_unpredicted(numbers).tobytes()) + packer.flush()
    return PackedVolume(offset, step, n_levels, base64.b64encode(data).decode("ascii"))


def _unpredicted(numbers: UInt8[np.ndarray, "x y z"]) -> UInt8[np.ndarray, "x y z"]:
    # Mean, rounded down, of the neighbours before it along the three axes; outside the volume they are 0.
    before = np.zeros(numbers.shape, np.uint16)
    before[1:] += numbers[:-1]
    before[:, 1:] += numbers[:, :-1]
    before[:, :, 1:] += numbers[:, :, :-1]
    return numbers - (before // 3).astype(np.uint8)

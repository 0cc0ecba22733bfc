"""A look at a scan's header, before any work, whether there is memory for it."""

import math
from typing import Any

import nibabel as nib

from mrrecon.memory import available_memory

__all__ = ["MemoryCheck", "available_memory"]


class MemoryCheck:
    """Refuses a scan that clearly needs more memory than there is.

    What a scan needs is its voxels times what one voxel takes on its way through the pipeline (measured as
    the difference of the peaks for 256³ and 128³ voxels, int16, the process itself left out). Only NIfTI and
    the other formats that nibabel knows tell their size beforehand; others pass.

    Args:
        bytes_per_voxel: of the whole pipeline, in one pass.
        bytes_per_voxel_in_tiles: the same without the network, when it works in tiles.
        bytes_per_voxel_near_lossless: the same where voxels are stored one by one.
        roi_size: voxels of a tile, or None; as for ``CodecInferer``.
        max_error: as for ``ScanCodec``; None: voxels are not stored one by one.
        available: bytes that can be had; None: what the machine says each time.

    Example:
        >>> MemoryCheck(available=0)("no_scan.nii")
    """

    def __init__(
        self,
        *,
        bytes_per_voxel: float = 41.0,
        bytes_per_voxel_in_tiles: float = 36.0,
        bytes_per_voxel_near_lossless: float = 110.0,
        roi_size: object = None,
        max_error: int | float | None = None,
        available: int | None = None,
    ) -> None:
        self.bytes_per_voxel = bytes_per_voxel if roi_size is None else bytes_per_voxel_in_tiles
        if max_error is not None:
            self.bytes_per_voxel = bytes_per_voxel_near_lossless
        self.bytes_per_voxel_in_tiles = bytes_per_voxel_in_tiles
        self.tiles_help = roi_size is None and max_error is None
        self.available = available

    def __call__(self, path: str) -> None:
        """Look at a scan.

        Raises:
            ValueError: it is too large.
        """
        shape = _shape(path)
        available = available_memory() if self.available is None else self.available
        needed = self.bytes_per_voxel * math.prod(shape)
        if not shape or available is None or needed <= available:
            return
        sides = " x ".join(str(side) for side in shape)
        in_tiles = self.bytes_per_voxel_in_tiles * math.prod(shape) / 2**30
        way = f"--roi_size 128 (in tiles: about {in_tiles:.1f} GiB) or " if self.tiles_help else ""
        raise ValueError(
            f"{path} has {sides} voxels, which need about {needed / 2**30:.1f} GiB of memory, and "
            f"{available / 2**30:.1f} GiB are free: give {way}a machine with more"
        )


def _shape(path: str) -> tuple[int, ...]:
    try:
        image: Any = nib.load(path)
        return tuple(int(side) for side in image.shape)
    # What it is, and why it cannot be read, is for the reader to say.
    except Exception:  # noqa: BLE001
        return ()

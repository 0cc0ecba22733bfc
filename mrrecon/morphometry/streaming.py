"""Maps of many subjects, read a block of voxels at a time, from memory or from NIfTI files."""

import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

__all__ = ["MapSource", "Maps", "cached_blocks", "open_maps"]

Maps = Float[Tensor, "maps ..."] | Sequence[str | Path]
"""Values in memory, a row a map, or one NIfTI file a map, all on one grid."""

_BLOCK = 1 << 20  # bytes of float32 in a block of memory's maps: within the caches
_LEAST = 1024  # voxels of a block


def cached_blocks(
    values: Float[Tensor, "maps voxels"], first: int
) -> Iterator[tuple[int, Float[Tensor, "maps voxels"]]]:
    """Blocks that fit into the processor's caches; on other devices larger ones.

    Args:
        values: of all maps.
        first: number of their first voxel.

    Example:
        >>> [number for number, _ in cached_blocks(torch.zeros(128, 5000), 100)]
        [100, 2148, 4196]
    """
    n_maps, n_voxels = values.shape
    block = max(_LEAST, (_BLOCK if values.device.type == "cpu" else 256 * _BLOCK) // 4 // n_maps)
    for start in range(0, n_voxels, block):
        yield first + start, values[:, start : start + block]


class MapSource(ABC):
    """Maps that can be read in blocks of voxels.

    Args:
        names: of the maps, for messages.
        grid: shape of each.
        affine: voxel indices to mm; None where the maps are tensors.
    """

    names: Sequence[str]
    grid: tuple[int, ...]
    affine: np.ndarray | None

    def blocks(self) -> Iterator[tuple[int, Float[Tensor, "maps voxels"]]]:
        """Number of the first voxel, and the values from there on: as many as fit into the caches."""
        for first, values in self.large_blocks():
            yield from cached_blocks(values, first)

    @abstractmethod
    def large_blocks(self) -> Iterator[tuple[int, Float[Tensor, "maps voxels"]]]:
        """The same, as many as are in memory at a time; those of files only until the next are asked for."""

    @abstractmethod
    def flat(self, volume: Tensor) -> Float[Tensor, " voxels"] | Bool[Tensor, " voxels"]:
        """Voxels of a volume in the order of the blocks."""

    @abstractmethod
    def volume(self, voxels: Tensor) -> Tensor:
        """The reverse of ``flat``, for one or more rows of voxels."""


@contextmanager
def open_maps(
    maps: Maps,
    *,
    memory: int = 1 << 26,
    folder: str | Path | None = None,
    stored_as: Literal["float32", "float16"] = "float32",
) -> Iterator[MapSource]:
    """Maps to be read in blocks, for use in ``with``.

    Uncompressed files are read where they lie. Compressed ones are unpacked once, one after the other, into a
    temporary file that is removed at the end.

    Args:
        maps: values in memory, or files.
        memory: bytes of a block of values from files, about.
        folder: where the temporary file goes; by default the system's.
        stored_as: type of the numbers in it; ``"float16"`` keeps three digits in half the room.

    Raises:
        ValueError: there is no map, or the maps differ in shape or affine.
        OSError: a file cannot be read, or the disk has too little room.

    Example:
        >>> with open_maps(torch.zeros(3, 4, 4, 4)) as source:
        ...     source.grid
        (4, 4, 4)
    """
    if isinstance(maps, Tensor):
        if maps.ndim < 2 or maps.numel() == 0:
            raise ValueError(
                f"maps must have a row a map and at least one voxel, got the shape {list(maps.shape)}"
            )
        yield _InMemory(maps)
        return
    if not maps:
        raise ValueError("maps is empty: give at least one file")
    headers = [_header(Path(path)) for path in maps]
    _check_grids(headers)
    compressed = [number for number, header in enumerate(headers) if header.path.suffix == ".gz"]
    if not compressed:
        yield _Files(headers, memory=memory)
        return
    with tempfile.TemporaryDirectory(prefix="mrrecon-maps-", dir=folder) as store:
        n_voxels = int(np.prod(headers[0].shape))
        needed = len(compressed) * n_voxels * np.dtype(stored_as).itemsize
        free = shutil.disk_usage(store).free
        if needed > free:
            raise OSError(
                f"unpacking {len(compressed)} maps needs {needed >> 20} MiB of disk, "
                f"{store} has {free >> 20}: name another folder, or store them as float16"
            )
        for number in compressed:
            headers[number] = _unpack(headers[number], Path(store, f"{number}.raw"), np.dtype(stored_as))
        yield _Files(headers, memory=memory)


class _InMemory(MapSource):
    """Values in memory."""

    def __init__(self, maps: Tensor) -> None:
        self.names = [f"map {row}" for row in range(len(maps))]
        self.grid = tuple(maps.shape[1:])
        self.affine = None
        self._maps = maps.flatten(1)

    def large_blocks(self) -> Iterator[tuple[int, Tensor]]:
        yield 0, self._maps

    def flat(self, volume: Tensor) -> Tensor:
        return volume.to(self._maps.device).flatten()

    def volume(self, voxels: Tensor) -> Tensor:
        return voxels.unflatten(-1, self.grid)


@dataclass(frozen=True)
class _Header:
    path: Path
    shape: tuple[int, ...]
    affine: np.ndarray
    dtype: np.dtype
    offset: int
    slope: float
    intercept: float
    unpacked: Path | None = None


class _Files(MapSource):
    """Values in uncompressed files, which are read from their place: no page of them stays in memory."""

    def __init__(self, headers: Sequence[_Header], *, memory: int) -> None:
        self.names = [str(header.path) for header in headers]
        self.grid = headers[0].shape
        self.affine = headers[0].affine
        self._headers = headers
        self._block = max(_LEAST, memory // 4 // len(headers))

    def large_blocks(self) -> Iterator[tuple[int, Tensor]]:
        n_voxels = int(np.prod(self.grid))
        # One room for all blocks: the system's way to fresh memory takes longer than reading.
        room = np.empty(len(self._headers) * min(self._block, n_voxels), np.float32)
        for first in range(0, n_voxels, self._block):
            count = min(self._block, n_voxels - first)
            values = room[: len(self._headers) * count].reshape(-1, count)
            for row, header in zip(values, self._headers, strict=True):
                _read(header, first, into=row)
            yield first, torch.from_numpy(values)

    # NIfTI's first axis runs fastest.
    def flat(self, volume: Tensor) -> Tensor:
        return volume.permute(2, 1, 0).flatten().cpu()

    def volume(self, voxels: Tensor) -> Tensor:
        return voxels.unflatten(-1, self.grid[::-1]).transpose(-1, -3)


def _read(header: _Header, first: int, *, into: np.ndarray) -> None:
    plain = (header.slope, header.intercept) == (1.0, 0.0)
    # What is stored as it is kept needs no copy.
    values = into if plain and header.dtype == into.dtype else np.empty(len(into), header.dtype)
    with (header.unpacked or header.path).open("rb", buffering=0) as file:
        file.seek(header.offset + first * header.dtype.itemsize)
        if file.readinto(values.data) != values.nbytes:
            raise OSError(f"{header.path} ends before its last voxel: the file is damaged")
    if values is not into:
        into[:] = values if plain else values * header.slope + header.intercept


def _unpack(header: _Header, path: Path, dtype: np.dtype) -> _Header:
    import nibabel as nib

    try:
        # In the order of the file, which nibabel's array has too.
        values = np.asanyarray(nib.Nifti1Image.from_filename(header.path).dataobj).reshape(-1, order="F")
    except (OSError, EOFError, ValueError) as error:
        raise OSError(f"{header.path} cannot be unpacked: {error}") from error
    values.astype(dtype).tofile(path)
    return _Header(header.path, header.shape, header.affine, dtype, 0, 1.0, 0.0, unpacked=path)


def _header(path: Path) -> _Header:
    import nibabel as nib

    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there")
    try:
        image = nib.load(path)
    except (nib.filebasedimages.ImageFileError, OSError, EOFError) as error:
        raise OSError(f"{path} cannot be read as NIfTI") from error
    if not isinstance(image, nib.Nifti1Image):
        raise OSError(f"{path} must be NIfTI (.nii or .nii.gz), got {type(image).__name__}")
    shape = tuple(int(n) for n in image.shape)
    if len(shape) < 3 or any(n != 1 for n in shape[3:]) or 0 in shape:
        raise ValueError(f"{path} must hold one map of three axes, got the shape {shape}")
    dtype = image.header.get_data_dtype()
    if dtype.kind not in "iuf":
        raise ValueError(f"{path} must hold real numbers, got {dtype}")
    proxy: Any = image.dataobj
    return _Header(
        path, shape[:3], image.affine, dtype, int(proxy.offset), float(proxy.slope), float(proxy.inter)
    )


def _check_grids(headers: Sequence[_Header]) -> None:
    first = headers[0]
    for header in headers[1:]:
        if header.shape != first.shape:
            raise ValueError(
                f"{header.path} has the shape {header.shape}, {first.path} has {first.shape}: "
                "bring the maps to one grid"
            )
        # A thousandth of a millimetre at the far corner is rounding.
        far = np.array([*first.shape, 0.0])
        apart = np.abs(header.affine - first.affine)
        if (apart[:3] @ far).max() + apart[:3, 3].max() > 1e-3 * 2:
            raise ValueError(
                f"{header.path} lies elsewhere than {first.path} (their affines differ by up to "
                f"{apart.max():.3g}): bring the maps to one grid"
            )

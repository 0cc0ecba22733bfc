"""What a code file has to know of a scan to bring it back."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, get_args

from mrrecon.codec.container import CodecError

__all__ = ["CodesHeader", "Geometry", "VolumeHeader", "from_json"]

MAX_VOXELS = 1 << 33
"""Voxels of a scan, at most: no allocation goes beyond what a header of this size asks for."""

INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
FLOATS = ("float32", "float64")
AXES = ({"L", "R"}, {"P", "A"}, {"I", "S"})

_WORD = re.compile(r"[\w.+-]{0,64}")


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """Where the voxels of a scan lie.

    Args:
        shape: voxels along the scan's own three axes.
        affine: first three rows of the matrix from voxels to mm (right, anterior, superior), row by row.
        axes: where the scan's own axes point to, such as ``"LAS"``.
        form_codes: NIfTI's codes of the qform and of the sform.

    Raises:
        CodecError: a value that no scan has.
    """

    shape: tuple[int, int, int]
    affine: tuple[float, ...]
    axes: str
    form_codes: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or min(self.shape) < 1 or math.prod(self.shape) > MAX_VOXELS:
            raise CodecError(f"shape={self.shape} must be three positive numbers of at most 2^33 voxels")
        _finite("affine", self.affine, 12)
        if sorted(_axis(letter) for letter in self.axes) != [0, 1, 2]:
            raise CodecError(f"axes={self.axes!r} must have a letter of LR, PA and IS each")
        if len(self.form_codes) != 2 or not all(0 <= code < 1 << 15 for code in self.form_codes):
            raise CodecError(f"form_codes={self.form_codes} must be two codes of NIfTI")

    @property
    def ras_shape(self) -> tuple[int, int, int]:
        """Voxels along right, anterior, superior: the shape that the network sees."""
        sides = {_axis(letter): side for letter, side in zip(self.axes, self.shape, strict=True)}
        return sides[0], sides[1], sides[2]


@dataclass(frozen=True, kw_only=True)
class CodesHeader(Geometry):
    """Header of a scan stored as fields of codes.

    Args:
        data_type: type of the numbers of the scan, such as ``"int16"``.
        offset: intensity where the network has 0.
        slope: intensity per unit of the network; 0 for a constant scan.
        multiple: the scan is padded to multiples of so many voxels, half before and the greater half after.
        strides: voxels per index along each axis, one number a field, finest first.
        n_codes: codes a level.
        weights: identity of the network's weights.
        model: identity of the entropy model, ``"histogram"`` where the payload brings it.
        source: identity of the scan's file.
    """

    data_type: str
    offset: float
    slope: float
    multiple: int
    strides: tuple[int, ...]
    n_codes: int
    weights: str
    model: str
    source: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        _finite("offset and slope", (self.offset, self.slope), 2)
        if not 1 <= self.multiple <= 1 << 12 or not 2 <= self.n_codes <= 1 << 16:
            raise CodecError(f"multiple={self.multiple} or n_codes={self.n_codes} is out of range")
        if not 1 <= len(self.strides) <= 8 or any(n < 1 or self.multiple % n for n in self.strides):
            raise CodecError(f"strides={self.strides} must divide multiple={self.multiple}, one a field")

    @property
    def field_shapes(self) -> list[tuple[int, int, int]]:
        """Shapes of the fields, finest first, along right, anterior, superior."""
        padded = [-(-side // self.multiple) * self.multiple for side in self.ras_shape]
        return [(padded[0] // n, padded[1] // n, padded[2] // n) for n in self.strides]


@dataclass(frozen=True, kw_only=True)
class VolumeHeader(Geometry):
    """Header of a scan stored voxel by voxel, with an error of at most ``max_error``.

    Args:
        data_type: type of the stored numbers.
        max_error: largest difference of an intensity, as it was asked for.
        step: what a unit of the coded whole numbers is in stored ones: 1 for whole numbers.
        source: identity of the scan's file.
    """

    data_type: str
    max_error: float
    step: float = 1.0
    source: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.data_type not in INTEGERS + FLOATS:
            raise CodecError(f"data_type={self.data_type!r} must be one of {', '.join(INTEGERS + FLOATS)}")
        _finite("max_error and step", (self.max_error, self.step), 2)
        if self.max_error < 0 or self.step <= 0 or (self.step != 1 and self.data_type in INTEGERS):
            raise CodecError("max_error must not be negative, and step must be positive, 1 for whole numbers")


def from_json(kind: type[Any], content: Mapping[str, Any]) -> Any:
    """Header of a kind, from JSON of any content.

    Args:
        kind: ``CodesHeader`` or ``VolumeHeader``.
        content: what the file has.

    Raises:
        CodecError: an entry is missing, foreign, of another type or out of range.
    """
    wanted = {field.name: field.type for field in fields(kind)}
    missing, foreign = wanted.keys() - content.keys(), content.keys() - wanted.keys()
    if missing or foreign:
        raise CodecError(
            f"has a header with {', '.join(sorted(missing)) or 'nothing'} missing "
            f"and {', '.join(sorted(foreign))[:80] or 'nothing'} foreign"
        )
    return kind(**{name: _typed(name, value, wanted[name]) for name, value in content.items()})


def _typed(name: str, value: Any, wanted: Any) -> Any:
    inner = get_args(wanted)
    if not inner:
        if wanted is float and type(value) is int and abs(value) < 1 << 53:
            return float(value)
        if type(value) is not wanted or (wanted is str and not _WORD.fullmatch(value)):
            raise CodecError(f"has a header whose {name} is no {wanted.__name__}")
        return value
    if not isinstance(value, list) or len(value) > 16 or (inner[-1] is not ... and len(value) != len(inner)):
        raise CodecError(f"has a header whose {name} is no list of the length it should have")
    return tuple(_typed(name, item, inner[0]) for item in value)


def _finite(name: str, values: Sequence[float], length: int) -> None:
    if len(values) != length or not all(math.isfinite(value) for value in values):
        raise CodecError(f"{name} must be {length} finite numbers")


def _axis(letter: str) -> int:
    return next((axis for axis, letters in enumerate(AXES) if letter in letters), -1)

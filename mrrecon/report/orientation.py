"""Which way the axes of a volume point in the patient."""

import nibabel as nib
import numpy as np
from jaxtyping import Real

__all__ = ["axis_order", "check_axis_codes", "spacing_and_axes", "to_ras"]

# Canonical axis and whether the index runs against it.
_DIRECTIONS = {
    "R": (0, False),
    "L": (0, True),
    "A": (1, False),
    "P": (1, True),
    "S": (2, False),
    "I": (2, True),
}


def spacing_and_axes(
    affine: Real[np.ndarray, "4 4"],
) -> tuple[tuple[float, float, float], str]:
    """Voxel size in mm and axis codes of an affine, as ``ScanReport`` wants them.

    An oblique axis gets the letter of the direction of the patient that is nearest.

    Args:
        affine: voxel indices to mm, x to the right, y to the front, z upwards (the convention of NIfTI).

    Raises:
        ValueError: the affine is not finite or has no inverse.

    Example:
        >>> spacing_and_axes(np.diag([-2.0, 1.0, 1.0, 1.0]))
        ((2.0, 1.0, 1.0), 'LAS')
    """
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-12:
        raise ValueError(f"affine={affine.tolist()} must be finite and have an inverse")
    x, y, z = (float(size) for size in nib.affines.voxel_sizes(affine))
    return (x, y, z), "".join(nib.aff2axcodes(affine))


def check_axis_codes(axis_codes: str) -> None:
    """Refuses letters that do not name three different axes of the patient.

    Args:
        axis_codes: three letters, for example ``"RAS"``.

    Raises:
        ValueError: they do not name three different axes.

    Example:
        >>> check_axis_codes("LPS")
    """
    axes = [_DIRECTIONS[letter][0] for letter in axis_codes if letter in _DIRECTIONS]
    if len(axis_codes) != 3 or sorted(axes) != [0, 1, 2]:
        raise ValueError(
            f"axis_codes={axis_codes!r} must be one of R or L, one of A or P, one of S or I, in any order"
        )


def axis_order(axis_codes: str) -> list[tuple[int, bool]]:
    """For each axis of the array, the canonical axis (0 right, 1 front, 2 up) and whether it runs against it.

    Args:
        axis_codes: three letters, the direction in which each index grows.

    Example:
        >>> axis_order("LSA")
        [(0, True), (2, False), (1, False)]
    """
    check_axis_codes(axis_codes)
    return [_DIRECTIONS[letter] for letter in axis_codes]


def to_ras(volume: Real[np.ndarray, "_ _ _"], axis_codes: str) -> Real[np.ndarray, "_ _ _"]:
    """View of a volume whose indices grow to the patient's right, front and top.

    Args:
        volume: array of three axes.
        axis_codes: three letters, the direction in which each index grows.

    Example:
        >>> to_ras(np.arange(3.0).reshape(3, 1, 1), "LAS").ravel()
        array([2., 1., 0.])
    """
    order = axis_order(axis_codes)
    flips = tuple(axis for axis, (_, against) in enumerate(order) if against)
    return np.transpose(np.flip(volume, flips), np.argsort([axis for axis, _ in order]))

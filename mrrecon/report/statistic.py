"""What pictures of a t-map share: values at places in mm, colours above a threshold, and their bar."""

from collections.abc import Sequence
from math import isfinite

import numpy as np
from jaxtyping import Bool, Float, Real, UInt8
from PIL import Image, ImageDraw, ImageFont

from mrrecon.report.colours import colour

__all__ = [
    "INK",
    "check_statistic",
    "colour_bar",
    "patient_rows",
    "sample_at",
    "statistic_colours",
    "world_axes",
]

INK = (190, 194, 202)
# The table of signed colours is black at 0: what is just above the threshold starts some way out.
_FIRST = 0.35


def check_statistic(
    t: Float[np.ndarray, "_ _ _"],
    affine: Real[np.ndarray, "4 4"],
    *,
    threshold: float | int,
    limit: float | int | None,
) -> float:
    """Value of the outermost colours, by default the greatest absolute one.

    Args:
        t: values.
        affine: voxel indices to mm.
        threshold: from 0 up.
        limit: asked for, above the threshold.

    Raises:
        ValueError: the map is empty or not finite, the affine has no inverse, or a number is out of range.

    Example:
        >>> check_statistic(np.full((2, 2, 2), -5.0), np.eye(4), threshold=3.0, limit=None)
        5.0
    """
    if t.size == 0 or not np.isfinite(t).all():
        raise ValueError(f"t must be finite and hold at least one voxel, got the shape {t.shape}")
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-12:
        raise ValueError(f"affine={affine.tolist()} must be finite and have an inverse")
    if not (isfinite(threshold) and threshold >= 0):
        raise ValueError(f"threshold={threshold} must be finite and not negative")
    if limit is None:
        greatest = float(np.abs(t).max())
        return greatest if greatest > threshold else float(threshold) + 1
    if not (isfinite(limit) and limit > threshold):
        raise ValueError(f"limit={limit} must be above threshold={threshold}")
    return float(limit)


def sample_at(
    volume: Real[np.ndarray, "_ _ _"],
    affine: Real[np.ndarray, "4 4"],
    axes: Sequence[Float[np.ndarray, " _"]],
    *,
    nearest: bool = False,
) -> Float[np.ndarray, "right front up"]:
    """Values of a volume on a grid along the patient's axes, 0 outside of it.

    Args:
        volume: values.
        affine: voxel indices to mm.
        axes: mm to the right, to the front and upwards, one array each.
        nearest: take the nearest voxel; by default linear between voxels.

    Example:
        >>> ramp, zero = np.arange(3.0).reshape(3, 1, 1), np.zeros(1)
        >>> sample_at(ramp, np.eye(4), [np.array([1.5]), zero, zero])
        array([[[1.5]]])
    """
    from scipy.ndimage import map_coordinates

    inverse = np.linalg.inv(np.asarray(affine, np.float64))
    points = [
        inverse[row, 0] * axes[0][:, None, None]
        + inverse[row, 1] * axes[1][None, :, None]
        + inverse[row, 2] * axes[2][None, None, :]
        + inverse[row, 3]
        for row in range(3)
    ]
    values = np.asarray(volume, np.float64)
    return map_coordinates(values, points, order=0 if nearest else 1, mode="grid-constant", cval=0.0)


def world_axes(
    inside: Bool[np.ndarray, "_ _ _"], affine: Real[np.ndarray, "4 4"], *, step: float, margin: float = 4.0
) -> list[Float[np.ndarray, " _"]]:
    """Places along the patient's axes that hold a region and some room around it, mm.

    Args:
        inside: the region, at least one voxel.
        affine: voxel indices to mm.
        step: distance of the places, mm.
        margin: room around it, mm.

    Example:
        >>> world_axes(np.ones((3, 2, 1), bool), np.eye(4), step=1.0, margin=1.0)[0]
        array([-1.,  0.,  1.,  2.,  3.])
    """
    found = [
        np.flatnonzero(inside.any(tuple(other for other in range(3) if other != axis))) for axis in range(3)
    ]
    corners = np.array(np.meshgrid(*[(at[0], at[-1]) for at in found], [1.0])).reshape(4, -1)
    mm = (np.asarray(affine, np.float64) @ corners)[:3]
    return [
        np.arange(round((low - margin) / step), round((high + margin) / step) + 1) * step
        for low, high in zip(mm.min(1), mm.max(1), strict=True)
    ]


def patient_rows(plane: Real[np.ndarray, "across up"]) -> Real[np.ndarray, "up across"]:
    """A plane as rows of a picture: the top first, the patient's right or front on the left.

    Args:
        plane: first index to the right or to the front, second to the front or upwards.

    Example:
        >>> patient_rows(np.array([[0, 1], [2, 3]])).tolist()
        [[3, 1], [2, 0]]
    """
    return plane.T[::-1, ::-1]


def statistic_colours(
    values: Float[np.ndarray, "height width"],
    under: UInt8[np.ndarray, "height width rgb=3"],
    *,
    threshold: float | int,
    limit: float,
) -> UInt8[np.ndarray, "height width rgb=3"]:
    """Picture with what exceeds a threshold in colours over it.

    Args:
        values: of the statistic.
        under: the picture below.
        threshold: what does not exceed it leaves the picture as it is.
        limit: value of the outermost colours.

    Example:
        >>> under = np.zeros((1, 2, 3), np.uint8)
        >>> statistic_colours(np.array([[5.0, 1.0]]), under, threshold=2.0, limit=5.0).tolist()
        [[[255, 238, 185], [0, 0, 0]]]
    """
    size = np.abs(values)
    place = np.sign(values) * (_FIRST + (1 - _FIRST) * (size - threshold) / (limit - threshold))
    return np.where((size > threshold)[..., None], colour(place, limit=1.0), under)


def colour_bar(
    canvas: Image.Image,
    box: tuple[int, int, int, int],
    *,
    threshold: float | int,
    limit: float,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    """Draws the colours from minus to plus the limit, black below the threshold, and their values below.

    Args:
        canvas: where to draw.
        box: left, top, right and bottom, pixels.
        threshold: smallest value in colour.
        limit: value of the outermost colours.
        font: of the numbers.
    """
    left, top, right, bottom = box
    ramp = np.linspace(-limit, limit, right - left)[None]
    pixels = statistic_colours(
        ramp, np.full((1, right - left, 3), 40, np.uint8), threshold=threshold, limit=limit
    )
    canvas.paste(Image.fromarray(pixels).resize((right - left, bottom - top)), (left, top))
    pen, middle = ImageDraw.Draw(canvas), (left + right) / 2
    for value in sorted({-limit, -float(threshold), float(threshold), limit}):
        x = middle + value / limit * (right - left) / 2
        anchor = "la" if value == -limit else "ra" if value == limit else "ma"
        pen.text((x, bottom + 3), f"{value:+.3g}" if value else "0", fill=INK, font=font, anchor=anchor)
    pen.text((right + 8, (top + bottom) / 2), "t", fill=INK, font=font, anchor="lm")

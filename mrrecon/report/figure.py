"""A still picture of a scan beside its reconstruction."""

from io import BytesIO

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont

from mrrecon.report.colours import colour, grey
from mrrecon.report.orientation import axis_order, to_ras
from mrrecon.report.ranges import typical_error
from mrrecon.report.scan import check_spacing, check_volumes

__all__ = ["draw_figure", "reconstruction_figure"]

# Canonical axes across and up each plane. Radiological: the patient's right is on the left.
_PLANES = (("axial", 0, 1), ("coronal", 0, 2), ("sagittal", 1, 2))
_LETTERS = ("RL", "AP", "SI")
_INK = (190, 194, 202)


def reconstruction_figure(
    original: Float[np.ndarray, "_ _ _"],
    reconstruction: Float[np.ndarray, "_ _ _"],
    *,
    data_range: tuple[float, float],
    difference_range: float | None = None,
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
    axis_codes: str = "RAS",
    width: int = 960,
) -> bytes:
    r"""Three planes through the middle of a scan, as PNG: original, reconstruction, difference.

    The difference is the reconstruction minus the original. Voxels are drawn in their true proportions,
    the patient's right on the left and the front on the left.

    Args:
        original: intensities.
        reconstruction: intensities on the same grid.
        data_range: intensities that are black and white.
        difference_range: intensity of the outermost colours of the difference, positive; by default the one
            that a voxel in a thousand exceeds.
        spacing: mm, one per axis of the array.
        axis_codes: the direction of the patient in which each index grows, for example ``"RAS"``.
        width: pixels, at least 240.

    Raises:
        ValueError: the volumes differ in shape, are empty or not finite, or an argument is out of its range.

    Example:
        >>> image = np.zeros((8, 8, 8))
        >>> reconstruction_figure(image, image, data_range=(0.0, 1.0))[:4]
        b'\x89PNG'
    """
    file = BytesIO()
    draw_figure(
        original,
        reconstruction,
        data_range=data_range,
        difference_range=difference_range,
        spacing=spacing,
        axis_codes=axis_codes,
        width=width,
    ).save(file, "PNG", optimize=True)
    return file.getvalue()


def draw_figure(
    original: Float[np.ndarray, "_ _ _"],
    reconstruction: Float[np.ndarray, "_ _ _"],
    *,
    data_range: tuple[float, float],
    difference_range: float | None,
    spacing: tuple[float, float, float],
    axis_codes: str,
    width: int,
    names: tuple[str, str] = ("original", "reconstruction"),
) -> Image.Image:
    """The picture of ``reconstruction_figure``, not yet written in a format; the same arguments."""
    check_volumes(original, reconstruction)
    check_spacing(spacing)
    low, high = data_range
    if not low < high:
        raise ValueError(f"data_range={data_range} must be a lower and a higher intensity")
    if difference_range is not None and difference_range <= 0:
        raise ValueError(f"difference_range={difference_range} must be positive")
    if width < 240:
        raise ValueError(f"width={width} must be at least 240 pixels")

    order = axis_order(axis_codes)
    true, found = to_ras(original, axis_codes), to_ras(reconstruction, axis_codes)
    size = [0.0, 0.0, 0.0]
    for (axis, _), length, n in zip(order, spacing, original.shape, strict=True):
        size[axis] = length * n
    limit = difference_range or typical_error(found - true) or (high - low)

    text = max(9, width // 60)
    margin = round(1.8 * text)
    cell = (width - 4 * margin) // 3
    scale = cell / max(size[across] for _, across, _ in _PLANES)
    heights = [max(1, round(size[up] * scale)) for _, _, up in _PLANES]
    lines = margin + sum(heights) + margin * len(_PLANES)
    canvas = Image.new("RGB", (width, lines + 2 * margin + text // 2))
    pen = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(text)

    for column, name in enumerate((*names, "difference")):
        left = margin + column * (cell + margin)
        pen.text((left + cell // 2, margin // 2), name, fill=_INK, font=font, anchor="mm")
        top = margin
        for (_, across, up), height in zip(_PLANES, heights, strict=True):
            slices = [_middle_slice(volume, across, up).astype(np.float64) for volume in (true, found)]
            picture = (
                colour(slices[1] - slices[0], limit=limit)
                if column == 2
                else grey(slices[column], low=low, high=high)
            )
            wide = max(1, round(size[across] * scale))
            at = (left + (cell - wide) // 2, top)
            canvas.paste(Image.fromarray(picture).resize((wide, height), Image.Resampling.BICUBIC), at)
            if column == 0:
                _letter(pen, _LETTERS[across], _LETTERS[up], (*at, at[0] + wide, top + height), font)
            top += height + margin
    _bar(pen, canvas, (margin, lines, 2 * margin + 2 * cell, lines + text), (low, high), font)
    _bar(pen, canvas, (3 * margin + 2 * cell, lines, width - margin, lines + text), (-limit, limit), font)
    return canvas


def _middle_slice(
    volume: Float[np.ndarray, "x y z"], across: int, up: int
) -> Float[np.ndarray, "height width"]:
    through = 3 - across - up
    plane = np.take(volume, volume.shape[through] // 2, axis=through)
    return plane.T[::-1, ::-1]  # the first row is the highest; the first column the right, or the front


def _letter(
    pen: ImageDraw.ImageDraw,
    across: str,
    up: str,
    box: tuple[int, int, int, int],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    left, top, right, bottom = box
    # Up is towards the front or the top, which comes first in its pair of letters.
    places = (
        ((left + 3, (top + bottom) // 2), across[0], "lm"),
        ((right - 3, (top + bottom) // 2), across[1], "rm"),
        (((left + right) // 2, top + 2), up[0], "ma"),
        (((left + right) // 2, bottom - 2), up[1], "md"),
    )
    for place, letter, anchor in places:
        pen.text(place, letter, fill=_INK, font=font, anchor=anchor, stroke_width=1, stroke_fill=(0, 0, 0))


def _bar(
    pen: ImageDraw.ImageDraw,
    canvas: Image.Image,
    box: tuple[int, int, int, int],
    values: tuple[float, float],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    left, top, right, bottom = box
    ramp = np.linspace(-1, 1, right - left)[None]
    signed = values[0] == -values[1]
    picture: UInt8[np.ndarray, "1 width 3"] = (
        colour(ramp, limit=1.0) if signed else grey(ramp, low=-1.0, high=1.0)
    )
    canvas.paste(Image.fromarray(picture).resize((right - left, bottom - top)), (left, top))
    ends = [f"{value:+.3g}" if signed else f"{value:.3g}" for value in values]
    below = bottom + 3
    pen.text((left, below), ends[0], fill=_INK, font=font, anchor="la")
    pen.text((right, below), ends[1], fill=_INK, font=font, anchor="ra")
    if signed:
        pen.text(((left + right) // 2, below), "0", fill=_INK, font=font, anchor="ma")

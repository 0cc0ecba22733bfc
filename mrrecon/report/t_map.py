"""Slices of a t-map over an anatomical image."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float, Real
from PIL import Image, ImageDraw, ImageFont

from mrrecon.report.colours import grey
from mrrecon.report.ranges import display_window
from mrrecon.report.statistic import (
    INK,
    check_statistic,
    colour_bar,
    patient_rows,
    sample_at,
    statistic_colours,
    world_axes,
)
from mrrecon.report.still import Still

__all__ = ["t_map_slices"]

# White of the anatomy above its brightest tissue: the colours stand out.
_DIM = 1.3
_AXES = {"sagittal": (0, "x", "AP"), "coronal": (1, "y", "RL"), "axial": (2, "z", "RL")}


def t_map_slices(
    t: Float[np.ndarray, "_ _ _"],
    affine: Real[np.ndarray, "4 4"],
    *,
    background: Float[np.ndarray, "_ _ _"],
    background_affine: Real[np.ndarray, "4 4"],
    threshold: float | int,
    limit: float | int | None = None,
    plane: Literal["axial", "coronal", "sagittal"] = "axial",
    at: Sequence[float | int] | None = None,
    n_slices: int = 8,
    name: str = "t-map",
    width: int = 960,
) -> Still:
    """Slices of a t-map in colours over grey anatomy, in rows.

    The patient's right and front are on the left. The two may have different grids: places are in mm.

    Args:
        t: values.
        affine: voxel indices to mm.
        background: image in the same space.
        background_affine: its voxel indices to mm.
        threshold: values that do not exceed it are not shown.
        limit: value of the outermost colours; by default the greatest.
        plane: of the slices.
        at: where they lie, mm; by default ``n_slices`` at about equal distances through what exceeds the
            threshold, one of them through the greatest value.
        n_slices: how many, at least 1, where ``at`` is not given.
        name: what the picture shows.
        width: pixels, at least 300.

    Raises:
        ValueError: the map or the background is empty or not finite, no slice is asked for, or a number is
            out of its range.

    Example:
        >>> brain = np.pad(np.ones((8, 8, 8)), 4)
        >>> t_map_slices(
        ...     9.0 * brain,
        ...     np.eye(4),
        ...     background=brain,
        ...     background_affine=np.eye(4),
        ...     threshold=3,
        ...     at=[6, 8],
        ... ).caption.split(";")[0]
        'Axial slices at z = 6, 8 mm'
    """
    most = check_statistic(t, affine, threshold=threshold, limit=limit)
    if background.size == 0 or not np.isfinite(background).all() or not background.any():
        raise ValueError("background must be finite and somewhere not 0")
    if width < 300:
        raise ValueError(f"width={width} must be at least 300 pixels")
    if n_slices < 1 or (at is not None and not len(at)):
        raise ValueError("at least one slice must be asked for, by at or by n_slices")
    through, letter, sides = _AXES[plane]
    low, high = display_window(background)
    axes = world_axes(background > low + 0.1 * (high - low), background_affine, step=1.0)
    places = (
        [float(mm) for mm in at]
        if at is not None
        else _through(t, affine, threshold, through, axes, n_slices)
    )

    across, up = (axis for axis in range(3) if axis != through)
    text, gap = max(10, width // 75), 6
    n_rows = -(-len(places) // max(1, width // 170))
    columns = -(-len(places) // n_rows)
    cell = min((width - gap * (columns + 1)) // columns, 420)
    tall = round(cell * len(axes[up]) / len(axes[across]))
    canvas = Image.new("RGB", (width, gap + n_rows * (tall + text + 2 * gap) + 4 * text))
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(text)
    margin = (width - columns * cell - (columns - 1) * gap) // 2
    for number, mm in enumerate(places):
        row, column = divmod(number, columns)
        left, top = margin + column * (cell + gap), gap + row * (tall + text + 2 * gap)
        there = [np.array([mm]) if axis == through else axes[axis] for axis in range(3)]
        anatomy = patient_rows(sample_at(background, background_affine, there).squeeze(through))
        values = patient_rows(sample_at(t, affine, there).squeeze(through))
        under = Image.fromarray(grey(anatomy, low=low, high=low + _DIM * (high - low))).resize(
            (cell, tall), Image.Resampling.BICUBIC
        )
        over = Image.fromarray(values.astype(np.float32)).resize((cell, tall), Image.Resampling.BILINEAR)
        pixels = statistic_colours(
            np.asarray(over, np.float64), np.asarray(under), threshold=threshold, limit=most
        )
        canvas.paste(Image.fromarray(pixels), (left, top))
        pen.text((left + 3, top + tall // 2), sides[0], fill=INK, font=font, anchor="lm")
        pen.text((left + cell - 3, top + tall // 2), sides[1], fill=INK, font=font, anchor="rm")
        said = f"{letter} = {mm:.0f} mm"
        pen.text((left + cell // 2, top + tall + gap), said, fill=INK, font=font, anchor="ma")
    bottom = canvas.height - 3 * text
    colour_bar(
        canvas,
        (width // 4, bottom, 3 * width // 4, bottom + text),
        threshold=threshold,
        limit=most,
        font=font,
    )
    listed = ", ".join(f"{mm:.0f}" for mm in places)
    caption = (
        f"{plane.capitalize()} slices at {letter} = {listed} mm; in colours where |t| > {threshold:.3g}; "
        "the patient's right and front are on the left"
    )
    return Still(name, np.asarray(canvas), caption)


def _through(
    t: np.ndarray, affine: np.ndarray, threshold: float, through: int, axes: list[np.ndarray], n: int
) -> list[float]:
    """Places through what exceeds the threshold, or through the image where nothing does."""
    above = np.abs(t) > threshold
    range_of = world_axes(above, affine, step=1.0, margin=0.0)[through] if above.any() else axes[through]
    first, last = max(range_of[0], axes[through][0]), min(range_of[-1], axes[through][-1])
    if above.any() and n > 1 and last - first < 3 * (n - 1):
        middle = (first + last) / 2
        first, last = middle - 1.5 * (n - 1), middle + 1.5 * (n - 1)
    places = [float(round(mm)) for mm in (np.arange(n) + 0.5) / n * (last - first) + first]
    if above.any():
        peak = np.asarray(affine, np.float64) @ [*np.unravel_index(np.abs(t).argmax(), t.shape), 1.0]
        nearest = min(range(n), key=lambda number: abs(places[number] - peak[through]))
        places[nearest] = float(round(peak[through]))
    return places

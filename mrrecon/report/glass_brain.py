"""A t-map seen through the brain: the farthest value along each line of sight, over the brain's outline."""

import nibabel as nib
import numpy as np
from jaxtyping import Float, Real, UInt8
from PIL import Image, ImageDraw, ImageFont

from mrrecon.data import template_path
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

__all__ = ["glass_brain"]

# Line of sight, letters of the left and the right side of the picture.
_VIEWS = (("sagittal", 0, "AP"), ("coronal", 1, "RL"), ("axial", 2, "RL"))
_LINE = np.array([150, 156, 168])
_HAZE = 60.0


def glass_brain(
    t: Float[np.ndarray, "_ _ _"],
    affine: Real[np.ndarray, "4 4"],
    *,
    threshold: float | int,
    limit: float | int | None = None,
    background: Float[np.ndarray, "_ _ _"] | None = None,
    background_affine: Real[np.ndarray, "4 4"] | None = None,
    name: str = "t-map",
    width: int = 960,
) -> Still:
    """Three projections of a t-map: of all values on a line the one farthest from 0, with its sign.

    The patient's right and front are on the left. The outline is that of the brain in the background.

    Args:
        t: values.
        affine: voxel indices to mm, in the space of the background.
        threshold: values that do not exceed it are not shown.
        limit: value of the outermost colours; by default the greatest.
        background: brain without skull, 0 outside; by default the MNI152 template.
        background_affine: its voxel indices to mm.
        name: what the picture shows.
        width: pixels, at least 300.

    Raises:
        ValueError: the map or the background is empty or not finite, only one of background and its affine is
            given, or a number is out of its range.

    Example:
        >>> brain = np.pad(np.ones((8, 8, 8)), 4)
        >>> still = glass_brain(
        ...     9.0 * brain, np.eye(4), threshold=3, background=brain, background_affine=np.eye(4), width=300
        ... )
        >>> still.pixels.shape[1:]
        (300, 3)
    """
    most = check_statistic(t, affine, threshold=threshold, limit=limit)
    if width < 300:
        raise ValueError(f"width={width} must be at least 300 pixels")
    brain, brain_affine = _background(background, background_affine)
    inside = brain > 0.1 * float(np.percentile(brain[brain > 0], 99))
    step = float(np.clip(np.sqrt((affine[:3, :3] ** 2).sum(0)).min(), 1.0, 2.0))
    axes = world_axes(inside, brain_affine, step=step)
    values = sample_at(t, affine, axes)
    body = sample_at(brain * inside, brain_affine, axes)

    sizes = [len(axis) for axis in axes]
    across = [1, 0, 0]
    text, gap = max(10, width // 75), max(8, width // 60)
    scale = (width - 4 * gap) / sum(sizes[axis] for axis in across)
    high = round(scale * max(sizes))
    canvas = Image.new("RGB", (width, high + 2 * gap + 4 * text))
    pen, font, left = ImageDraw.Draw(canvas), ImageFont.load_default(text), gap
    for (_, along, letters), first in zip(_VIEWS, across, strict=True):
        wide, tall = round(scale * sizes[first]), round(scale * sizes[1 if along == 2 else 2])
        top = gap + (high - tall) // 2
        under = _outline(patient_rows(body.mean(along)), (wide, tall))
        seen = Image.fromarray(patient_rows(_farthest(values, along)).astype(np.float32))
        shown = np.asarray(seen.resize((wide, tall), Image.Resampling.NEAREST), np.float64)
        pixels = statistic_colours(shown, under, threshold=threshold, limit=most)
        canvas.paste(Image.fromarray(pixels), (left, top))
        for place, letter, anchor in ((left, letters[0], "lm"), (left + wide, letters[1], "rm")):
            pen.text((place, top + tall // 2), letter, fill=INK, font=font, anchor=anchor)
        left += wide + gap
    bar = (width // 4, high + 2 * gap, 3 * width // 4, high + 2 * gap + text)
    colour_bar(canvas, bar, threshold=threshold, limit=most, font=font)
    n_shown = int((np.abs(t) > threshold).sum())
    said = (
        f"Farthest value from 0 on each line of sight, where |t| > {threshold:.3g} ({n_shown} voxels); "
        "the patient's right and front are on the left"
    )
    return Still(name, np.asarray(canvas), said)


def _background(background: np.ndarray | None, affine: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    if (background is None) != (affine is None):
        raise ValueError("background and background_affine belong together: give both or neither")
    if background is None or affine is None:
        image = nib.Nifti1Image.from_filename(template_path("t1"))
        return np.asarray(image.dataobj, np.float32), np.asarray(image.affine)
    if not np.isfinite(background).all() or not (background > 0).any():
        raise ValueError("background must be finite and somewhere above 0")
    return background, affine


def _farthest(values: Float[np.ndarray, "_ _ _"], along: int) -> Float[np.ndarray, "_ _"]:
    high, low = values.max(along), values.min(along)
    return np.where(high >= -low, high, low)


def _outline(
    haze: Float[np.ndarray, "rows columns"], size: tuple[int, int]
) -> UInt8[np.ndarray, "height width rgb=3"]:
    """Edge of the silhouette, and faintly what lies within, as an X-ray shows it."""
    from scipy.ndimage import binary_erosion, gaussian_filter

    smooth = Image.fromarray(haze.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    shade = np.asarray(smooth, np.float64).clip(0) / max(float(haze.max()), 1e-12)
    inside = gaussian_filter(shade, 1.5) > 0.03
    edge = inside & ~binary_erosion(inside, iterations=2)
    soft = gaussian_filter(edge.astype(np.float64), 0.7).clip(0, 1)[..., None]
    grey = np.repeat(_HAZE * np.sqrt(shade)[..., None], 3, axis=2) * inside[..., None]
    return np.round(grey * (1 - soft) + _LINE * soft).astype(np.uint8)

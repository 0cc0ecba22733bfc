"""Pictures of a slice side by side, as part of a page: words stay words, and the browser chooses the size."""

import base64
from collections.abc import Sequence
from html import escape
from io import BytesIO
from math import ceil

from PIL import Image

from mrrecon.report.strip import Picture, picture_pixels

__all__ = ["pictures_figure"]

_MOST_IN_A_ROW = 6
_WIDEST = 360
"""Pixels; a page shows no picture larger."""


def pictures_figure(pictures: Sequence[Picture]) -> str:
    """Pictures in rows of equal length, each with its name above and its range below.

    Args:
        pictures: at least one.

    Example:
        >>> import numpy as np
        >>> html = pictures_figure([Picture("zero-filled", np.zeros((4, 4)), low=0.0, high=1.0)])
        >>> "<strong>zero-filled</strong>" in html, "0 to 1" in html
        (True, True)
    """
    n_rows = ceil(len(pictures) / _MOST_IN_A_ROW)
    n_columns = ceil(len(pictures) / n_rows)
    return (
        f'<figure class="strip" style="--columns: {n_columns}">'
        f"<div>{''.join(_one(picture) for picture in pictures)}</div>"
        "<figcaption>A slice in the middle; of images the patient's right, or front, is on the left. "
        "Below each picture: the values at the ends of its colours.</figcaption></figure>"
    )


def _one(picture: Picture) -> str:
    rows, columns = picture.values.shape
    relative = rows * picture.aspect / columns
    # Nothing stands higher than half as much again as it is wide.
    share = min(1.0, 1.5 / relative)
    name = escape(picture.name)
    ends = " to ".join(f"{value:.3g}".replace("-", "−") for value in (picture.low, picture.high))
    return (
        f"<div><strong>{name}</strong>"
        f'<img alt="{name}, {ends}" src="data:image/jpeg;base64,{_jpeg(picture)}" '
        f'style="width: {100 * share:.3g}%; aspect-ratio: {1 / relative:.4g}">'
        f"<span>{ends}</span></div>"
    )


def _jpeg(picture: Picture) -> str:
    image = Image.fromarray(picture_pixels(picture))
    image.thumbnail((_WIDEST, _WIDEST), Image.Resampling.BOX)
    file = BytesIO()
    # Colours at full resolution: at half of it, the errors of neighbouring voxels mix.
    image.save(file, "JPEG", quality=90, subsampling=0)
    return base64.b64encode(file.getvalue()).decode("ascii")

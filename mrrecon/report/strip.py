"""Pictures side by side: from the measurement to the error."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont

from mrrecon.report.colours import colour, grey

__all__ = ["Picture", "draw_strip", "picture_pixels"]

_INK = (190, 194, 202)


@dataclass(frozen=True)
class Picture:
    """One slice of something.

    Args:
        name: what stands above it.
        values: rows from top to bottom.
        low: value that is black; of a signed picture, that of the outermost blue.
        high: value that is white, above ``low``; of a signed picture ``-low``.
        signed: whether it is a difference, in colours.
        aspect: height of a value / its width, both in mm.

    Raises:
        ValueError: the values are not finite, or the range runs backwards.

    Example:
        >>> Picture("zero-filled", np.zeros((4, 4)), low=0.0, high=1.0).signed
        False
    """

    name: str
    values: Float[np.ndarray, "height width"]
    low: float
    high: float
    signed: bool = False
    aspect: float = 1.0

    def __post_init__(self) -> None:
        if self.values.size == 0 or not np.isfinite(self.values).all():
            raise ValueError(f"{self.name} must be a picture of finite values, at least one")
        if not self.low < self.high:
            raise ValueError(f"low={self.low} must be below high={self.high}")
        if not self.aspect > 0:
            raise ValueError(f"aspect={self.aspect} must be positive")


def picture_pixels(picture: Picture) -> UInt8[np.ndarray, "height width rgb=3"]:
    """A pixel for each value: greys, or colours of a difference.

    Args:
        picture: what is drawn.

    Example:
        >>> picture_pixels(Picture("a", np.ones((1, 1)), low=0.0, high=1.0)).tolist()
        [[[255, 255, 255]]]
    """
    if picture.signed:
        return colour(picture.values, limit=picture.high)
    return grey(picture.values, low=picture.low, high=picture.high)


def draw_strip(pictures: Sequence[Picture], *, width: int = 1100) -> Image.Image:
    """Pictures in a row, each with its name above and its range below.

    Args:
        pictures: at least one.
        width: pixels, at least 120 a picture.

    Raises:
        ValueError: there is no picture, or too little room.

    Example:
        >>> draw_strip([Picture("a", np.zeros((4, 4)), low=0.0, high=1.0)], width=200).width
        200
    """
    if not pictures or width < 120 * len(pictures):
        raise ValueError(f"width={width} must be at least 120 for each of {len(pictures)} pictures, of one")
    gap, text = 6, 12
    cell = (width - gap * (len(pictures) + 1)) // len(pictures)
    sizes = []
    for picture in pictures:
        rows, columns = picture.values.shape
        relative = rows * picture.aspect / columns
        # Nothing stands higher than half as much again as it is wide.
        wide = cell if relative <= 1.5 else max(1, round(1.5 * cell / relative))
        sizes.append((wide, max(1, round(wide * relative))))
    top, high = 2 * text, max(height for _, height in sizes)
    canvas = Image.new("RGB", (width, top + high + 2 * text))
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(text)
    for column, (picture, size) in enumerate(zip(pictures, sizes, strict=True)):
        left = gap + column * (cell + gap)
        pixels = picture_pixels(picture)
        shrinks = size[0] < pixels.shape[1]
        how = Image.Resampling.BOX if shrinks else Image.Resampling.NEAREST
        canvas.paste(
            Image.fromarray(pixels).resize(size, how),
            (left + (cell - size[0]) // 2, top + (high - size[1]) // 2),
        )
        pen.text((left + cell // 2, text), picture.name, fill=_INK, font=font, anchor="mm")
        said = f"{picture.low:.3g} to {picture.high:.3g}"
        pen.text((left + cell // 2, top + high + text), said, fill=_INK, font=font, anchor="mm")
    return canvas

"""A finished picture, as a file or as part of a page."""

import base64
from dataclasses import dataclass
from html import escape
from io import BytesIO

import numpy as np
from jaxtyping import UInt8
from PIL import Image

__all__ = ["Still"]


@dataclass(frozen=True)
class Still:
    r"""Picture with words, which a page holds within itself.

    Args:
        name: what it shows; any text.
        pixels: red, green and blue, rows from top to bottom.
        caption: what stands below it; any text.

    Example:
        >>> Still("nothing", np.zeros((1, 1, 3), np.uint8)).png()[:4]
        b'\x89PNG'
    """

    name: str
    pixels: UInt8[np.ndarray, "height width rgb=3"]
    caption: str = ""

    def png(self) -> bytes:
        """The picture as a PNG file."""
        file = BytesIO()
        Image.fromarray(self.pixels).save(file, "PNG", optimize=True)
        return file.getvalue()

    def html(self) -> str:
        """The picture as an element of a page, with nothing outside of it.

        Example:
            >>> "<b>" in Still("<b>", np.zeros((1, 1, 3), np.uint8)).html()
            False
        """
        data = base64.b64encode(self.png()).decode("ascii")
        said = f"{self.name}. {self.caption}" if self.name and self.caption else self.name or self.caption
        height, width = self.pixels.shape[:2]
        return (
            f'<figure class="still"><img alt="{escape(self.name)}" width="{width}" height="{height}" '
            f'src="data:image/png;base64,{data}"><figcaption>{escape(said)}</figcaption></figure>'
        )

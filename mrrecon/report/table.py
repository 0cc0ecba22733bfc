"""The page of a table of reconstructions: the table, and scans as every network gives them back."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from mrrecon.files import atomic_path
from mrrecon.report.middle_slice import MiddleSlice
from mrrecon.report.orientation import spacing_and_axes
from mrrecon.report.plain_page import plain_page
from mrrecon.report.still import Still
from mrrecon.report.strip import Picture, draw_strip

__all__ = ["TablePage"]

_LEAST, _MOST = 4, 6
"""Pictures for which a row has room."""

_WIDTH = 1200


class TablePage:
    """Page of a ``ReconstructionTable``, and a PNG file of one scan of each set, as the paper's Figure 2.

    Args:
        path: HTML file to write; the pictures lie beside it, ``reconstructions_<set>.png``.
        error_range: difference that is drawn in the strongest colour, intensities from 0 to 1.
        title: heading of the page.

    Raises:
        ValueError: ``error_range`` is not above 0.
    """

    def __init__(
        self, path: str | Path, *, error_range: int | float = 0.3, title: str = "Reconstructions compared"
    ) -> None:
        if not error_range > 0:
            raise ValueError(f"error_range={error_range} must be above 0")
        self.path, self.error_range, self.title = Path(path), float(error_range), title

    def picture(self, set_name: str, scan: str, original: Any, made: Mapping[str, Any]) -> None:
        """Draw a scan of a set; of each set the first that comes is drawn.

        Args:
            set_name: of the scan.
            scan: its name.
            original: (1, x, y, z) from 0 to 1, with an affine.
            made: reconstructions on that grid, by the words that stand above them.
        """
        file = self.path.parent / f"reconstructions_{set_name}.png"
        if file.exists():
            return
        target = _volume(original)
        spacing, axes = spacing_and_axes(np.asarray(original.affine, dtype=np.float64))
        piece = MiddleSlice(target.shape, spacing, axes)
        pairs = [(f"original, {scan}"[:40], target, None)]
        # The font of the pictures knows no Greek.
        pairs += [
            (name.replace("α", "alpha"), _volume(volume), _volume(volume) - target)
            for name, volume in made.items()
        ]
        n_rows = math.ceil(len(pairs) / _MOST)
        n_columns = max(_LEAST, math.ceil(len(pairs) / n_rows))
        strips = []
        for first in range(0, len(pairs), n_columns):
            some = pairs[first : first + n_columns]
            images = [
                Picture(name, piece.cut(volume), low=0.0, high=1.0, aspect=piece.aspect)
                for name, volume, _ in some
            ]
            errors = [
                Picture(
                    "" if error is None else "difference",
                    piece.cut(np.zeros_like(target) if error is None else error),
                    low=-self.error_range,
                    high=self.error_range,
                    signed=True,
                    aspect=piece.aspect,
                )
                for _, _, error in some
            ]
            width = _WIDTH * len(some) // n_columns
            strips += [draw_strip(images, width=width), draw_strip(errors, width=width)]
        canvas = Image.new("RGB", (_WIDTH, sum(strip.height for strip in strips)))
        top = 0
        for strip in strips:
            canvas.paste(strip, (0, top))
            top += strip.height
        with atomic_path(file) as temporary:
            canvas.save(temporary, "PNG", optimize=True)

    def write(self, markdown: str) -> None:
        """Write the page, with the pictures that are there.

        Args:
            markdown: the table.
        """
        stills = []
        for file in sorted(self.path.parent.glob("reconstructions_*.png")):
            with Image.open(file) as image:
                pixels = np.asarray(image.convert("RGB"))
            name = file.stem.removeprefix("reconstructions_")
            stills.append(
                Still(f"A scan of {name}, an axial slice; differences up to ± {self.error_range:g}", pixels)
            )
        with atomic_path(self.path) as temporary:
            temporary.write_text(plain_page(self.title, markdown, stills), encoding="utf-8")


def _volume(image: Tensor) -> np.ndarray:
    values = image.as_tensor() if hasattr(image, "as_tensor") else image
    volume: np.ndarray = values[0].float().cpu().numpy()
    return volume

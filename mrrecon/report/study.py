"""The page of a study of codecs: tables, and the t-maps as pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from mrrecon.files import atomic_path
from mrrecon.report.glass_brain import glass_brain
from mrrecon.report.plain_page import plain_page
from mrrecon.report.still import Still
from mrrecon.report.t_map import t_map_slices

__all__ = ["StudyPage"]


class StudyPage:
    """Page of a ``MorphometryStudy``: one HTML file that needs nothing else.

    Args:
        path: file to write.
        background: brain in the template's space, a path; the t-maps are drawn over it.
        title: heading of the page.
    """

    def __init__(
        self, path: str | Path, *, background: str | Path, title: str = "What a codec does to anatomy"
    ) -> None:
        self.path, self.title = Path(path), title
        image: Any = nibabel.load(background)
        self.background = np.asarray(image.dataobj, dtype=np.float64)
        self.affine = np.asarray(image.affine, dtype=np.float64)

    def still(self, name: str, found: Any, threshold: float, affine: np.ndarray) -> Still:
        """Picture of a t-map: slices where something exceeds the threshold, else all as a glass brain."""
        t = found.t.double().numpy()
        greatest = float(np.abs(t).max())
        words = f"{name}: |t| > {threshold:.2f} (p < 0.001, uncorrected)"
        if greatest > threshold:
            return t_map_slices(
                t,
                affine,
                background=self.background,
                background_affine=self.affine,
                threshold=threshold,
                name=words,
            )
        # Nothing exceeds it: the shape of what there is.
        words = f"{name}: nothing exceeds |t| = {threshold:.2f}; shown above half of the greatest"
        return glass_brain(
            t,
            affine,
            threshold=max(greatest / 2, 1e-6),
            background=self.background,
            background_affine=self.affine,
            name=words,
        )

    def write(self, study: Mapping[str, Any], stills: Sequence[Still]) -> None:
        """Write the page.

        Args:
            study: the content of ``study.json``; its ``markdown`` is shown as tables.
            stills: pictures, from ``still``.
        """
        with atomic_path(self.path) as temporary:
            temporary.write_text(plain_page(self.title, str(study["markdown"]), stills), encoding="utf-8")

"""Tissues of the head and how bright each is on a T1-weighted scan."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["FREESURFER_TISSUES", "SOFT_TISSUE", "T1_TISSUES", "Tissue", "draw_contrast"]


@dataclass(frozen=True)
class Tissue:
    """Brightness of a tissue, as a fraction of that of white matter.

    Args:
        mean: average brightness.
        between: half-width of the uniform spread of the mean between subjects.
        within: standard deviation inside one subject.
    """

    mean: float
    between: float
    within: float


T1_TISSUES: Mapping[str, Tissue] = {
    "air": Tissue(0.0, 0.0, 0.0),
    "white matter": Tissue(1.0, 0.0, 0.03),
    "brain stem": Tissue(0.97, 0.06, 0.05),
    "cortex": Tissue(0.63, 0.07, 0.05),
    "deep grey": Tissue(0.70, 0.06, 0.03),
    "thalamus": Tissue(0.80, 0.06, 0.05),
    "pallidum": Tissue(0.94, 0.05, 0.03),
    "fluid": Tissue(0.20, 0.08, 0.04),
    "meninges": Tissue(0.22, 0.08, 0.08),
    "spinal cord": Tissue(0.92, 0.08, 0.05),
    "vessel": Tissue(0.55, 0.35, 0.15),
    "artery": Tissue(1.10, 0.60, 0.25),
    "eye": Tissue(0.28, 0.08, 0.03),
    "muscle": Tissue(0.55, 0.12, 0.10),
    "fat": Tissue(1.35, 0.3, 0.15),
    "skin": Tissue(0.75, 0.25, 0.22),
    "mucosa": Tissue(0.55, 0.20, 0.22),
    "bone": Tissue(0.12, 0.08, 0.07),
    "marrow": Tissue(0.85, 0.35, 0.22),
    "lesion": Tissue(0.70, 0.15, 0.05),
}
"""Tissues on T1-weighted gradient-echo scans at 1.5 T and 3 T."""

SOFT_TISSUE = "soft tissue"
"""Muscle and fat in one label: the synthesis mixes both with a random texture."""

FREESURFER_TISSUES: Mapping[int, str] = {
    0: "air",
    **dict.fromkeys((2, 7, 41, 46), "white matter"),
    **dict.fromkeys((3, 8, 42, 47), "cortex"),
    **dict.fromkeys((4, 5, 14, 15, 43, 44, 72), "fluid"),
    24: "meninges",
    **dict.fromkeys((10, 49), "thalamus"),
    **dict.fromkeys((11, 12, 17, 18, 26, 50, 51, 53, 54, 58), "deep grey"),
    **dict.fromkeys((13, 52), "pallidum"),
    **dict.fromkeys((16, 28, 60, 85), "brain stem"),
    **dict.fromkeys((25, 57), "lesion"),
    **dict.fromkeys((30, 62, 514), "vessel"),
    **dict.fromkeys((136, 137, 163, 164), "deep grey"),
    512: "spinal cord",
    502: "artery",
    506: "eye",
    507: SOFT_TISSUE,
    508: "muscle",
    509: "mucosa",
    511: "skin",
    515: "bone",
    516: "marrow",
    530: "muscle",
}
"""Tissue of each FreeSurfer label, with the extra-cerebral numbers (502 to 530) of whole-head maps."""


def draw_contrast(
    *, generator: torch.Generator, random_contrast: bool = False
) -> dict[str, Float[Tensor, "2"]]:
    """Mean and standard deviation of every tissue of one subject, as fractions of white matter on T1.

    Args:
        generator: source of the random numbers.
        random_contrast: if true, every mean but that of air is uniform in [0.05, 1.4] and every standard
            deviation in [0, 0.1]: any contrast, not only T1.

    Example:
        >>> draw_contrast(generator=torch.Generator())["white matter"][0]
        tensor(1.)
    """
    draws = torch.rand(len(T1_TISSUES), 2, generator=generator, device=generator.device).cpu()
    contrast = {}
    for (name, tissue), (first, second) in zip(T1_TISSUES.items(), draws, strict=True):
        if random_contrast and name != "air":
            contrast[name] = torch.stack([0.05 + 1.35 * first, 0.1 * second])
        else:
            mean = tissue.mean + tissue.between * (2 * first - 1)
            contrast[name] = torch.stack([mean, tissue.within * (0.5 + second)])
    return contrast

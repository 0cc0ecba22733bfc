"""Average brain with the fractions of its tissues: where the segmentation expects which tissue."""

from dataclasses import dataclass
from functools import lru_cache

import nibabel
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mrrecon.morphometry.grid import Grid
from mrrecon.templates import template_path

__all__ = ["TissueTemplate", "load_template"]


@dataclass(frozen=True)
class TissueTemplate:
    """Average brain.

    Args:
        tissues: fraction of CSF, grey and white matter in each voxel, in [0, 1].
        grid: where its voxels lie.
    """

    tissues: Float[Tensor, "3 x y z"]
    grid: Grid


@lru_cache(maxsize=1)
def load_template() -> TissueTemplate:
    """The MNI152 template (ICBM 2009a, symmetric, 1 mm) in nilearn's wheel. CSF is what brain is left.

    Raises:
        ModuleNotFoundError: nilearn is not installed.
        FileNotFoundError: the installed nilearn keeps the files elsewhere.

    Reference:
        Fonov et al., Unbiased average age-appropriate atlases for pediatric studies, NeuroImage 2011,
        DOI 10.1016/j.neuroimage.2010.07.033

    Example:
        >>> load_template().grid.shape
        (197, 233, 189)
    """
    volumes = {}
    for name in ("t1", "gm", "wm"):
        image = nibabel.nifti1.load(template_path(name))
        affine = np.asarray(image.affine)
        volumes[name] = torch.from_numpy(np.asarray(image.dataobj, dtype=np.float32)) / 255
    brain = (volumes["t1"] > 0).float()
    grey, white = volumes["gm"] * brain, volumes["wm"] * brain
    total = (grey + white).clamp(min=1)
    grey, white = grey / total, white / total
    tissues = torch.stack([brain - grey - white, grey, white]).clamp(min=0)
    return TissueTemplate(tissues, Grid((tissues.shape[1], tissues.shape[2], tissues.shape[3]), affine))

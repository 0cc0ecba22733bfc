"""Average brain with the fractions of its tissues: where the segmentation expects which tissue."""

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import nibabel
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mrrecon.morphometry.grid import Grid

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
    # nilearn itself, slow to import, is not needed: only its files are.
    spec = find_spec("nilearn")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the MNI152 template comes with nilearn: pip install nilearn")
    folder = Path(spec.origin).parent / "datasets" / "data"
    volumes = {}
    for name in ("t1", "gm", "wm"):
        path = folder / f"mni_icbm152_{name}_tal_nlin_sym_09a_converted.nii.gz"
        if not path.is_file():
            raise FileNotFoundError(f"{path} is not there: install nilearn>=0.10.4,<1")
        image = nibabel.nifti1.load(path)
        affine = np.asarray(image.affine)
        volumes[name] = torch.from_numpy(np.asarray(image.dataobj, dtype=np.float32)) / 255
    brain = (volumes["t1"] > 0).float()
    grey, white = volumes["gm"] * brain, volumes["wm"] * brain
    total = (grey + white).clamp(min=1)
    grey, white = grey / total, white / total
    tissues = torch.stack([brain - grey - white, grey, white]).clamp(min=0)
    return TissueTemplate(tissues, Grid((tissues.shape[1], tissues.shape[2], tissues.shape[3]), affine))

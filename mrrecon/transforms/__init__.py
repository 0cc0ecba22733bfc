"""Dictionary transforms that MONAI lacks."""

from mrrecon.transforms.brain_mask import SuperimposeBrainMaskd
from mrrecon.transforms.check_volume import CheckVolumed
from mrrecon.transforms.intensity_scale import intensity_scale
from mrrecon.transforms.scale_intensity import ScaleIntensityRobustd
from mrrecon.transforms.synthesize import SynthesizeBraind, SynthesizeHeadd

__all__ = [
    "CheckVolumed",
    "ScaleIntensityRobustd",
    "SuperimposeBrainMaskd",
    "SynthesizeBraind",
    "SynthesizeHeadd",
    "intensity_scale",
]

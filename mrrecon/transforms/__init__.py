"""Dictionary transforms that MONAI lacks."""

from mrrecon.transforms.brain_mask import SuperimposeBrainMaskd
from mrrecon.transforms.check_volume import CheckVolumed
from mrrecon.transforms.coil_image import CoilImaged
from mrrecon.transforms.fine_grid import FineGridd
from mrrecon.transforms.holes import MarkHolesd
from mrrecon.transforms.intensity_scale import intensity_scale
from mrrecon.transforms.kspace_channels import KspaceChannelsd
from mrrecon.transforms.scale_intensity import ScaleIntensityRobustd
from mrrecon.transforms.simulate_degraded import SimulateDegradedd
from mrrecon.transforms.simulate_kspace import SimulateKspaced
from mrrecon.transforms.simulate_sinogram import SimulateSinogramd
from mrrecon.transforms.sinogram_image import SinogramImaged
from mrrecon.transforms.slab import AxesBackd, Slabd
from mrrecon.transforms.synthesize import SynthesizeBraind, SynthesizeHeadd

__all__ = [
    "AxesBackd",
    "CheckVolumed",
    "CoilImaged",
    "FineGridd",
    "KspaceChannelsd",
    "MarkHolesd",
    "ScaleIntensityRobustd",
    "SimulateDegradedd",
    "SimulateKspaced",
    "SimulateSinogramd",
    "SinogramImaged",
    "Slabd",
    "SuperimposeBrainMaskd",
    "SynthesizeBraind",
    "SynthesizeHeadd",
    "intensity_scale",
]

"""Dictionary transforms that MONAI lacks."""

from mrrecon.transforms.brain_mask import SuperimposeBrainMaskd
from mrrecon.transforms.check_volume import CheckVolumed
from mrrecon.transforms.coil_image import CoilImaged
from mrrecon.transforms.field_of_view import FieldOfViewd, resample_onto
from mrrecon.transforms.fine_grid import FineGridd
from mrrecon.transforms.hide_observed import HideObservedd
from mrrecon.transforms.holes import MarkHolesd
from mrrecon.transforms.intensity_scale import intensity_scale
from mrrecon.transforms.kspace_channels import KspaceChannelsd
from mrrecon.transforms.middle_slices import MiddleSlicesd
from mrrecon.transforms.rand_slice import RandSliced
from mrrecon.transforms.scale_intensity import ScaleIntensityRobustd
from mrrecon.transforms.simulate_degraded import SimulateDegradedd
from mrrecon.transforms.simulate_kspace import SimulateKspaced
from mrrecon.transforms.simulate_missing import SimulateMissingd
from mrrecon.transforms.simulate_sinogram import SimulateSinogramd
from mrrecon.transforms.sinogram_image import SinogramImaged
from mrrecon.transforms.slab import AxesBackd, Slabd
from mrrecon.transforms.spread_slices import SpreadSlicesd
from mrrecon.transforms.synthesize import SynthesizeBraind, SynthesizeHeadd

__all__ = [
    "AxesBackd",
    "CheckVolumed",
    "CoilImaged",
    "FieldOfViewd",
    "FineGridd",
    "HideObservedd",
    "KspaceChannelsd",
    "MarkHolesd",
    "MiddleSlicesd",
    "RandSliced",
    "ScaleIntensityRobustd",
    "SimulateDegradedd",
    "SimulateKspaced",
    "SimulateMissingd",
    "SimulateSinogramd",
    "SinogramImaged",
    "Slabd",
    "SpreadSlicesd",
    "SuperimposeBrainMaskd",
    "SynthesizeBraind",
    "SynthesizeHeadd",
    "intensity_scale",
    "resample_onto",
]

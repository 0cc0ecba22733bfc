"""What is random: brains, heads, phantoms, deformations, bias fields and noise."""

from mrrecon.simulate.acquisition import Scanner, acquire, add_rician_noise, bias_field, gaussian_blur
from mrrecon.simulate.brains import SyntheticScan, synthesize_brain
from mrrecon.simulate.contrast import FREESURFER_TISSUES, T1_TISSUES, Tissue, draw_contrast
from mrrecon.simulate.deformation import Deformation, Warp, draw_deformation
from mrrecon.simulate.fields import draw_control, spline_field
from mrrecon.simulate.heads import synthesize_head
from mrrecon.simulate.phantoms import HEAD_ELLIPSOIDS, Ellipsoid, ellipsoid_phantom

__all__ = [
    "FREESURFER_TISSUES",
    "HEAD_ELLIPSOIDS",
    "T1_TISSUES",
    "Deformation",
    "Ellipsoid",
    "Scanner",
    "SyntheticScan",
    "Tissue",
    "Warp",
    "acquire",
    "add_rician_noise",
    "bias_field",
    "draw_contrast",
    "draw_control",
    "draw_deformation",
    "ellipsoid_phantom",
    "gaussian_blur",
    "spline_field",
    "synthesize_brain",
    "synthesize_head",
]

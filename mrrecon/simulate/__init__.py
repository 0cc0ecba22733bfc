"""What is random: brains, heads, phantoms, deformations, bias fields and noise."""

from mrrecon.simulate.acquisition import Scanner, acquire, bias_field, gaussian_blur
from mrrecon.simulate.brains import SyntheticScan, synthesize_brain
from mrrecon.simulate.coil_maps import coil_maps
from mrrecon.simulate.contrast import FREESURFER_TISSUES, T1_TISSUES, Tissue, draw_contrast
from mrrecon.simulate.deformation import Deformation, Warp, draw_deformation
from mrrecon.simulate.exact_transforms import exact_fourier, exact_line_integrals, exact_sinogram
from mrrecon.simulate.fields import draw_control, spline_field
from mrrecon.simulate.heads import synthesize_head
from mrrecon.simulate.noise import (
    add_complex_noise,
    add_gaussian_noise,
    add_poisson_noise,
    add_rician_noise,
    sigma_for_snr,
)
from mrrecon.simulate.phantoms import HEAD_ELLIPSOIDS, Ellipsoid, ellipsoid_phantom
from mrrecon.simulate.sampling import acceleration_of
from mrrecon.simulate.sampling_lines import (
    equispaced_lines,
    missing_slices,
    uniform_lines,
    variable_density_lines,
)
from mrrecon.simulate.sampling_poisson import poisson_disc
from mrrecon.simulate.sampling_rotated import random_pixels, rotated_lines, rotated_slices
from mrrecon.simulate.shepp_logan import shepp_logan, shepp_logan_ellipsoids
from mrrecon.simulate.shrink_region import LEFT_HIPPOCAMPUS, shrink_region
from mrrecon.simulate.trajectories import Trajectory, radial_trajectory, spiral_trajectory

__all__ = [
    "FREESURFER_TISSUES",
    "HEAD_ELLIPSOIDS",
    "LEFT_HIPPOCAMPUS",
    "T1_TISSUES",
    "Deformation",
    "Ellipsoid",
    "Scanner",
    "SyntheticScan",
    "Tissue",
    "Trajectory",
    "Warp",
    "acceleration_of",
    "acquire",
    "add_complex_noise",
    "add_gaussian_noise",
    "add_poisson_noise",
    "add_rician_noise",
    "bias_field",
    "coil_maps",
    "draw_contrast",
    "draw_control",
    "draw_deformation",
    "ellipsoid_phantom",
    "equispaced_lines",
    "exact_fourier",
    "exact_line_integrals",
    "exact_sinogram",
    "gaussian_blur",
    "missing_slices",
    "poisson_disc",
    "radial_trajectory",
    "random_pixels",
    "rotated_lines",
    "rotated_slices",
    "shepp_logan",
    "shepp_logan_ellipsoids",
    "shrink_region",
    "sigma_for_snr",
    "spiral_trajectory",
    "spline_field",
    "synthesize_brain",
    "synthesize_head",
    "uniform_lines",
    "variable_density_lines",
]

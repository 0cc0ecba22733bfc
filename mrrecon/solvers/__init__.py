"""Find x from y = A x + n."""

from mrrecon.solvers.conjugate_gradient import conjugate_gradient
from mrrecon.solvers.consistency import project
from mrrecon.solvers.deep_image_prior import deep_image_prior
from mrrecon.solvers.dictionary import Dictionary, learn_dictionary, matching_pursuit
from mrrecon.solvers.espirit import espirit
from mrrecon.solvers.factor_em import Factors, factor_em
from mrrecon.solvers.filtered_back_projection import filtered_back_projection
from mrrecon.solvers.functionals import L1, Box, Functional, GroupL1, Huber, L2Squared, NonNegative, Poisson
from mrrecon.solvers.history import Callback, History
from mrrecon.solvers.interpolation import interpolate_missing
from mrrecon.solvers.minimum_norm import minimum_norm
from mrrecon.solvers.operator_norm import operator_norm
from mrrecon.solvers.primal_dual import primal_dual
from mrrecon.solvers.proximal_gradient import proximal_gradient
from mrrecon.solvers.ramp_preconditioner import ramp_preconditioner
from mrrecon.solvers.starting_points import sense, zero_filled
from mrrecon.solvers.tikhonov import tikhonov
from mrrecon.solvers.total_variation import total_variation
from mrrecon.solvers.total_variation_denoise import total_variation_denoise
from mrrecon.solvers.wavelet_sparsity import wavelet_sparsity

__all__ = [
    "L1",
    "Box",
    "Callback",
    "Dictionary",
    "Factors",
    "Functional",
    "GroupL1",
    "History",
    "Huber",
    "L2Squared",
    "NonNegative",
    "Poisson",
    "conjugate_gradient",
    "deep_image_prior",
    "espirit",
    "factor_em",
    "filtered_back_projection",
    "interpolate_missing",
    "learn_dictionary",
    "matching_pursuit",
    "minimum_norm",
    "operator_norm",
    "primal_dual",
    "project",
    "proximal_gradient",
    "ramp_preconditioner",
    "sense",
    "tikhonov",
    "total_variation",
    "total_variation_denoise",
    "wavelet_sparsity",
    "zero_filled",
]

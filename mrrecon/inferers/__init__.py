"""How a network is run over a scan."""

from mrrecon.inferers.codec import CodecInferer
from mrrecon.inferers.deep_image_prior import DeepImagePriorSolver
from mrrecon.inferers.image_solver import ImageSolver
from mrrecon.inferers.imputation import ImputationInferer
from mrrecon.inferers.imputation_result import Imputation
from mrrecon.inferers.kspace_solver import KspaceSolver
from mrrecon.inferers.reconstruction import ReconstructionInferer
from mrrecon.inferers.sinogram_solver import SinogramSolver
from mrrecon.inferers.solution import Solution
from mrrecon.inferers.solver import SolverInferer

__all__ = [
    "CodecInferer",
    "DeepImagePriorSolver",
    "ImageSolver",
    "Imputation",
    "ImputationInferer",
    "KspaceSolver",
    "ReconstructionInferer",
    "SinogramSolver",
    "Solution",
    "SolverInferer",
]

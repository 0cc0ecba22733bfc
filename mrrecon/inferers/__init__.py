"""How a network is run over a scan."""

from mrrecon.inferers.codec import CodecInferer
from mrrecon.inferers.deep_image_prior import DeepImagePriorSolver
from mrrecon.inferers.image_solver import ImageSolver
from mrrecon.inferers.imputation import ImputationInferer
from mrrecon.inferers.imputation_result import Imputation
from mrrecon.inferers.kspace_solver import KspaceSolver
from mrrecon.inferers.latent import LatentInferer
from mrrecon.inferers.reconstruction import ReconstructionInferer
from mrrecon.inferers.sinogram_solver import SinogramSolver
from mrrecon.inferers.solution import Solution
from mrrecon.inferers.solver import SolverInferer
from mrrecon.inferers.tissue_segmenter import TissueSegmenter

__all__ = [
    "CodecInferer",
    "DeepImagePriorSolver",
    "ImageSolver",
    "Imputation",
    "ImputationInferer",
    "KspaceSolver",
    "LatentInferer",
    "ReconstructionInferer",
    "SinogramSolver",
    "Solution",
    "SolverInferer",
    "TissueSegmenter",
]

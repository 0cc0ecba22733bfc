"""How a network is run over a scan."""

from mrrecon.inferers.codec import CodecInferer
from mrrecon.inferers.image_solver import ImageSolver
from mrrecon.inferers.kspace_solver import KspaceSolver
from mrrecon.inferers.reconstruction import ReconstructionInferer
from mrrecon.inferers.sinogram_solver import SinogramSolver
from mrrecon.inferers.solution import Solution
from mrrecon.inferers.solver import SolverInferer

__all__ = [
    "CodecInferer",
    "ImageSolver",
    "KspaceSolver",
    "ReconstructionInferer",
    "SinogramSolver",
    "Solution",
    "SolverInferer",
]

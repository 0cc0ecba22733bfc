"""Handlers that MONAI lacks."""

from mrrecon.handlers.best_model import BestModel
from mrrecon.handlers.clip_gradients import ClipGradients
from mrrecon.handlers.code_files import CodeFiles
from mrrecon.handlers.compression import CompressionRecorder
from mrrecon.handlers.finite_loss import FiniteLoss
from mrrecon.handlers.progress import Progress
from mrrecon.handlers.reconstruction import ReconstructionRecorder
from mrrecon.handlers.resume import ResumeCheckpoint
from mrrecon.handlers.seed_iterations import SeedIterations
from mrrecon.handlers.solver_stages import SolverStages
from mrrecon.handlers.stages import Stages
from mrrecon.handlers.start_from import StartFrom
from mrrecon.handlers.training_scalars import TrainingScalars
from mrrecon.handlers.weights import load_weights, read_state, save_state

__all__ = [
    "BestModel",
    "ClipGradients",
    "CodeFiles",
    "CompressionRecorder",
    "FiniteLoss",
    "Progress",
    "ReconstructionRecorder",
    "ResumeCheckpoint",
    "SeedIterations",
    "SolverStages",
    "Stages",
    "StartFrom",
    "TrainingScalars",
    "load_weights",
    "read_state",
    "save_state",
]

"""Handlers that MONAI lacks."""

from mrrecon.handlers.adversarial_curves import AdversarialCurves
from mrrecon.handlers.best_model import BestModel
from mrrecon.handlers.clip_gradients import ClipGradients
from mrrecon.handlers.code_files import CodeFiles
from mrrecon.handlers.compression import CompressionRecorder
from mrrecon.handlers.finite_loss import FiniteLoss
from mrrecon.handlers.latent_codes import LatentRecorder
from mrrecon.handlers.progress import Progress
from mrrecon.handlers.reconstruction import ReconstructionRecorder
from mrrecon.handlers.resume import ResumeCheckpoint
from mrrecon.handlers.seed_iterations import SeedIterations
from mrrecon.handlers.solver_stages import SolverStages
from mrrecon.handlers.stages import Stages
from mrrecon.handlers.start_from import StartFrom
from mrrecon.handlers.start_steps import StartSteps
from mrrecon.handlers.tissue_dice import TissueDice
from mrrecon.handlers.tissue_recorder import TissueRecorder
from mrrecon.handlers.training_scalars import TrainingScalars
from mrrecon.handlers.weights import load_weights, read_state, save_state

__all__ = [
    "AdversarialCurves",
    "BestModel",
    "ClipGradients",
    "CodeFiles",
    "CompressionRecorder",
    "FiniteLoss",
    "LatentRecorder",
    "Progress",
    "ReconstructionRecorder",
    "ResumeCheckpoint",
    "SeedIterations",
    "SolverStages",
    "Stages",
    "StartFrom",
    "StartSteps",
    "TissueDice",
    "TissueRecorder",
    "TrainingScalars",
    "load_weights",
    "read_state",
    "save_state",
]

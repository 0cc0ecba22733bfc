"""What drives a workflow: its batches, its processes, its step size."""

from mrrecon.engines.alpha_wgan_steps import AlphaWGANSteps
from mrrecon.engines.atrophy_study import AtrophyStudy
from mrrecon.engines.averaged_gradients import average_gradients, share_weights
from mrrecon.engines.compression import CompressionEvaluator
from mrrecon.engines.cosine_restarts import CosineRestarts
from mrrecon.engines.dictionary_steps import DictionarySteps
from mrrecon.engines.factor_steps import FactorSteps
from mrrecon.engines.file_loop import FileLoop
from mrrecon.engines.fit_trainer import FitTrainer
from mrrecon.engines.image_as_label import image_as_label
from mrrecon.engines.morphometry_study import MorphometryStudy
from mrrecon.engines.observed_as_label import asked_values, observed_as_label
from mrrecon.engines.parameters import parameter_groups
from mrrecon.engines.processes import distribute, join_processes, local_device
from mrrecon.engines.reconstruction_table import ReconstructionTable
from mrrecon.engines.solver import SolverEvaluator
from mrrecon.engines.step_trainer import StepTrainer
from mrrecon.engines.table_method import TableMethod, table_methods

__all__ = [
    "AlphaWGANSteps",
    "AtrophyStudy",
    "CompressionEvaluator",
    "CosineRestarts",
    "DictionarySteps",
    "FactorSteps",
    "FileLoop",
    "FitTrainer",
    "MorphometryStudy",
    "ReconstructionTable",
    "SolverEvaluator",
    "StepTrainer",
    "TableMethod",
    "asked_values",
    "average_gradients",
    "distribute",
    "image_as_label",
    "join_processes",
    "local_device",
    "observed_as_label",
    "parameter_groups",
    "share_weights",
    "table_methods",
]

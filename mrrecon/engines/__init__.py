"""What drives a workflow: its batches, its processes, its step size."""

from mrrecon.engines.compression import CompressionEvaluator
from mrrecon.engines.cosine_restarts import CosineRestarts
from mrrecon.engines.file_loop import FileLoop
from mrrecon.engines.image_as_label import image_as_label
from mrrecon.engines.parameters import parameter_groups
from mrrecon.engines.processes import distribute, join_processes, local_device
from mrrecon.engines.solver import SolverEvaluator

__all__ = [
    "CompressionEvaluator",
    "CosineRestarts",
    "FileLoop",
    "SolverEvaluator",
    "distribute",
    "image_as_label",
    "join_processes",
    "local_device",
    "parameter_groups",
]

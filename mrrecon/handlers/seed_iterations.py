"""Random numbers of an iteration that do not depend on the iterations before it."""

import random

import numpy as np
import torch
import torch.distributed as dist
from ignite.engine import Engine, Events

__all__ = ["SeedIterations"]


class SeedIterations:
    """Handler that seeds the global generators (Python's, numpy's, torch's) anew in each iteration.

    So no checkpoint has to hold their states. The seeds follow from the seed of the training, the process and
    the iteration.

    Args:
        seed: another seed, other random numbers.

    Example:
        >>> engine = Engine(lambda engine, batch: torch.rand(()).item())
        >>> SeedIterations(0).attach(engine)
        >>> engine.run([0, 1]).output == engine.run([0, 1]).output
        True
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def attach(self, engine: Engine) -> None:
        """Seed before each iteration of the engine."""
        engine.add_event_handler(Events.ITERATION_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Seed for the engine's iteration."""
        rank = dist.get_rank() if dist.is_initialized() else 0
        sequence = np.random.SeedSequence((self.seed, rank, engine.state.iteration))
        for_python, for_numpy, for_torch = (int(word) for word in sequence.generate_state(3))
        random.seed(for_python)
        np.random.seed(for_numpy)  # noqa: NPY002 - libraries draw from the global generator
        torch.manual_seed(for_torch)

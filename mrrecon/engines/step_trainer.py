"""Trainer of several networks against each other."""

import math
from typing import Any

import torch
from monai.engines import SupervisedTrainer
from monai.engines.utils import IterationEvents
from monai.utils.enums import CommonKeys as Keys

from mrrecon.engines.alpha_wgan_steps import AlphaWGANSteps

__all__ = ["StepTrainer"]


class StepTrainer(SupervisedTrainer):
    """Trainer for ``AlphaWGANSteps``: ``steps(inputs)`` is the whole iteration, optimisers included.

    All handlers of a training work as they do elsewhere. The loss of the output is the distance of images and
    reconstructions, or NaN where any part of a loss is not finite.

    Args:
        *args: as for ``SupervisedTrainer``, whose loss function and optimiser are not called.
        steps: what makes a step.
        **kwargs: as for ``SupervisedTrainer``.
    """

    def __init__(self, *args: Any, steps: AlphaWGANSteps, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.steps = steps

    def _iteration(self, engine: Any, batchdata: Any) -> Any:
        inputs, targets = engine.prepare_batch(
            batchdata, engine.state.device, engine.non_blocking, **engine.to_kwargs
        )[:2]
        engine.state.output = {Keys.IMAGE: inputs, Keys.LABEL: targets}
        engine.fire_event(IterationEvents.FORWARD_COMPLETED)
        components = engine.steps(inputs)
        finite = all(math.isfinite(value) for value in components.values())
        engine.state.output[Keys.LOSS] = torch.tensor(components["distance"] if finite else math.nan)
        engine.fire_event(IterationEvents.LOSS_COMPLETED)
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        return engine.state.output

"""Trainer whose optimiser works out its steps itself, without gradients."""

from typing import Any

import torch
from monai.engines import SupervisedTrainer
from monai.engines.utils import IterationEvents
from monai.utils.enums import CommonKeys as Keys

__all__ = ["FitTrainer"]


class FitTrainer(SupervisedTrainer):
    """Trainer for ``FactorSteps`` and ``DictionarySteps``: ``optimizer.fit(inputs)`` is the whole iteration.

    All handlers of a training work as they do elsewhere. The loss of the output is what ``fit`` returns; the
    ``loss_function`` is not called. Such steps are not shared between processes.

    Args:
        *args: as for ``SupervisedTrainer``.
        **kwargs: as for ``SupervisedTrainer``.

    Raises:
        ValueError: there is more than one process.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if torch.distributed.is_initialized() and torch.distributed.get_world_size() > 1:
            raise ValueError(
                f"{torch.distributed.get_world_size()} processes: steps without gradients are made in one "
                "process; leave multi_gpu_train.json away"
            )
        super().__init__(*args, **kwargs)

    def _iteration(self, engine: Any, batchdata: Any) -> Any:
        inputs, targets = engine.prepare_batch(
            batchdata, engine.state.device, engine.non_blocking, **engine.to_kwargs
        )[:2]
        engine.state.output = {Keys.IMAGE: inputs, Keys.LABEL: targets}
        engine.network.train()
        engine.fire_event(IterationEvents.FORWARD_COMPLETED)
        with torch.no_grad():
            engine.state.output[Keys.LOSS] = engine.optimizer.fit(inputs)
        engine.optimizer._opt_called = True  # else a scheduler warns that there was no step
        engine.fire_event(IterationEvents.LOSS_COMPLETED)
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        return engine.state.output  # a list by now: the handlers have taken the batch apart

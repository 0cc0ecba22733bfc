"""Training that begins with the weights of another one."""

from pathlib import Path

from ignite.engine import Engine, Events
from torch import nn
from torch.optim import Optimizer

from mrrecon.handlers.weights import load_weights

__all__ = ["StartFrom"]


class StartFrom:
    """Handler of a trainer that loads weights when it starts, for fine-tuning.

    It comes before ``ResumeCheckpoint``, whose checkpoint, once there is one, prevails.

    Args:
        path: weights, or a checkpoint of ``ResumeCheckpoint``.
        network: what gets the weights.
        optimizer: what gets the moments, where they are wanted; its step size stays its own.
        moments: whether the optimiser goes on with the moments of the checkpoint, or begins without.

    Raises:
        FileNotFoundError: there is no such file, when the trainer starts.
        ValueError: it does not fit the network or the optimiser, when the trainer starts.
    """

    def __init__(
        self, path: str | Path, network: nn.Module, optimizer: Optimizer, *, moments: bool = False
    ) -> None:
        self.path = path
        self.network = network
        self.optimizer = optimizer
        self.moments = moments

    def attach(self, engine: Engine) -> None:
        """Load at the start of the engine."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:  # noqa: ARG002 - ignite's interface
        """Load now."""
        state = load_weights(self.network, self.path)
        if not self.moments:
            return
        if "optimizer" not in state:
            raise ValueError(f"{str(self.path)!r} holds weights alone: give a checkpoint of a training")
        own = self.optimizer.state_dict()
        given = state["optimizer"]
        if [len(group["params"]) for group in own["param_groups"]] != [
            len(group["params"]) for group in given["param_groups"]
        ]:
            raise ValueError(
                f"{str(self.path)!r} comes from a training with another loss: its optimiser does not fit"
            )
        self.optimizer.load_state_dict({"state": given["state"], "param_groups": own["param_groups"]})

"""Adversarial training that begins with the weights of another one."""

from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from torch import nn

from mrrecon.handlers.weights import load_weights, read_state

__all__ = ["StartSteps"]


class StartSteps:
    """Handler of a trainer that loads weights when it starts, for fine-tuning.

    Of a checkpoint of such a training it takes all networks, the critics too; of a file of weights alone,
    those of encoder and generator, whose critics begin anew. It comes before ``ResumeCheckpoint``, whose
    checkpoint, once there is one, prevails.

    Args:
        path: weights, or a checkpoint of ``ResumeCheckpoint``.
        steps: ``AlphaWGANSteps``, whose networks get the weights.
        network: encoder and generator.
        moments: whether the optimisers go on with the moments of the checkpoint, or begin without; their step
            sizes stay their own.

    Raises:
        FileNotFoundError: there is no such file, when the trainer starts.
        ValueError: it does not fit, when the trainer starts.
    """

    def __init__(self, path: str | Path, steps: Any, network: nn.Module, *, moments: bool = False) -> None:
        self.path = path
        self.steps = steps
        self.network = network
        self.moments = moments

    def attach(self, engine: Engine) -> None:
        """Load at the start of the engine."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:  # noqa: ARG002 - ignite's interface
        """Load now."""
        state = read_state(self.path)
        if "steps" not in state:
            if self.moments:
                raise ValueError(f"{str(self.path)!r} holds weights alone: give a checkpoint of a training")
            load_weights(self.network, self.path)
            return
        given = state["steps"]
        for name, network in self.steps.networks.items():
            _load(network, given["networks"][name], f"{str(self.path)!r}, {name}")
        if not self.moments:
            return
        for name, optimizer in self.steps.optimizers.items():
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": given["optimizers"][name]["state"], "param_groups": groups})


def _load(network: nn.Module, given: dict[str, Any], where: str) -> None:
    wanted = network.state_dict()
    shapes = {name: tensor.shape for name, tensor in wanted.items()}
    if shapes != {name: tensor.shape for name, tensor in given.items()}:
        raise ValueError(f"{where}: weights of a network of another width; give channels and latent of it")
    network.load_state_dict(given)

"""One training step of an α-WGAN: autoencoder, critic of the images, critic of the codes, in turn."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.optim import Optimizer

from mrrecon.engines.averaged_gradients import average_gradients, share_weights
from mrrecon.losses import autoencoder_objective, critic_objective, gradient_penalty
from mrrecon.networks import AlphaWGAN

__all__ = ["AlphaWGANSteps"]


class AlphaWGANSteps:
    r"""Steps of an α-WGAN: one update each of E and G, of the critic D, and of the critic C of the codes.

    1. E and G: ``autoencoder_objective``. As published, G may be stepped twice with the same gradients.
    2. D: -2 D(x) + D(G(E(x))) + D(G(z)) and two gradient penalties, between images and either kind of fake.
    3. C: -C(z) + C(E(x)) and a gradient penalty.

    Random numbers follow from seed, process and number of steps: nothing of them has to be kept. Where
    processes have joined, gradients are averaged over them.

    Args:
        autoencoder: E and G.
        critic: D, images in [-1, 1] -> scores.
        code_critic: C, codes -> scores.
        optimizers: of ``"encoder"``, ``"generator"``, ``"critic"`` and ``"code_critic"``.
        distance: of reconstruction and image, in [-1, 1]: the mean absolute difference as published.
        lambda_l1: weight of the distance.
        lambda_gp: weight of each gradient penalty.
        double_generator_step: whether the generator is stepped twice, as in the published code.
        joint_batches: whether reconstructions and samples go through the generator, and with images through
            the critic, as one batch, not one after another as in the published code. Batch normalisation then
            works in training with what its running averages, which inference uses, are averages of.
        amp: whether the networks run under bfloat16 autocast; weights, losses and slopes stay in float32.
        seed: another seed, other random numbers.

    Attributes:
        components: objectives and their parts of the last step, for the curves: ``generator``, ``critic`` and
            ``code_critic`` (what each minimised), ``distance``, ``critic_penalty``, ``code_critic_penalty``.
        n_steps: steps done.

    Raises:
        ValueError: an optimiser is missing or foreign.

    Reference:
        Kwon, Han, Kim. Generation of 3D brain MRI using auto-encoding generative adversarial networks. MICCAI
        2019. https://doi.org/10.1007/978-3-030-32248-9_14
    """

    def __init__(
        self,
        autoencoder: AlphaWGAN,
        critic: nn.Module,
        code_critic: nn.Module,
        *,
        optimizers: dict[str, Optimizer],
        distance: Callable[[Tensor, Tensor], Tensor],
        lambda_l1: int | float = 10,
        lambda_gp: int | float = 10,
        double_generator_step: bool = False,
        joint_batches: bool = False,
        amp: bool = False,
        seed: int = 0,
    ) -> None:
        self.networks: dict[str, nn.Module] = {
            "encoder": autoencoder.encoder,
            "generator": autoencoder.generator,
            "critic": critic,
            "code_critic": code_critic,
        }
        if set(optimizers) != set(self.networks):
            raise ValueError(f"optimizers={sorted(optimizers)} must be those of {sorted(self.networks)}")
        self.autoencoder = autoencoder
        self.optimizers = dict(optimizers)
        self.distance = distance
        self.lambda_l1 = float(lambda_l1)
        self.lambda_gp = float(lambda_gp)
        self.double_generator_step = double_generator_step
        self.joint_batches = joint_batches
        self.amp = amp
        self.seed = seed
        self.n_steps = 0
        self.components: dict[str, float] = {}
        for network in self.networks.values():
            share_weights(network)

    def __call__(self, x: Tensor) -> dict[str, float]:
        """One step.

        Args:
            x: images (batch, 1, side, side, side) in [0, 1].

        Returns:
            ``components``.
        """
        for network in self.networks.values():
            network.train()
        rank = dist.get_rank() if dist.is_initialized() else 0
        words = np.random.SeedSequence((self.seed, rank, self.n_steps)).generate_state(2, np.uint32)
        draws = torch.Generator().manual_seed(int(words[0]) << 31 | int(words[1]) >> 1)
        x = 2 * x.clamp(0, 1) - 1
        self.components = {**self._step_autoencoder(x, draws), **self._step_critics(x, draws)}
        self._learns(*self.networks)
        self.n_steps += 1
        return self.components

    def _step_autoencoder(self, x: Tensor, draws: torch.Generator) -> dict[str, float]:
        encoder, generator, critic, code_critic = self.networks.values()
        self._learns("encoder", "generator")
        z = self._run(encoder, x)
        fakes = self._through(generator, [z, self._codes(z, draws)])
        distance = self.distance(fakes[0], x)
        scores = self._through(critic, fakes)
        loss = autoencoder_objective(
            distance,
            code_scores=self._run(code_critic, z),
            reconstruction_scores=scores[0],
            sample_scores=scores[1],
            lambda_l1=self.lambda_l1,
        )
        self._backward(loss, "encoder", "generator")
        self.optimizers["encoder"].step()
        self.optimizers["generator"].step()
        if self.double_generator_step:
            self.optimizers["generator"].step()
        return {"generator": float(loss.detach()), "distance": float(distance.detach())}

    def _step_critics(self, x: Tensor, draws: torch.Generator) -> dict[str, float]:
        encoder, generator, critic, code_critic = self.networks.values()
        with torch.no_grad():
            z = self._run(encoder, x)
            fakes = self._through(generator, [z, self._codes(z, draws)])
        drawn = self._codes(z, draws)
        components: dict[str, float] = {}
        for name, network, real, kinds in (
            ("critic", critic, x, fakes),
            ("code_critic", code_critic, drawn, [z]),
        ):
            self._learns(name)
            scores = self._through(network, [real, *kinds])
            loss = critic_objective(scores[0], scores[1:])
            scored = functools.partial(self._run, network)
            penalties = [gradient_penalty(scored, real, fake=kind, generator=draws) for kind in kinds]
            penalty = torch.stack(penalties).sum()
            self._backward(loss + self.lambda_gp * penalty, name)
            self.optimizers[name].step()
            components |= {
                name: float((loss + self.lambda_gp * penalty).detach()),
                f"{name}_distance": -float(loss.detach()) / len(kinds),
                f"{name}_penalty": float(penalty.detach()) / len(kinds),
            }
        return components

    def _through(self, network: nn.Module, batches: list[Tensor]) -> list[Tensor]:
        """Output of a network for each of several batches of one size."""
        if self.joint_batches:
            return list(self._run(network, torch.cat(batches)).split(len(batches[0])))
        return [self._run(network, batch) for batch in batches]

    def _run(self, network: nn.Module, batch: Tensor) -> Tensor:
        with torch.autocast(batch.device.type, torch.bfloat16, enabled=self.amp):
            output: Tensor = network(batch)
        return output.float()

    def _codes(self, like: Tensor, draws: torch.Generator) -> Tensor:
        return torch.randn(like.shape, generator=draws, dtype=like.dtype).to(like.device)

    def _learns(self, *names: str) -> None:
        """Ask for gradients of the weights of these networks only."""
        for name, network in self.networks.items():
            network.requires_grad_(name in names)

    def _backward(self, loss: Tensor, *names: str) -> None:
        for name in names:
            self.optimizers[name].zero_grad(set_to_none=True)
        loss.backward()
        for name in names:
            average_gradients(self.networks[name])

    def state_dict(self) -> dict[str, Any]:
        """Weights, moments and the number of steps, for ``ResumeCheckpoint``."""
        return {
            "networks": {name: network.state_dict() for name, network in self.networks.items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "n_steps": self.n_steps,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        for name, network in self.networks.items():
            network.load_state_dict(state["networks"][name])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        self.n_steps = int(state["n_steps"])

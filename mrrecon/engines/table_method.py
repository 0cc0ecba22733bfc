"""A trained network of a table of reconstructions, and what it makes of a scan."""

import copy
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["TableMethod", "table_methods"]

Load = Callable[[nn.Module, str | Path], Any]


@dataclass
class TableMethod:
    """Network with weights, and how it was trained.

    Args:
        name: of the method, such as ``"VQ-VAE, Baur loss"``.
        mode: of its training, such as ``"H"``; it says on which scans the network is tested.
        resolution: name of the view that the network takes.
        network: image (1, 1, x, y, z) -> image; copied.
        weights: file of its weights.
        load: reads them into the network: ``mrrecon.handlers.load_weights``.

    Raises:
        ValueError: the name or the mode is empty.
    """

    name: str
    mode: str
    resolution: str
    network: nn.Module
    weights: str | Path
    load: Load
    key: str = field(init=False, default="")

    def __post_init__(self) -> None:
        if not self.name or not self.mode:
            raise ValueError(f"name={self.name!r} and mode={self.mode!r} of a method must not be empty")
        self.network = copy.deepcopy(self.network)

    @property
    def label(self) -> str:
        """Name, mode and resolution as words."""
        return f"{self.name}, {self.mode}, {self.resolution}"

    def open(self, device: torch.device | str) -> None:
        """Read the weights; ``key`` then tells these weights from all others.

        Args:
            device: where the network is to work.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the weights are those of another network.
        """
        self.load(self.network, self.weights)
        self.network.to(device).eval()
        digest = hashlib.sha256(Path(self.weights).read_bytes()).hexdigest()[:16]
        self.key = f"{self.label}, weights {digest}"

    @torch.no_grad()
    def __call__(self, image: Tensor) -> Tensor:
        """Reconstruction of an image (1, x, y, z), in float32 on the processor."""
        device = next(self.network.parameters()).device
        output: Tensor = self.network(image.float()[None].to(device))
        return output[0].float().cpu()


def table_methods(
    trained: Sequence[Sequence[str]], *, networks: Mapping[str, nn.Module], load: Load, modes: Sequence[str]
) -> list[TableMethod]:
    """Methods of a list, as a config writes it.

    Args:
        trained: of each its name, mode, resolution, the name of its network, and the file of its weights.
        networks: by name.
        load: reads weights into a network.
        modes: those that are wanted.

    Raises:
        ValueError: an entry is none of five words, or names a network that is not there.

    Example:
        >>> entry = ["copy", "H", "high", "identity", "model.pt"]
        >>> table_methods([entry], networks={"identity": nn.Identity()}, load=print, modes=["H"])[0].label
        'copy, H, high'
    """
    methods = []
    for entry in trained:
        if len(entry) != 5 or entry[3] not in networks:
            raise ValueError(
                f"trained: {list(entry)} must be name, mode, resolution, "
                f"network ({', '.join(networks)}), weights"
            )
        name, mode, resolution, network, weights = entry
        if mode in modes:
            methods.append(TableMethod(name, mode, resolution, networks[network], weights, load))
    return methods

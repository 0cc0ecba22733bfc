"""A small random context model for the tests."""

import torch

from mrrecon.codec.context_model import ContextModel
from mrrecon.codec.context_training import TrainableContext

SIZES = {"n_neighbours": 6, "code_channels": 3, "prior_channels": 4, "n_prior": 8, "n_hidden": 16}


def small_context(n_codes=5, *, n_levels=2, seed=0):
    """Of random weights, with distributions far from flat."""
    generator = torch.Generator().manual_seed(seed)
    networks = [TrainableContext(n_codes, **SIZES, generator=generator) for _ in range(n_levels)]
    for network in networks:
        network.logits.data.mul_(20)
    levels = [network.integers() for network in networks]
    return ContextModel({"version": 1, "weights": "0123456789abcdef", "levels": levels}), networks

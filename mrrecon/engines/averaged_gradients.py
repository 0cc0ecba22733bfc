"""Processes that train one network without a wrapper around it, where gradients are taken of gradients."""

import torch
import torch.distributed as dist
from torch import Tensor, nn

__all__ = ["average_gradients", "share_weights"]


def average_gradients(network: nn.Module) -> None:
    """Give each weight the mean of its gradients over all processes; nothing where none have joined.

    torch's ``DistributedDataParallel`` does not support ``autograd.grad``, which a gradient penalty needs.

    Args:
        network: after the backward pass, before the step of its optimiser.
    """
    gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
    if not dist.is_initialized() or not gradients:
        return
    together = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(together)
    together /= dist.get_world_size()
    start = 0
    for gradient in gradients:
        gradient.copy_(together[start : start + gradient.numel()].view_as(gradient))
        start += gradient.numel()


def share_weights(network: nn.Module) -> None:
    """Give all processes the weights and buffers of the first; nothing where none have joined.

    Args:
        network: changed in place.
    """
    if not dist.is_initialized():
        return
    state: list[Tensor] = [*network.parameters(), *network.buffers()]
    for tensor in state:
        dist.broadcast(tensor.detach(), src=0)

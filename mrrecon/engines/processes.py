"""Training in several processes."""

import os

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

__all__ = ["distribute", "join_processes", "local_device"]


def local_device() -> torch.device:
    """The GPU of this process among those of its machine, which ``torchrun`` numbers; without GPUs the CPU.

    Example:
        >>> local_device().type in ("cpu", "cuda")
        True
    """
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device("cpu")


def join_processes(device: torch.device) -> None:
    """Meet the other processes that ``torchrun`` started: by nccl where the device is a GPU, else by gloo.

    Args:
        device: device of this process.

    Raises:
        RuntimeError: the process was not started by ``torchrun``.
    """
    if "WORLD_SIZE" not in os.environ:
        raise RuntimeError(
            "there are no processes to join: start them by "
            "python -m torch.distributed.run --nproc_per_node=<n> -m monai.bundle run ..."
        )
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")


def distribute(module: nn.Module, device: torch.device | str) -> nn.Module:
    """The module on the device; where processes have joined, wrapped so that they average its gradients.

    Codebooks need no help: what they gather they sum over the processes themselves. A module without
    parameters needs no wrapping.

    Args:
        module: network or loss.
        device: device of this process.

    Example:
        >>> distribute(nn.Linear(1, 1), "cpu")
        Linear(in_features=1, out_features=1, bias=True)
    """
    module = module.to(device)
    if not dist.is_initialized() or not any(parameter.requires_grad for parameter in module.parameters()):
        return module
    return DistributedDataParallel(module)

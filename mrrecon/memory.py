"""How much memory can be had."""

import os
from pathlib import Path

import torch

__all__ = ["available_memory"]


def available_memory(device: torch.device | None = None) -> int | None:
    """Bytes of memory that can be had without swapping; None where the system does not say.

    Args:
        device: whose memory; None: the processor's.

    Example:
        >>> available_memory() != 0
        True
    """
    if device is not None and device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device is not None and device.type != "cpu":
        return None
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None

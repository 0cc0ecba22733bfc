"""Short names that tell weights and scans apart."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

__all__ = ["file_identity", "weights_identity"]

LENGTH = 16
"""Hexadecimal digits: 64 bits tell apart more files than there are."""


def weights_identity(state: Mapping[str, Tensor]) -> str:
    """Name of the weights of a network: 16 hexadecimal digits of a SHA-256 over names, shapes, types, values.

    Args:
        state: ``network.state_dict()``, on any device. The order of its entries does not matter.

    Example:
        >>> weights_identity({"a": torch.zeros(2)}) == weights_identity({"a": torch.ones(2)})
        False
    """
    sha = hashlib.sha256()
    for name in sorted(state):
        value = state[name].detach().cpu().contiguous()
        sha.update(f"{name} {value.dtype} {list(value.shape)}\n".encode())
        sha.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()[:LENGTH]


def file_identity(path: str | Path) -> str:
    """Name of the content of a file, or of all files of a folder: 16 hexadecimal digits of a SHA-256.

    Args:
        path: file of a scan, or folder of its DICOM series.

    Raises:
        OSError: it cannot be read.
    """
    place = Path(path)
    files = sorted(file for file in place.iterdir() if file.is_file()) if place.is_dir() else [place]
    sha = hashlib.sha256()
    for file in files:
        sha.update(f"{file.stat().st_size}\n".encode())
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                sha.update(block)
    return sha.hexdigest()[:LENGTH]

"""Weights in a file: whole or not there, and refused in one sentence where they do not fit."""

from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import nn

from mrrecon.files import atomic_path

__all__ = ["load_weights", "read_state", "save_state"]


def save_state(state: Mapping[str, Any], path: str | Path) -> None:
    """Write tensors, numbers and dictionaries of them, so that a reader finds the old file or the new one.

    Args:
        state: what ``torch.load(..., weights_only=True)`` is to give back.
        path: the file, whose folder is made.
    """
    with atomic_path(path) as temporary:
        torch.save(state, temporary)


def read_state(path: str | Path) -> dict[str, Any]:
    """Read what ``save_state`` wrote, to the memory of the CPU. No code in the file is run.

    Args:
        path: the file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds no dictionary of tensors.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{str(path)!r} does not exist: give the path of a checkpoint")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, UnpicklingError, EOFError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{str(path)!r} is no checkpoint of torch: {reason}") from error
    if not isinstance(state, dict):
        raise ValueError(
            f"{str(path)!r} holds a {type(state).__name__}: give a checkpoint that holds a state_dict"
        )
    return state


def load_weights(network: nn.Module, path: str | Path) -> dict[str, Any]:
    """Give a network the weights of a file: a ``state_dict``, or a checkpoint that has one as ``network``.

    Args:
        network: changed in place, if all weights fit; else not at all.
        path: the file.

    Returns:
        All that the file holds.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a weight is missing, left over or of another shape.
    """
    state = read_state(path)
    given = state.get("network", state)
    wanted = network.state_dict()
    missing = [name for name in wanted if name not in given]
    foreign = [name for name in given if name not in wanted]
    other = [name for name in wanted if name in given and wanted[name].shape != given[name].shape]
    if missing or foreign or other:
        example = (missing or foreign or other)[0]
        raise ValueError(
            f"{str(path)!r} holds the weights of another network: {len(missing)} missing, "
            f"{len(foreign)} foreign, {len(other)} of another shape, for example {example}"
        )
    network.load_state_dict(given)
    return state

"""Weights in half precision: half the file.

    python scripts/recipes/halve.py runs/baur/model.pt bundles/vqvae3d/models/model.pt --keep quantize

Takes a ``state_dict`` or a checkpoint of ``ResumeCheckpoint``. Weights whose names begin with one of
``--keep`` stay as they are: codebooks, whose codes would change.
"""

import argparse
import sys
from pathlib import Path

import torch

from mrrecon.handlers import read_state, save_state


def main() -> None:
    """Read, halve, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--keep", nargs="*", default=[], help="beginnings of names")
    options = parser.parse_args()
    state = read_state(options.source)
    halved = {
        name: value.half()
        if value.is_floating_point() and not name.startswith(tuple(options.keep))
        else value
        for name, value in state.get("network", state).items()
    }
    if not all(bool(torch.isfinite(value).all()) for value in halved.values()):
        sys.exit(f"error: {options.source} holds a weight beyond 65504, which half precision cannot hold")
    save_state(halved, options.target)


if __name__ == "__main__":
    main()

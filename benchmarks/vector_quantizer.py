"""Claim: codes stay alive, in a fifth of the time and a twentieth of the memory of MONAI's quantiser.

    python benchmarks/vector_quantizer.py --size 48 64 48 --steps 200 --repeats 7 --clock wall

Compares ``EMAVectorQuantizer`` with MONAI's ``EMAQuantizer``, 256 codes of 2 channels, decay 0.99. Codes
alive: how many of them the last of the training steps chose, on features whose spread and mean grow
slowly, as while a network learns. Time (median over rounds of the ratio within a round) and peak extra
memory (each in a process of its own) of features to quantised features in evaluation, and of one training
step.
"""

import argparse
import functools
import statistics
import time

from measure import interleaved, peak_memory_mib, ratio, without_spinning

# Each defines ``quantizer`` and ``quantise(z)`` -> (quantised features, indices).
CANDIDATES = {
    "mrrecon": """
from mrrecon.networks import EMAVectorQuantizer
quantizer = EMAVectorQuantizer(256, {channels}, decay=0.99)
def quantise(z):
    if quantizer.training:
        quantised, _, indices = quantizer.quantise(z)
        return quantised, indices
    indices = quantizer.encode(z)
    return quantizer.decode(indices), indices
""",
    "monai": """
from monai.networks.layers.vector_quantizer import EMAQuantizer
quantizer = EMAQuantizer(3, 256, {channels}, decay=0.99)
def quantise(z):
    quantised, _, indices = quantizer(z)
    return quantised, indices
""",
}
FEATURES = """
import torch
torch.manual_seed(0)
def features(step, size):
    # From the scale of an untrained network to that of a trained one.
    progress = min(step / 200, 1.0)
    return (0.1 + 0.4 * progress) * torch.randn(1, {channels}, *size) + 0.5 * progress
z = features(0, {size})
def evaluate():
    with torch.no_grad():
        return quantizer.eval() and quantise(z)
def train():
    return quantizer.train() and quantise(z)
"""


def main() -> None:
    """Measures and prints one table."""
    without_spinning()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, nargs=3, default=(48, 64, 48), help="sites along each axis")
    parser.add_argument("--channels", type=int, default=2, help="channels of a code")
    parser.add_argument("--steps", type=int, default=200, help="training steps")
    parser.add_argument("--repeats", type=int, default=7, help="timed rounds")
    parser.add_argument(
        "--clock", choices=["wall", "cpu"], default="wall", help="cpu: steadier on a busy machine"
    )
    arguments = parser.parse_args()

    size = tuple(arguments.size)
    setups, spaces, alive = {}, {}, {}
    for name, source in CANDIDATES.items():
        setups[name] = (source + FEATURES).format(channels=arguments.channels, size=size)
        space: dict = {}
        exec(setups[name], space)
        space["quantizer"].train()
        for step in range(arguments.steps):
            # Half the side will do to train: the counts are relative.
            _, indices = space["quantise"](space["features"](step, [n // 2 for n in size]))
        spaces[name], alive[name] = space, len(indices.unique())

    clock = time.perf_counter if arguments.clock == "wall" else time.process_time
    print(f"{'x'.join(map(str, size))} sites, {arguments.channels} channels, {arguments.clock} clock")
    print(f"codes alive of 256 after {arguments.steps} steps: {alive}")
    print(f"{'':20}{'ms':>9}{'of MONAI':>10}{'MiB':>9}{'of MONAI':>10}")
    for task in ("evaluate", "train"):
        functions = {name: functools.partial(space[task]) for name, space in spaces.items()}
        seconds = interleaved(functions, repeats=arguments.repeats, clock=clock)
        # The features themselves are no part of it; a small run first loads what is loaded once.
        small = f"whole, z = z, z[..., :8]\n{task}()\nz = whole"
        memory = {name: peak_memory_mib(setup, f"{task}()", warmup=small) for name, setup in setups.items()}
        for name in CANDIDATES:
            time_part = ratio(seconds[name], seconds["monai"])
            milliseconds = 1e3 * statistics.median(seconds[name])
            part = memory[name] / memory["monai"]
            print(
                f"{name + ', ' + task:20}{milliseconds:9.1f}{time_part:10.3f}{memory[name]:9.1f}{part:10.3f}"
            )


if __name__ == "__main__":
    main()

"""Claim: three times faster than the same network written plainly, in half the memory; training twice.

    python benchmarks/network_speed.py --size 192 256 192 --patches 8 --repeats 5 --clock wall

Compares ``MultiLevelVQVAE`` in float32 and in bfloat16 autocast (left out where the processor has no
bfloat16) with ``plain_vqvae.PlainVQVAE``, same weights, float32, and puts MONAI's ``VQVAE`` beside them,
which is another network: one level of codes. Prints time (median over rounds of the ratio within a
round), peak extra memory (each candidate in a process of its own), and how far reconstruction and codes
are from those of the plain network.
"""

import argparse
import functools
import statistics
import time
from pathlib import Path

from measure import interleaved, peak_memory_mib, ratio, without_spinning

FOLDER = Path(__file__).resolve().parent
WEIGHTS = FOLDER.parent / "bundles" / "vqvae3d" / "models" / "model.pt"

# Each defines ``network`` and ``amp``, with the imports it needs and no others.
OURS = "from mrrecon.networks import MultiLevelVQVAE\nnetwork, amp = MultiLevelVQVAE({arguments}), {amp}\n"
CANDIDATES = {
    "plain": "from plain_vqvae import PlainVQVAE\nnetwork, amp = PlainVQVAE({arguments}), False\n",
    "mrrecon": OURS.replace("{amp}", "False"),
    "mrrecon bfloat16": OURS.replace("{amp}", "True"),
    "MONAI VQVAE": """
from monai.networks.nets import VQVAE
network = VQVAE(spatial_dims=3, in_channels=1, out_channels=1, num_embeddings=256, embedding_dim=32)
amp = False
""",
}
SETUP = """
import sys
sys.path.append({folder!r})
import torch
torch.manual_seed(0)
torch.set_num_threads({threads} or torch.get_num_threads())
{candidate}
state = {weights!r} and torch.load({weights!r}, weights_only=True)
if state and hasattr(network, "quantize1"):
    network.load_state_dict({{name: value.float() if value.is_floating_point() else value
                              for name, value in state.items()}})

def infer(x):
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=amp):
        return network.eval()(x)

def train(x):
    network.train().zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=amp):
        output = network(x)
    ((output[0].float() - x).square().mean() + output[-1]).backward()

infer(torch.rand(1, 1, 64, 64, 64))
"""


def image(size: tuple[int, int, int]):
    """The MNI152 head in nilearn's wheel, cut and padded to a size."""
    import numpy as np
    import torch
    from nilearn.datasets import load_mni152_template

    head = np.asarray(load_mni152_template(resolution=1).dataobj, dtype=np.float32)
    head = (head / np.percentile(head, 99.95)).clip(0, 1)[tuple(slice(n) for n in size)]
    head = np.pad(head, [(0, n - m) for n, m in zip(size, head.shape, strict=True)])
    return torch.from_numpy(head)[None, None]


def has_bfloat16() -> bool:
    """Whether this processor multiplies in bfloat16."""
    import torch

    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def table(title: str, seconds: dict, memory: dict, *, notes: dict | None = None) -> None:
    """Prints seconds and MiB of each candidate, and both as parts of the plain network's."""
    print(f"\n{title}\n{'':18}{'seconds':>9}{'faster':>9}{'MiB':>9}{'of MiB':>9}")
    for name, each in seconds.items():
        faster, part = ratio(seconds["plain"], each), memory[name] / memory["plain"]
        line = f"{name:18}{statistics.median(each):9.2f}{faster:9.2f}{memory[name]:9.0f}{part:9.2f}"
        print(line + "   " + (notes or {}).get(name, ""))


def deviation(y, plain) -> str:
    """How far a reconstruction is from the plain network's."""
    error = y.float() - plain
    return f"error rms {float(error.square().mean().sqrt()):.1e}, max {float(error.abs().max()):.1e}"


def main() -> None:
    """Measures and prints two tables."""
    without_spinning()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, nargs=3, default=(192, 256, 192), help="multiples of 64")
    parser.add_argument("--patches", type=int, default=8, help="patches of 64^3 in a training step; 0: none")
    parser.add_argument("--repeats", type=int, default=5, help="timed rounds")
    parser.add_argument("--weights", default=str(WEIGHTS) if WEIGHTS.exists() else "", help="a state_dict")
    parser.add_argument(
        "--threads", type=int, default=0, help="0: as many as torch takes; 1 on a busy machine"
    )
    parser.add_argument("--arguments", default="", help="of the networks, if not those of the paper")
    parser.add_argument("--without-monai", action="store_true", help="leave MONAI's network out")
    parser.add_argument(
        "--clock", choices=["wall", "cpu"], default="wall", help="cpu: steadier on a busy machine"
    )
    arguments = parser.parse_args()

    left_out = {"MONAI VQVAE"} if arguments.without_monai else set()
    left_out |= set() if has_bfloat16() else {"mrrecon bfloat16"}
    setups, names = {}, {}
    for name, source in CANDIDATES.items():
        if name not in left_out:
            source = source.replace("{arguments}", arguments.arguments)
            setups[name] = SETUP.format(
                folder=str(FOLDER), candidate=source, weights=arguments.weights, threads=arguments.threads
            )
            names[name] = {}
            exec(setups[name], names[name])
    clock = time.perf_counter if arguments.clock == "wall" else time.process_time

    def measured(task: str, x, shape: tuple[int, ...]) -> tuple[dict, dict]:
        tasks = {name: functools.partial(space[task], x) for name, space in names.items()}
        seconds = interleaved(tasks, repeats=arguments.repeats, clock=clock)
        x_setup = f"x = torch.rand{shape}\n"
        memory = {name: peak_memory_mib(setup + x_setup, f"{task}(x)") for name, setup in setups.items()}
        return seconds, memory

    x = image(tuple(arguments.size))
    plain, codes, _ = names["plain"]["infer"](x)
    notes = {"MONAI VQVAE": "another network"}
    for name in ("mrrecon", "mrrecon bfloat16"):
        if name in names:
            space = names[name]
            with space["torch"].inference_mode():
                ours = space["network"].encode(x)
            same = all(bool((a == b).all()) for a, b in zip(ours, codes, strict=True))
            verdict = "equal" if same else "differ"
            notes[name] = f"{deviation(space['infer'](x), plain)}, codes {verdict}"
    size = "x".join(map(str, arguments.size))
    threads = names["plain"]["torch"].get_num_threads()
    print(f"{threads} threads, {arguments.repeats} rounds, {arguments.clock} clock")
    table(f"Inference at {size}", *measured("infer", x, (1, 1, *arguments.size)), notes=notes)
    if arguments.patches:
        shape = (arguments.patches, 1, 64, 64, 64)
        patches = names["plain"]["torch"].rand(shape)
        table(f"Training step on {arguments.patches} patches of 64^3", *measured("train", patches, shape))


if __name__ == "__main__":
    main()

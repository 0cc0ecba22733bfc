"""Claim: MS-SSIM of a whole head is at least 8 times faster than MONAI's, in no more memory, of equal value.

    python benchmarks/ms_ssim.py --size 192 256 192 --repeats 5 --clock wall

Prints time (median over rounds of the ratio within a round) and peak extra memory (each candidate in a
process of its own) of ours against MONAI's MultiScaleSSIMMetric with its Gaussian window of 11 and against
pytorch-msssim. Sides of at least 176 voxels, multiples of 16, are where the three agree on what the number
is.
"""

import argparse
import functools
import statistics
import time

from measure import interleaved, peak_memory_mib, ratio, without_spinning

# Each defines ``measure(pred, target)``, with the imports it needs and no others.
CANDIDATES = {
    "mrrecon": """
from mrrecon.metrics import MSSSIM
measure = MSSSIM(data_range=1.0)
""",
    "monai": """
from monai.metrics import MultiScaleSSIMMetric
measure = MultiScaleSSIMMetric(spatial_dims=3, data_range=1.0, kernel_type="gaussian", kernel_size=11)
""",
    "pytorch-msssim": """
from pytorch_msssim import MS_SSIM
measure = MS_SSIM(data_range=1.0, channel=1, spatial_dims=3)
""",
}
IMAGES = """
import torch
torch.manual_seed(0)
target = torch.rand(1, 1, *{size}).cumsum_(-1).mul_(0.5).cos_().mul_(0.5).add_(0.5)
pred = torch.randn_like(target).mul_(0.1).add_(target).clamp_(0, 1)
"""


def main() -> None:
    """Measures and prints one table."""
    without_spinning()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, nargs=3, default=(192, 256, 192), help="voxels along each axis")
    parser.add_argument("--repeats", type=int, default=5, help="timed rounds")
    parser.add_argument(
        "--clock", choices=["wall", "cpu"], default="wall", help="cpu: steadier on a busy machine"
    )
    arguments = parser.parse_args()

    images = IMAGES.format(size=tuple(arguments.size))
    names: dict = {}
    exec(images, names)
    functions = {}
    for name, source in CANDIDATES.items():
        exec(source, names)
        functions[name] = functools.partial(names["measure"], names["pred"], names["target"])

    values = {name: float(function()) for name, function in functions.items()}
    clock = time.perf_counter if arguments.clock == "wall" else time.process_time
    seconds = interleaved(functions, repeats=arguments.repeats, warmup=0, clock=clock)
    memory = {
        name: peak_memory_mib(images + source, "measure(pred, target)") for name, source in CANDIDATES.items()
    }

    size, threads = "x".join(map(str, arguments.size)), names["torch"].get_num_threads()
    print(f"MS-SSIM at {size}, {threads} threads, {arguments.repeats} rounds, {arguments.clock} clock")
    ratios = {name: ratio(each, seconds["mrrecon"]) for name, each in seconds.items()}
    print(f"{'':16}{'seconds':>10}{'x time':>10}{'MiB':>10}{'x MiB':>10}{'value':>12}{'difference':>12}")
    for name in functions:
        print(
            f"{name:16}{statistics.median(seconds[name]):10.2f}{ratios[name]:10.2f}"
            f"{memory[name]:10.0f}{memory[name] / memory['mrrecon']:10.2f}"
            f"{values[name]:12.7f}{values[name] - values['mrrecon']:12.1e}"
        )


if __name__ == "__main__":
    main()

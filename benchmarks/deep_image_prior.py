"""Figure: what one slice costs a deep image prior, and a network that was trained beforehand.

    python benchmarks/deep_image_prior.py --iterations 1000 --repeats 1 --clock wall

A slice of 160 x 144 pixels with five of six lines missing is fitted by the decoder of ``SparseVAE`` (32
features, as in the sparse imputation's Figure 8), and passed once through ``SparseVAE`` (``conv_sparse``) and
``CompletionNetwork``. The weights are random: they change no time. Prints seconds, and the fit's as a
multiple of each pass's. A step costs what any other does: with ``--iterations 20`` the seconds of 1000 follow
from those of 20 (and one more, the last image's).
"""

import argparse
import statistics
import time

from measure import interleaved, ratio, without_spinning

SIZE = (160, 144)
STEPS = 1000


def main() -> None:
    """Measures and prints a table."""
    without_spinning()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--iterations", type=int, default=STEPS, help="steps that are timed")
    parser.add_argument("--repeats", type=int, default=1, help="timed rounds")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as torch takes")
    parser.add_argument("--skip", action="store_true", help="the published skip network as well")
    parser.add_argument(
        "--clock", choices=["wall", "cpu"], default="wall", help="cpu: steadier on a busy machine"
    )
    arguments = parser.parse_args()

    import torch

    from mrrecon.inferers import DeepImagePriorSolver
    from mrrecon.networks import CompletionNetwork, SparseVAE
    from mrrecon.simulate import rotated_lines

    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads or torch.get_num_threads())
    seen = rotated_lines(SIZE, generator=torch.Generator().manual_seed(0))
    image = torch.rand(SIZE)
    holes = torch.where(seen, image, torch.nan)[None, None, ..., None]
    both = torch.stack([torch.where(seen, image, 0), seen.float()])[None]
    passes = {"SparseVAE conv_sparse": SparseVAE(2), "CompletionNetwork": CompletionNetwork(2)}

    def fit(method: str):
        solver = DeepImagePriorSolver(method, iterations=arguments.iterations, held_out=0)
        return lambda: solver(holes)

    def one_pass(network: torch.nn.Module):
        network = network.eval()
        with torch.inference_mode():
            network(both)

        def run() -> None:
            with torch.inference_mode():
                network(both)

        return run

    fits = ["decoder", "skip"] if arguments.skip else ["decoder"]
    tasks = {name: one_pass(network) for name, network in passes.items()}
    tasks |= {f"deep image prior, {name}": fit(name) for name in fits}
    clock = time.perf_counter if arguments.clock == "wall" else time.process_time
    seconds = interleaved(tasks, repeats=arguments.repeats, clock=clock)
    # The fit makes one image more than it takes steps.
    scale = (STEPS + 1) / (arguments.iterations + 1)
    for name in fits:
        seconds[f"deep image prior, {name}"] = [scale * s for s in seconds[f"deep image prior, {name}"]]
    print(f"{torch.get_num_threads()} threads, {arguments.iterations} steps timed, {arguments.clock} clock")
    print(f"{'one slice of 160 x 144':28}{'seconds':>10}" + "".join(f"{f'x {name}':>26}" for name in passes))
    for name, each in seconds.items():
        multiples = "".join(f"{ratio(each, seconds[other]):26.1f}" for other in passes)
        print(f"{name:28}{statistics.median(each):10.3f}{multiples}")


if __name__ == "__main__":
    main()
